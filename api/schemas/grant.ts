/** One grant on the wire. Strict: what is not listed here stays private. */
import { z } from 'zod';
import { failureCodes } from '../../workflows/domain/failure.js';
import type { Request } from '../../workflows/domain/request.js';
import { grantActions, type GrantAction } from '../../workflows/domain/rights.js';
import { conditions, grantStates } from '../../workflows/domain/states.js';
import type { Action, Ending, GrantView, Outcome, ReviewView, StepView } from '../../workflows/domain/view.js';
import { isoDuration, isoInstant, wireDuration, wireInstant } from './time.js';

const actions = [
  'approve',
  'deny',
  'withdraw',
  'revoke',
  'extend',
  'collect',
  'renew',
  'review',
  'reassess',
  'cancel',
] as const satisfies Action[];

const endings = [
  'denied',
  'no-decision',
  'not-eligible',
  'refused',
  'activation-failed',
  'time-up',
  'withdrawn',
  'revoked',
  'cancelled',
  'lost-eligibility',
] as const satisfies Ending[];

export const OutcomeBody = z
  .strictObject({
    decisionId: z.string(),
    action: z.enum(actions),
    by: z.string(),
    at: wireInstant,
    result: z.enum(['applied', ...failureCodes]),
    unverified: z.literal(true).optional(),
  })
  .meta({ id: 'Outcome' });
export type OutcomeBody = z.infer<typeof OutcomeBody>;

const StepBody = z.strictObject({
  about: z.string().meta({ description: '`request`, or the decisionId of the extension that is decided' }),
  index: z.int(),
  of: z.int(),
  name: z.string(),
  needed: z.int(),
  asked: z.array(z.string()),
  votes: z.array(z.strictObject({ by: z.string(), name: z.string(), at: wireInstant, comment: z.string().optional() })),
  given: z.int().optional().meta({ description: 'How many approvals this step has: the last ones of `votes`' }),
  escalated: z.boolean(),
  remindTime: wireInstant.optional(),
  escalateTime: wireInstant.optional(),
  expireTime: wireInstant.optional(),
  passkey: z.literal(true).optional().meta({ description: 'An approval needs the proof of a passkey' }),
});

export const RiskBody = z.strictObject({
  score: z.number(),
  band: z.enum(['low', 'elevated', 'high', 'refuse']),
  factors: z.array(z.strictObject({ id: z.string(), points: z.number(), evidence: z.string() })),
  missing: z.array(z.string()),
});

export const GrantBody = z
  .strictObject({
    grantId: z.string(),
    changes: z.int().meta({ description: 'Grows with every change; give it back as `after` to wait for the next one' }),
    changeTime: wireInstant,
    state: z.enum(grantStates),
    conditions: z.array(z.enum(conditions)),
    requester: z.string(),
    requesterName: z.string(),
    subject: z.string(),
    subjectName: z.string(),
    entitlement: z.string(),
    entitlementTitle: z.string().optional(),
    target: z.string(),
    justification: z.string(),
    ticket: z.strictObject({ system: z.string(), number: z.string() }).optional(),
    requestedDuration: wireDuration,
    grantedDuration: wireDuration.optional(),
    maximumDuration: wireDuration.optional(),
    requestTime: wireInstant,
    scheduledActivationTime: wireInstant.optional(),
    decisionDeadline: wireInstant.optional(),
    accessGrantTime: wireInstant.optional(),
    expireTime: wireInstant.optional(),
    accessRemoveTime: wireInstant.optional(),
    removalVerifiedTime: wireInstant.optional(),
    flow: z.string().optional(),
    automatic: z.boolean().optional(),
    policyVersion: z.string().optional(),
    risk: RiskBody.optional(),
    step: StepBody.optional(),
    extension: z
      .strictObject({ decisionId: z.string(), by: z.string(), totalDuration: wireDuration, reason: z.string() })
      .optional(),
    account: z.string().optional(),
    credential: z.enum(['none', 'waiting', 'collected']),
    stepUpAtCollection: z
      .literal(true)
      .optional()
      .meta({ description: 'The subject proves a passkey before the credential is handed over' }),
    renewal: z
      .strictObject({ decisionId: z.string(), failed: z.string().optional() })
      .optional()
      .meta({ description: 'Another credential is being made, or why it could not be' }),
    review: z
      .strictObject({
        reviewers: z.array(z.string()),
        since: wireInstant.optional().meta({ description: 'From when on a review is owed' }),
        given: z
          .strictObject({
            by: z.string(),
            name: z.string(),
            verdict: z.enum(['justified', 'not-justified']),
            comment: z.string(),
            time: wireInstant,
          })
          .optional(),
      })
      .optional()
      .meta({ description: 'Of an emergency: who may review it, and what they found' }),
    ending: z.strictObject({ code: z.enum(endings), by: z.string(), reason: z.string(), time: wireInstant }).optional(),
    outcomes: z.array(OutcomeBody),
    may: z.array(z.enum(grantActions)).meta({ description: 'What the caller may do with it now' }),
    temporalUi: z.string().optional().meta({ description: 'Its workflow in the Temporal UI, for operators' }),
  })
  .meta({ id: 'Grant' });
