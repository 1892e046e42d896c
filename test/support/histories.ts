/** Grants as the pure core lives them: events as they come from people, machines and time, and a grant in every state. */
import assert from 'node:assert/strict';
import { apply, isDecision, outcomeOf } from '../../workflows/domain/apply.js';
import type { Approved, Event, ExtensionAsked, RenewalAsked, Reviewed } from '../../workflows/domain/event.js';
import { isRefusal, type FailureCode } from '../../workflows/domain/failure.js';
import type { Request } from '../../workflows/domain/request.js';
import type { Finding, Opening, Risk, Rule, Step } from '../../workflows/domain/rule.js';
import { opened, type State } from '../../workflows/domain/state.js';
import type { GrantState } from '../../workflows/domain/states.js';
import type { CeilingAnswer, Provisioned, Removal } from '../../workflows/domain/target.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { transition } from '../../workflows/domain/transition.js';
import { hour, rule, step } from './script.js';

export type Of<Type extends Event['type']> = Extract<Event, { type: Type }>;

/** When every grant here is asked for: a Monday morning. */
export const start: Instant = Date.UTC(2026, 0, 5, 9);
export const second: Ms = 1_000;
export const minute: Ms = 60_000;

export const engineer = 'person:engineer';
export const manager = 'person:manager';
export const owner = 'person:owner';
export const secondOwner = 'person:second-owner';
export const security = 'person:security';

let made = 0;

/** Another UUID with each call, the same ones in every run. */
export function newId(): string {
  made += 1;
  return `00000000-0000-4000-8000-${made.toString(16).padStart(12, '0')}`;
}

