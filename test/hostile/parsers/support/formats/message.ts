/**
 * What comes to a workflow: signals, updates, answers of activities, keys. Whoever can reach Temporal can send any of it, sealed or not:
 * what narrows is honoured, the rest is read in its own shape or refused, and what is then recorded can be hashed and is bounded.
 */
import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/common';
import { digest } from '../../../../../workflows/domain/digest.js';
import { readBelieved } from '../../../../../workflows/domain/note.js';
import { opened, type State } from '../../../../../workflows/domain/state.js';
import { apply } from '../../../../../workflows/domain/apply.js';
import type { Event } from '../../../../../workflows/domain/event.js';
import { viewOf } from '../../../../../workflows/domain/shown.js';
import * as answers from '../../../../../workflows/answers.js';
import { Inbox } from '../../../../../workflows/inbox.js';
import * as passkeys from '../../../../../workflows/passkey-messages.js';
import {
  allowing,
  asked,
  evidence,
  gone,
  hour,
  passed,
  provisioned,
  request,
  start,
} from '../../../../support/histories.js';
import { reader, type Format } from '../format.js';
import { changedJson, type Script } from '../mutate.js';

/** As JSON, which is how it comes. */
interface Input {
  kind: string;
  json: string;
}

const change = ({ kind, json }: Input, script: Script): Input => ({ kind, json: changedJson(json, script) });
const decisionId = '00000000-0000-4000-8000-000000000001';
const narrowing = { decisionId, by: 'person:manager', reason: 'Not today.' };
const widening = { decisionId, by: 'person:manager', comment: 'Go on.', evidence: 'e30.e30.e30' };
const passkey = {
  credentialId: 'AAAA',
  publicKey: 'BBBB',
  name: 'Key',
  counter: 0,
  transports: ['usb'],
  backedUp: false,
  evidence: 'e30.e30.e30',
  by: 'person:manager',
};

const textMax = 1_000;
const refShape = /^((person|service|system):[A-Za-z0-9._@-]{1,80}|unverified:signal)$/;
const hidden = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;
/** What one record may take, so that it can be published: the server ends who schedules more than 64 kB. */
const recordBytesMax = 60_000;

const narrows = ['denied', 'withdrawn', 'revoked'] as const;
const widens = ['approve', 'extend', 'renew', 'review'] as const;

function signal({ kind, json }: Input): void {
  const raw: unknown = JSON.parse(json);
  const inbox = new Inbox();
  const narrow = narrows.find((name) => name === kind);
  const widen = widens.find((name) => name === kind);
  if (narrow) {
    inbox.narrow(narrow, raw);
    const event = inbox.takeNarrowing();
    assert.ok(event?.type === narrow, 'what narrows was not honoured');
    assert.match(event.by, refShape);
    assert.ok(event.reason.length <= textMax && !hidden.test(event.reason));
    bounded(event);
  } else if (widen) {
    inbox.widen(widen, raw);
    const [message, refused] = [inbox.takeWidening(), inbox.takeAnswer()];
    assert.notEqual(message === undefined, refused === undefined);
    if (message) {
      assert.match(message.by, refShape);
      assert.ok(
        message.evidence.length <= 16_000 && message.comment.length <= textMax && !hidden.test(message.comment),
      );
    } else assert.equal(refused?.type === 'refused' && refused.code, 'unreadable');
    bounded(message ?? refused ?? {});
  } else throw new Error(`There is no signal ${kind}.`);
}

function bounded(value: object): void {
  assert.ok(Buffer.byteLength(JSON.stringify(value)) <= recordBytesMax, 'too large for a record');
  digest(value);
}

const updates = {
  enrol: passkeys.readEnrolment,
  rename: passkeys.readRenaming,
  remove: passkeys.readRemoving,
  use: passkeys.readUsing,
};

/** The state that waits for this answer, and the event that it becomes. */
const events: Record<string, (answer: unknown) => { state: State; event: Event }> = {
  finding: (answer) => ({
    state: asked(),
    event: { type: 'assessed', finding: answers.findingFrom(answer), ceiling: allowing },
  }),
  ceiling: (answer) => {
    const event = passed();
    return { state: asked(), event: { ...event, ceiling: answers.ceilingFrom(answer) } };
  },
  provisioned: (answer) => ({
    state: activating(),
    event: { type: 'provisioned', provisioned: answers.provisionedFrom(answer) },
  }),
  removal: (answer) => ({ state: activating(), event: { type: 'removed', removal: answers.removalFrom(answer) } }),
  eligibility: (answer) => ({
    state: activating(),
    event: { type: 'eligibility', check: 0, ...answers.eligibilityFrom(answer) },
  }),
};

