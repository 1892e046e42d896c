/**
 * What came for a grant and waits for its turn. Reading a message never throws, whatever was sent:
 * a narrowing one is honoured even when unreadable, a widening one then becomes a recorded refusal.
 */
import { uuid4 } from '@temporalio/workflow';
import { UNVERIFIED, type Ref } from './domain/actor.js';
import type { DecisionEvent, Event, Refused } from './domain/event.js';
import { plainText } from './domain/text.js';
import { isUnreadable, type Narrowing, type Widening } from './messages.js';

export type WideningMessage = Widening & { action: 'approve' | 'extend' | 'renew' | 'review' };

const commentMax = 1_000;
/** As long as a signed statement may be: it is kept in the record, and sent to the target with all the others. */
export const evidenceMax = 16_000;
const decisionIdShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const refShape = /^(person|service|system):[A-Za-z0-9._@-]{1,80}$/;

/** Three queues, so that narrowing never waits behind anything. */
export class Inbox {
  private readonly narrowing: Event[] = [];
  private readonly answers: Event[] = [];
  private readonly widening: WideningMessage[] = [];

  narrow(type: 'denied' | 'withdrawn' | 'revoked', raw: unknown): void {
    this.narrowing.push(narrowingEvent(type, raw));
  }

  widen(action: WideningMessage['action'], raw: unknown): void {
    const read = wideningMessage(action, raw);
    if ('type' in read) this.answers.push(read);
    else this.widening.push(read);
  }

  cancel(): void {
    this.narrowing.push({ type: 'cancelled' });
  }

  /** What an activity or a system message brought. */
  answer(event: Event): void {
    this.answers.push(event);
  }

  takeNarrowing(): Event | undefined {
    return this.narrowing.shift();
  }

  takeAnswer(): Event | undefined {
    return this.answers.shift();
  }

  takeWidening(): WideningMessage | undefined {
    return this.widening.shift();
  }

  /** Has something that can be taken now; widening messages wait while another one is judged. */
  has(judging: boolean): boolean {
    return this.narrowing.length > 0 || this.answers.length > 0 || (!judging && this.widening.length > 0);
  }
}

function narrowingEvent(type: 'denied' | 'withdrawn' | 'revoked', raw: unknown): DecisionEvent {
  const { decisionId, by, reason } = fields<Narrowing>(raw);
  const event: DecisionEvent = {
    type,
    decisionId: decisionIdOf(decisionId) ?? uuid4(),
    by: refOf(by) ?? UNVERIFIED,
    reason: textOf(reason),
  };
  return refOf(by) === undefined ? { ...event, unverified: true } : event;
}

function wideningMessage(action: WideningMessage['action'], raw: unknown): WideningMessage | Refused {
  const { decisionId, by, comment, evidence } = fields<Widening>(raw);
  const id = decisionIdOf(decisionId);
  const actor = refOf(by);
  const isSigned = typeof evidence === 'string' && evidence.length <= evidenceMax;
  if (id === undefined || actor === undefined || !isSigned || isUnreadable(raw)) {
    const because = 'The message carried no readable, signed decision.';
    return {
      type: 'refused',
      action,
      decisionId: id ?? uuid4(),
      by: actor ?? UNVERIFIED,
      unverified: true,
      code: 'unreadable',
      because,
    };
  }
  return { action, decisionId: id, by: actor, comment: textOf(comment), evidence };
}

function fields<Message>(raw: unknown): { [Key in keyof Message]?: unknown } {
  return typeof raw === 'object' && raw !== null ? raw : {};
}

function decisionIdOf(value: unknown): string | undefined {
  return typeof value === 'string' && decisionIdShape.test(value) ? value : undefined;
}

function refOf(value: unknown): Ref | undefined {
  return typeof value === 'string' && refShape.test(value) ? value : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? plainText(value, commentMax) : '';
}