export function request(more: Partial<Request> = {}): Request {
  return {
    grantId: '0123456789abcdefghjkmnpqrs',
    requester: engineer,
    subject: engineer,
    requesterName: 'Engineer',
    subjectName: 'Engineer',
    entitlement: 'orders-db/read',
    target: 'orders-db',
    justification: 'Look into a late order.',
    requestedDurationMs: hour,
    requestTime: start,
    ...more,
  };
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** Good for two weeks. The core reads it, and believes nothing of it. */
export const activateBy = start + 14 * 24 * hour;
const claims = { installation: 'test', activateBy };
export const evidence = `${part({ kid: 'api' })}.${part(claims)}.signed`;

export function asked(more: Partial<Request> = {}): State {
  return opened({ request: request(more), evidence }, start);
}

export const risk: Risk = { score: 20, band: 'elevated', factors: [], missing: [] };
export const allowing: CeilingAnswer = { allows: true, automatic: true, leastApprovals: 0, attested: false };

export function passed(more: Partial<Rule> = {}, ceiling: CeilingAnswer | 'silent' = allowing): Of<'assessed'> {
  const finding: Finding = { verdict: 'pass', rule: rule(more), risk, barred: [engineer], receiptKeys: [] };
  return { type: 'assessed', finding, ceiling };
}

/** Passes into a flow of these steps. */
export function into(...steps: Step[]): Of<'assessed'> {
  return passed({ flow: { name: 'flow', steps } });
}

type StepOpened = Omit<Of<'step-opened'>, 'opening'> & { opening: Partial<Opening> };

/** A step of the request is opened: reminds after one hour, escalates after two, expires after four. */
export function opensStep(more: Partial<StepOpened> = {}): Of<'step-opened'> {
  const { opening, ...rest } = more;
  const clocks = { remindAt: start + hour, escalateAt: start + 2 * hour, expireAt: start + 4 * hour };
  return {
    type: 'step-opened',
    about: 'request',
    step: 0,
    escalated: false,
    ...rest,
    opening: { selectors: [manager], usedFallback: false, ...clocks, ...opening },
  };
}

export function vote(by = manager, more: Partial<Approved> = {}): Approved {
  const decision = { decisionId: newId(), by, name: by, human: by, comment: '', evidence: `vote of ${by}` };
  return { type: 'approved', ...decision, about: 'request', step: 0, standing: [manager, owner, secondOwner], ...more };
}

export type Narrowing = Of<'denied' | 'withdrawn' | 'revoked'>;

export function narrows(type: Narrowing['type'], by = manager): Narrowing {
  return { type, decisionId: newId(), by, reason: 'a reason' };
}

export function asksMore(totalMs: Ms, more: Partial<ExtensionAsked> = {}): ExtensionAsked {
  const decision = { decisionId: newId(), by: engineer, reason: 'more time', evidence: 'an extension, signed' };
  return { type: 'extension-asked', ...decision, totalMs, ...more };
}

export function provisioned(more: Partial<Provisioned> = {}): Of<'provisioned'> {
  const account = { account: 'daypass_0123', endsAt: start + hour, evidenceDigest: 'e', targetIdentity: 'system-1' };
  return {
    type: 'provisioned',
    provisioned: { ...account, sealedCredential: 'sealed', receipt: 'a receipt', ...more },
  };
}

const removal: Removal = {
  grantId: request().grantId,
  account: 'daypass_0123',
  removedAt: start + hour,
  verifiedAt: start + hour,
  wasPresent: true,
  sessionsEnded: 0,
  targetIdentity: 'system-1',
  remarks: [],
  receipt: 'a receipt',
};

export function gone(more: Partial<Removal> = {}): Of<'removed'> {
  return { type: 'removed', removal: { ...removal, ...more } };
}

export function planted(more: Partial<Removal> = {}): Of<'tombstone-planted'> {
  return { type: 'tombstone-planted', removal: { ...removal, wasPresent: false, ...more } };
}

export function asksRenewal(more: Partial<RenewalAsked> = {}): RenewalAsked {
  return { type: 'renewal-asked', decisionId: newId(), by: engineer, evidence: 'a renewal, signed', ...more };
}

/** The target made another credential. */
export function renewedAs(renewal: string, more: Partial<Provisioned> = {}): Of<'renewed'> {
  const sealedCredential = 'sealed anew';
  return { type: 'renewed', renewal, made: { ...provisioned().provisioned, sealedCredential, ...more } };
}

export function reviews(by = security, more: Partial<Reviewed> = {}): Reviewed {
  const decision = { decisionId: newId(), by, name: by, comment: 'Looked at it.', evidence: `review of ${by}` };
  return { type: 'reviewed', ...decision, verdict: 'justified', ...more };
}

/** The target moved the end of this extension. */
export function endMoved(extension: string, endsAt: Instant): Of<'end-set'> {
  return { type: 'end-set', extension, moved: { ...provisioned().provisioned, endsAt } };
}

/** The state after these events, a second apart. Throws when one of them changes nothing or is refused. */
export function after(state: State, ...events: Event[]): State {
  return events.reduce((before, event) => {
    const next = apply(before, event, before.changedAt + second);
    const outcome = isDecision(event) ? outcomeOf(next, event.decisionId)?.result : 'applied';
    if (next === before || outcome !== 'applied') {
      throw new Error(`${event.type} in ${before.phase}: ${outcome === 'applied' ? 'changed nothing' : outcome}`);
    }
    return next;
  }, state);
}

/** The state or the code that an event leads to, a second later. */
export function leadsTo(state: State, event: Event, now = state.changedAt + second): GrantState | FailureCode {
  const frozen = JSON.stringify(state);
  const next = transition(state, event, now);
  assert.equal(JSON.stringify(state), frozen, 'the state before is not touched');
  return isRefusal(next) ? next.refused : next.phase;
}

const awaited = (more: Partial<Request> = {}) => after(asked(more), passed(), opensStep());
const activating = () => after(awaited(), vote());
const active = () => after(activating(), provisioned());

/** A grant in each state, by the way that leads there. */
export const inState: Record<GrantState, () => State> = {
  REQUESTED: asked,
  APPROVAL_AWAITED: awaited,
  SCHEDULED: () => after(awaited({ scheduledActivationTime: start + 6 * hour }), vote()),
  ACTIVATING: activating,
  ACTIVE: active,
  REVOKING: () => after(active(), narrows('revoked')),
  WITHDRAWING: () => after(active(), narrows('withdrawn', engineer)),
  DENIED: () => after(awaited(), narrows('denied')),
  EXPIRED: () => after(awaited(), { type: 'step-expired' }),
  ACTIVATION_FAILED: () =>
    after(activating(), { type: 'provision-failed', code: 'target-refused', because: 'no' }, gone()),
  ENDED: () => after(active(), { type: 'time-up' }, gone()),
  REVOKED: () => after(active(), narrows('revoked'), gone()),
  WITHDRAWN: () => after(active(), narrows('withdrawn', engineer), gone()),
};

/** An extension that waits for its approvers: its step is open. */
export function extending(): State {
  const extension = asksMore(3 * hour);
  return after(active(), extension, opensStep({ about: extension.decisionId }));
}

export const breaksGlass: Rule['emergency'] = { longestMs: hour, reviewers: ['group:security'] };

/** An emergency that can be used. */
export function emergency(): State {
  const unextended = { automaticUpToMs: 0, byApproval: true };
  const finding = passed({ emergency: breaksGlass, extension: unextended });
  return after(asked({ emergency: true }), finding, provisioned());
}

/** The credential was handed over. */
export function collected(collectId = 'one'): State {
  return after(active(), { type: 'collected', collectId, by: engineer });
}

/** The target is asked to move the end. */
export function moving(): State {
  return after(active(), asksMore(2 * hour));
}

export { hour, rule, step };