function activating(): State {
  return apply(asked(), passed({ automatic: true }), start);
}

function answer({ kind, json }: Input): void {
  const raw: unknown = JSON.parse(json);
  if (kind === 'judgement') return bounded(answers.judgementFrom(raw));
  if (kind === 'opening') return bounded(answers.openingFrom(raw));
  if (kind === 'believed') return bounded(readBelieved(raw) ?? {});
  const read = events[kind];
  if (!read) throw new Error(`There is no answer ${kind}.`);
  const { state, event } = read(raw);
  const next = apply(state, event, start + 1);
  // It goes on from here: the records, the memo and the next state are written down.
  for (const record of next.records.slice(state.records.length)) bounded(record);
  assert.ok(Buffer.byteLength(JSON.stringify(viewOf(next))) <= 60_000, 'too large for the memo');
}

export async function message(): Promise<Format> {
  const event = passed();
  const made = provisioned();
  const away = gone();
  const as = (kind: string, value: unknown): Input => ({ kind, json: JSON.stringify(value) });
  const good: Input[] = [
    as('finding', event.finding),
    as('finding', { verdict: 'deny', code: 'not-eligible', because: 'You are not eligible.' }),
    as('ceiling', allowing),
    as('ceiling', { allows: false, because: 'It is not listed.' }),
    as('provisioned', 'provisioned' in made ? { ...made.provisioned, receipt: 'e30.e30.e30' } : {}),
    as('removal', 'removal' in away ? { ...away.removal, grantId: request().grantId, receipt: 'e30.e30.e30' } : {}),
    as('eligibility', {
      eligible: true,
      because: 'All still are.',
      receiptKeys: [{ kid: 'k', x: 'x', targets: ['orders-db'] }],
    }),
    as('judgement', {
      ok: true,
      by: 'person:manager',
      name: 'Manager',
      human: 'person:manager',
      standing: ['person:manager'],
    }),
    as('judgement', { ok: false, by: 'person:manager', code: 'not-eligible', because: 'No.' }),
    as('opening', { selectors: ['person:manager'], usedFallback: false, expireAt: start + hour }),
    as('believed', {
      installation: 'test',
      api: [{ kid: 'k', x: 'x' }],
      receipts: [{ kid: 'k', x: 'x', targets: [] }],
    }),
  ];
  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const extra = (levels: number): Input[] =>
    good.map(({ kind, json }) => ({ kind, json: `{"extra":${deep(levels)},${json.slice(1)}` }));
  const extraWithin = (levels: number): Input[] =>
    good.map(({ kind, json }) => ({ kind, json: json.replace(/[:[]\{/, `$&"extra":${deep(levels)},`) }));
  const wild = [
    'null',
    '1',
    '"a"',
    '[]',
    '{}',
    deep(30_000),
    '{"__proto__":{"by":"person:manager"}}',
    '{"unreadable":"broken"}',
  ];
  const signals = [...narrows.map((kind) => as(kind, narrowing)), ...widens.map((kind) => as(kind, widening))];
  const enrolments = [
    as('enrol', passkey),
    as('rename', passkey),
    as('remove', passkey),
    as('use', { ...passkey, challenge: 'C', for: 'approve' }),
  ];
  assert.ok(evidence !== '' && opened({ request: request(), evidence }, start));

  return {
    name: 'message',
    readers: [
      reader<Input>({
        name: 'signal',
        valid: signals,
        corpus: signals.flatMap(({ kind }) => wild.map((json) => ({ kind, json }))),
        change,
        read: signal,
        // Text that is no JSON is a matter of the codec.
        refuses: (error) => error instanceof SyntaxError,
      }),
      reader<Input>({
        name: 'update',
        valid: enrolments,
        corpus: enrolments.flatMap(({ kind }) => wild.map((json) => ({ kind, json }))),
        change,
        read: ({ kind, json }) => bounded(updates[kind as keyof typeof updates](JSON.parse(json)) ?? {}),
        refuses: (error) => error instanceof SyntaxError,
      }),
      reader<Input>({
        name: 'answer',
        valid: good,
        corpus: [
          ...good.flatMap(({ kind }) => wild.map((json) => ({ kind, json }))),
          ...extra(2_500),
          ...extra(4_000),
          ...extraWithin(30_000),
        ],
        change,
        read: answer,
        refuses: (error) => error instanceof ApplicationFailure || error instanceof SyntaxError,
      }),
    ],
  };
}
