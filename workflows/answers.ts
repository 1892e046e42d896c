/**
 * What activities answer, taken only in its proper shape. Whoever can poll a queue can answer anything, or nothing at all; what
 * has another shape is no answer, and ends as a failure that the grant can live with.
 */
import { ApplicationFailure } from '@temporalio/workflow';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { Eligibility, GrantPage, Judgement, Listing } from '../activities/contract.js';
import { isShallow } from './domain/depth.js';
import { failureCodes } from './domain/failure.js';
import type { Finding, Opening } from './domain/rule.js';
import type { CeilingAnswer, Provisioned, Removal } from './domain/target.js';
import { isUnreadable } from './messages.js';

type Fields = { [key: string]: unknown };
type Shape = { [key: string]: (value: unknown) => boolean };

/**
 * What is answered becomes a record, or goes into later questions beside a request (24 kB) and evidence (16 kB); each has to fit
 * into a payload of 64 kB, since the server terminates who schedules more.
 */
const answerBytesMax = 32_000;
const partBytesMax = 14_000;
/** The year 2100: what a clock can show, and a timer can wait for. */
const latest = 4_102_444_800_000;

const text = (value: unknown): boolean => typeof value === 'string';
/** A name, or the ref of somebody: it may be indexed, where the server takes 2 kB for all. */
const name = (value: unknown): boolean => typeof value === 'string' && value.length <= 100;
/** For people's eyes. */
const label = (value: unknown): boolean => typeof value === 'string' && value.length <= 200;
const sentence = (value: unknown): boolean => typeof value === 'string' && value.length <= 2_000;
/** The longest is the distinguished name of a directory. */
const account = (value: unknown): boolean => typeof value === 'string' && value.length <= 500;
const flag = (value: unknown): boolean => typeof value === 'boolean';
const finite = (value: unknown): boolean => Number.isFinite(value);
const whole = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const instant = (value: unknown): boolean => whole(value) && Number(value) <= latest;
const count = (value: unknown): boolean => whole(value) && Number(value) >= 1;
const maybe = (is: (value: unknown) => boolean) => (value: unknown) => value === undefined || is(value);
const list = (of: (value: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(of);
const small = (is: (value: unknown) => boolean) => (value: unknown) => is(value) && bytesOf(value) <= partBytesMax;
const fields = (shape: Shape) => (value: unknown) =>
  isFields(value) && Object.keys(shape).every((key) => shape[key]?.(value[key]));

const step = fields({
  name: text,
  approvers: list(text),
  needed: count,
  remindAfterMs: maybe(finite),
  escalateAfterMs: maybe(finite),
  escalateTo: list(text),
  fallback: list(text),
  expireAfterMs: finite,
  clock: text,
  passkey: maybe(flag),
});

const rule = fields({
  entitlement: text,
  title: text,
  target: text,
  maximumMs: finite,
  automatic: flag,
  flow: fields({ name: text, steps: (value) => list(step)(value) && Array.isArray(value) && value.length > 0 }),
  extension: fields({ automaticUpToMs: finite, byApproval: flag }),
  emergency: maybe(fields({ longestMs: finite, reviewers: list(name) })),
  stepUpAtCollection: maybe(flag),
  policyVersion: name,
});

const risk = fields({
  score: whole,
  band: name,
  factors: list(fields({ id: name, points: finite, evidence: text })),
  missing: list(name),
});

const opening: Shape = {
  selectors: list(name),
  usedFallback: flag,
  remindAt: maybe(instant),
  escalateAt: maybe(instant),
  expireAt: instant,
};

const receiptKeys = list(fields({ kid: text, x: text, targets: list(text) }));

const known = (value: unknown): boolean => failureCodes.some((code) => code === value);
const passes = fields({
  rule: small(rule),
  risk,
  barred: small(list(name)),
  receiptKeys,
  opening: maybe(fields(opening)),
});
const denies = fields({ code: known, because: sentence, risk: maybe(risk), policyVersion: maybe(name) });

export function findingFrom(answer: unknown): Finding {
  const { verdict } = isFields(answer) ? answer : {};
  const isFinding = verdict === 'pass' ? passes : verdict === 'deny' ? denies : undefined;
  // How deep it is comes first: writing down a part, to see how large it is, would overflow the stack.
  if (isShallow(answer) && isFinding?.(answer)) return bounded(answer as Finding);
  throw notUnderstood(answer);
}

export function judgementFrom(answer: unknown): Judgement {
  if (isFields(answer) && answer['ok'] === true) {
    return asked(answer, {
      by: name,
      name: label,
      human: name,
      durationMs: maybe(finite),
      totalMs: maybe(finite),
      verdict: maybe((value) => value === 'justified' || value === 'not-justified'),
      standing: list(name),
    });
  }
  return asked(answer, { ok: (value) => value === false, by: name, code: known, because: sentence });
}

export function openingFrom(answer: unknown): Opening {
  return asked(answer, opening);
}

export function eligibilityFrom(answer: unknown): Eligibility {
  return asked(answer, { eligible: flag, because: sentence, receiptKeys });
}

export function ceilingFrom(answer: unknown): CeilingAnswer {
  if (isFields(answer) && answer['allows'] === true)
    return asked(answer, { automatic: flag, leastApprovals: finite, attested: flag });
  return asked(answer, { allows: (value) => value === false, because: sentence });
}

export function provisionedFrom(answer: unknown): Provisioned {
  return shaped(answer, {
    account,
    endsAt: instant,
    evidenceDigest: text,
    sealedCredential: maybe(text),
    targetIdentity: text,
    receipt: text,
  });
}

export function removalFrom(answer: unknown): Removal {
  return shaped(answer, {
    grantId: text,
    account,
    removedAt: instant,
    verifiedAt: instant,
    wasPresent: flag,
    sessionsEnded: whole,
    targetIdentity: text,
    remarks: list(text),
    receipt: text,
  });
}

const accounts = list(
  fields({
    grantId: name,
    account,
    endsAt: finite,
    evidenceDigest: text,
    targetIdentity: text,
    signedBy: list(text),
  }),
);

/** A page of what stands, as somebody says. */
export function listingFrom(answer: unknown): Listing {
  return shaped(answer, { standing: accounts, receipt: text });
}

export function grantIdsFrom(answer: unknown): string[] {
  if (isShallow(answer) && list(name)(answer)) return answer as string[];
  throw notUnderstood(answer);
}

export function grantPageFrom(answer: unknown): GrantPage {
  return shaped(answer, { grantIds: list(name), next: maybe(text) });
}

export function signalledFrom(answer: unknown): { signalled: number; next?: string } {
  return shaped(answer, { signalled: whole, next: maybe(text) });
}

/** An answer to a question, which is small. */
function asked<Answer extends object>(answer: unknown, shape: Shape): Answer {
  return bounded(shaped<Answer>(answer, shape));
}

/**
 * `shape` names every field that the grant reads; nothing is read that was not looked at here. What goes too deep, kept in a record,
 * would fail whoever hashes it, with every turn of the grant.
 */
function shaped<Answer>(answer: unknown, shape: Shape): Answer {
  if (isShallow(answer) && fields(shape)(answer)) return answer as Answer;
  throw notUnderstood(answer);
}

function bounded<Answer extends object>(answer: Answer): Answer {
  if (bytesOf(answer) <= answerBytesMax) return answer;
  throw ApplicationFailure.nonRetryable('The answer of a worker was too large.', 'too-large');
}

function bytesOf(value: unknown): number {
  return utf8ToBytes(JSON.stringify(value) ?? '').length;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function notUnderstood(answer: unknown): ApplicationFailure {
  const because = isUnreadable(answer)
    ? 'The answer of a worker could not be opened.'
    : 'The answer of a worker was not understood.';
  return ApplicationFailure.nonRetryable(because, 'unreadable');
}