export type GrantBody = z.infer<typeof GrantBody>;

export interface Seen {
  view: GrantView;
  request: Request;
  may: GrantAction[];
  temporalUi?: string;
}

export function grantBody({ view, request, may, temporalUi }: Seen): GrantBody {
  return {
    grantId: view.grantId,
    changes: view.changes,
    changeTime: isoInstant(view.changedAt),
    state: view.state,
    conditions: view.conditions,
    requester: view.requester,
    requesterName: view.requesterName,
    subject: view.subject,
    subjectName: view.subjectName,
    entitlement: view.entitlement,
    entitlementTitle: view.entitlementTitle,
    target: view.target,
    justification: request.justification,
    ticket: request.ticket && { system: request.ticket.system, number: request.ticket.number },
    requestedDuration: isoDuration(view.requestedDurationMs),
    grantedDuration: maybe(isoDuration, view.grantedDurationMs),
    maximumDuration: maybe(isoDuration, view.maximumMs),
    requestTime: isoInstant(view.requestTime),
    scheduledActivationTime: maybe(isoInstant, view.scheduledActivationTime),
    decisionDeadline: maybe(isoInstant, view.decisionDeadline),
    accessGrantTime: maybe(isoInstant, view.accessGrantTime),
    expireTime: maybe(isoInstant, view.expireTime),
    accessRemoveTime: maybe(isoInstant, view.accessRemoveTime),
    removalVerifiedTime: maybe(isoInstant, view.removalVerifiedTime),
    flow: view.flow,
    automatic: view.automatic,
    policyVersion: view.policyVersion,
    risk: view.risk && {
      score: view.risk.score,
      band: view.risk.band,
      factors: view.risk.factors.map(({ id, points, evidence }) => ({ id, points, evidence })),
      missing: view.risk.missing,
    },
    step: view.step && stepBody(view.step),
    extension: view.extension && {
      decisionId: view.extension.decisionId,
      by: view.extension.by,
      totalDuration: isoDuration(view.extension.totalMs),
      reason: view.extension.reason,
    },
    account: view.account,
    credential: view.credential,
    stepUpAtCollection: view.stepUpAtCollection,
    renewal: view.renewal && { decisionId: view.renewal.decisionId, failed: view.renewal.failed },
    review: view.review && reviewBody(view.review),
    ending: view.ending && {
      code: view.ending.code,
      by: view.ending.by,
      reason: view.ending.reason,
      time: isoInstant(view.ending.at),
    },
    outcomes: view.outcomes.map(outcomeBody),
    may,
    temporalUi,
  };
}

export function outcomeBody(outcome: Outcome): OutcomeBody {
  return {
    decisionId: outcome.decisionId,
    action: outcome.action,
    by: outcome.by,
    at: isoInstant(outcome.at),
    result: outcome.result,
    unverified: outcome.unverified,
  };
}

function stepBody(step: StepView): z.infer<typeof StepBody> {
  return {
    about: step.about,
    index: step.index,
    of: step.of,
    name: step.name,
    needed: step.needed,
    asked: step.asked,
    votes: step.votes.map(({ by, name, at, comment }) => ({ by, name, at: isoInstant(at), comment })),
    given: step.given,
    escalated: step.escalated,
    remindTime: maybe(isoInstant, step.remindAt),
    escalateTime: maybe(isoInstant, step.escalateAt),
    expireTime: maybe(isoInstant, step.expireAt),
    passkey: step.passkey,
  };
}

function reviewBody({ reviewers, since, given }: ReviewView): GrantBody['review'] {
  return {
    reviewers,
    since: maybe(isoInstant, since),
    given: given && {
      by: given.by,
      name: given.name,
      verdict: given.verdict,
      comment: given.comment,
      time: isoInstant(given.at),
    },
  };
}

function maybe<T>(write: (value: number) => T, value: number | undefined): T | undefined {
  return value === undefined ? undefined : write(value);
}
