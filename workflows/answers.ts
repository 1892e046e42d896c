/**
 * What activities answer, taken only in its proper shape. Whoever can poll a queue can answer anything, or nothing at all; what
 * has another shape is no answer, and ends as a failure that the grant can live with.
 */
import { ApplicationFailure } from '@temporalio/workflow';
import type { Judgement } from '../activities/contract.js';
import { failureCodes } from './domain/failure.js';
import type { Finding, Opening } from './domain/rule.js';
import type { CeilingAnswer, Provisioned, Removal } from './domain/target.js';
import { isUnreadable } from './messages.js';

type Fields = { [key: string]: unknown };
type Shape = { [key: string]: (value: unknown) => boolean };

const text = (value: unknown): boolean => typeof value === 'string';
const flag = (value: unknown): boolean => typeof value === 'boolean';
const finite = (value: unknown): boolean => Number.isFinite(value);
const count = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1;
const maybe = (is: (value: unknown) => boolean) => (value: unknown) => value === undefined || is(value);
const list = (of: (value: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(of);
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
});

const rule = fields({
  entitlement: text,
  title: text,
  target: text,
  maximumMs: finite,
  automatic: flag,
  flow: fields({ name: text, steps: (value) => list(step)(value) && Array.isArray(value) && value.length > 0 }),
  extension: fields({ automaticUpToMs: finite, byApproval: flag }),
  policyVersion: text,
});

const risk = fields({
  score: finite,
  band: text,
  factors: list(fields({ id: text, points: finite, evidence: text })),
  missing: list(text),
});

const opening: Shape = {
  selectors: list(text),
  usedFallback: flag,
  remindAt: maybe(finite),
  escalateAt: maybe(finite),
  expireAt: finite,
};

const known = (value: unknown): boolean => failureCodes.some((code) => code === value);
const passes = fields({ rule, risk, barred: list(text), opening: maybe(fields(opening)) });
const denies = fields({ code: known, because: text, risk: maybe(risk), policyVersion: maybe(text) });

export function findingFrom(answer: unknown): Finding {
  const { verdict } = isFields(answer) ? answer : {};
  if ((verdict === 'pass' && passes(answer)) || (verdict === 'deny' && denies(answer))) return answer as Finding;
  throw notUnderstood(answer);
}

export function judgementFrom(answer: unknown): Judgement {
  if (isFields(answer) && answer['ok'] === true) {
    return shaped(answer, {
      by: text,
      name: text,
      human: text,
      durationMs: maybe(finite),
      totalMs: maybe(finite),
      standing: list(text),
    });
  }
  return shaped(answer, { ok: (value) => value === false, by: text, code: known, because: text });
}

export function openingFrom(answer: unknown): Opening {
  return shaped(answer, opening);
}

export function eligibilityFrom(answer: unknown): { eligible: boolean; because: string } {
  return shaped(answer, { eligible: flag, because: text });
}

export function ceilingFrom(answer: unknown): CeilingAnswer {
  if (isFields(answer) && answer['allows'] === true) return shaped(answer, { automatic: flag, leastApprovals: finite });
  return shaped(answer, { allows: (value) => value === false, because: text });
}

export function provisionedFrom(answer: unknown): Provisioned {
  return shaped(answer, {
    account: text,
    endsAt: finite,
    evidenceDigest: text,
    sealedCredential: maybe(text),
    targetIdentity: text,
  });
}

export function removalFrom(answer: unknown): Removal {
  return shaped(answer, {
    grantId: text,
    account: text,
    removedAt: finite,
    verifiedAt: finite,
    wasPresent: flag,
    sessionsEnded: finite,
    targetIdentity: text,
    remarks: list(text),
  });
}

/** `shape` names every field that the grant reads; nothing is read that was not looked at here. */
function shaped<Answer>(answer: unknown, shape: Shape): Answer {
  if (fields(shape)(answer)) return answer as Answer;
  throw notUnderstood(answer);
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
