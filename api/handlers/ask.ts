/** Asking for access. What the policy refuses for sure is refused here at once; the workflow judges everything again. */
import { sealCredential } from '../../activities/platform/jwe.js';
import type { Entitlement, Policy } from '../../activities/policy/policy.js';
import { digest } from '../../workflows/domain/digest.js';
import { inWords } from '../../workflows/domain/durations.js';
import type { FailureCode } from '../../workflows/domain/failure.js';
import type { Request } from '../../workflows/domain/request.js';
import type { Flow } from '../../workflows/domain/rule.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { derivedGrantId, randomGrantId } from '../grant-id.js';
import type { Handlers } from '../handlers.js';
import type { Actor } from '../identity/actor.js';
import { requireKnownSignIn, requireStepUp } from '../identity/identify.js';
import { initialView, type Found, type RequestMemo } from '../memo.js';
import { Problem, refused } from '../problem.js';
import type { AskGrant } from '../schemas/ask.js';
import type { HandlerDeps } from './deps.js';
import { bodyOf } from './standing.js';

export const scheduleAheadMs: Ms = 30 * 24 * 3_600_000;
/** What was "now" when a form was filled in. */
const scheduleBehindMs: Ms = 60_000;

/** How long a person may take to touch a passkey after the challenge was made. */
const attestedWithinMs: Ms = 2 * 60_000;

export function askHandlers(deps: HandlerDeps): Pick<Handlers, 'ask' | 'challengedByAsk'> {
  const ask: Handlers['ask'] = async (body, actor, idempotencyKey) => {
    requireKnownSignIn(actor);
    const bodyDigest = digest(body);
    const grantId = idempotencyKey === undefined ? randomGrantId() : derivedGrantId(actor.ref, idempotencyKey);
    // What was accepted once is answered again, even if today's policy would refuse it.
    const before = idempotencyKey === undefined ? undefined : await deps.grants.find(grantId);
    if (before) return repeated(deps, before, bodyDigest, actor);

    const policy = deps.policy();
    const entitlement = admitted(policy, body, actor, Date.now());
    const request = requestOf(policy, entitlement, body, actor, grantId);
    if (entitlement.stepUp === 'request') requireStepUp(actor, `${entitlement.id} is asked for`);
    const { recipientKey, assertion } = body;
    if (assertion) {
      requireRepeatable(body, idempotencyKey);
      await deps.passkeys.verifyDecision(actor, deps.signer.challenged.request(request, actor), assertion);
    } else if (body.requestTime !== undefined) {
      throw fieldProblem('invalid', '/requestTime', 'requestTime goes with an assertion alone; leave it out.');
    } else if (body.emergency && entitlement.emergency?.passkey) {
      const because = `${entitlement.id} is taken as an emergency with your passkey; ask on the page, with a passkey of yours.`;
      throw fieldProblem('passkey-required', '/assertion', because);
    }
    const memo: RequestMemo = { ...request, bodyDigest, recipientKey };
    await checkRecipient(recipientKey);
    const evidence = await deps.signer.request(request, actor, {
      // Nobody is waited for in an emergency.
      flows: body.emergency ? [] : flowsOf(entitlement),
      recipientKey,
      assertion,
    });
    const isNew = await deps.grants.start({ request, evidence }, memo).catch((error: unknown) => {
      throw idempotencyKey === undefined ? unsure(error) : error;
    });
    if (isNew) {
      deps.log.info({ grantId: request.grantId, by: actor.ref, entitlement: entitlement.id }, 'asked');
      return { grant: bodyOf(deps, { request, view: initialView(request) }, actor), isNew: true };
    }
    return repeated(deps, await deps.grants.find(grantId), bodyDigest, actor);
  };

  const challengedByAsk: Handlers['challengedByAsk'] = (body, actor, idempotencyKey) => {
    const policy = deps.policy();
    const entitlement = admitted(policy, body, actor, Date.now());
    const request = requestOf(policy, entitlement, body, actor, derivedGrantId(actor.ref, idempotencyKey));
    const challenged = deps.signer.challenged.request(request, actor);
    return Promise.resolve({ challenged, requestTime: request.requestTime });
  };

  return { ask, challengedByAsk };
}

/** A passkey signs the digest of the whole request, so that everything in it must be known before the grant is. */
function requireRepeatable({ requestTime }: AskGrant, idempotencyKey: string | undefined): void {
  const age = Date.now() - (requestTime ?? 0);
  if (idempotencyKey !== undefined && age >= 0 && age <= attestedWithinMs) return;
  const because =
    'An assertion comes with the Idempotency-Key and the requestTime that its challenge was made for, within two minutes; ask for a new challenge.';
  throw fieldProblem('invalid', '/assertion', because);
}

function repeated(deps: HandlerDeps, existing: Found | undefined, bodyDigest: string, actor: Actor) {
  if (existing?.bodyDigest !== bodyDigest) {
    throw new Problem('idempotency-conflict', 'This Idempotency-Key was used for another request; use a new one.');
  }
  return { grant: bodyOf(deps, existing, actor), isNew: false };
}

/** A key of the right shape may still be a point that nothing can be sealed to: better said now than after the access was made. */
async function checkRecipient(recipientKey: AskGrant['recipientKey']): Promise<void> {
  if (!recipientKey) return;
  try {
    await sealCredential({ grantId: '', subject: '' }, recipientKey);
  } catch {
    throw fieldProblem(
      'invalid',
      '/recipientKey',
      'Nothing can be sealed to this recipientKey; make a new X25519 key.',
    );
  }
}

/** Without a key a second try would be a second request. */
function unsure(error: unknown): unknown {
  if (!(error instanceof Problem) || error.code !== 'temporal-unavailable') return error;
  const because = 'Temporal cannot be reached. Look whether your request is listed before you ask again in a moment.';
  return new Problem('temporal-unavailable', because, { cause: error, retryAfterSeconds: error.retryAfterSeconds });
}

/** Throws unless today's policy lets this be asked at all. */
function admitted(policy: Policy, body: AskGrant, actor: Actor, now: Instant): Entitlement {
  const { emergency } = body;
  const refusal = emergency
    ? policy.refusalOfEmergency(actor.ref, body.entitlement, body.subject)
    : policy.refusalToAsk(actor.ref, body.entitlement, body.subject);
  if (refusal) throw refused(refusal, { errors: errorsOf(refusal.refused, refusal.because) });
  const entitlement = policy.entitlement(body.entitlement);
  if (!entitlement) throw fieldProblem('unknown-entitlement', '/entitlement', 'There is no such entitlement.');

  const { minimumMs, justificationMin, ticketRequired } = entitlement;
  const longestMs = emergency ? (entitlement.emergency?.longestMs ?? 0) : entitlement.maximumMs;
  if (body.requestedDuration > longestMs) {
    const when = emergency ? ' in an emergency' : '';
    const most = `${entitlement.id} is granted for at most ${inWords(longestMs)}${when}; ask for less.`;
    throw fieldProblem('duration-too-long', '/requestedDuration', most);
  }
  if (body.requestedDuration < minimumMs) {
    const least = `${entitlement.id} is granted for at least ${inWords(minimumMs)}; ask for more.`;
    throw fieldProblem('invalid', '/requestedDuration', least);
  }
  if (body.justification.length < justificationMin) {
    const least = `The ${emergency ? 'bypassReason' : 'justification'} needs at least ${justificationMin} characters; say what you will do and why.`;
    throw fieldProblem('justification-too-short', emergency ? '/bypassReason' : '/justification', least);
  }
  if (ticketRequired && !body.ticket && !emergency) {
    throw fieldProblem('ticket-required', '/ticket', `${entitlement.id} needs a ticket; add its system and number.`);
  }
  const start = body.scheduledActivationTime;
  if (emergency && start !== undefined) {
    throw fieldProblem(
      'emergency-refused',
      '/scheduledActivationTime',
      'An emergency starts now; leave the start out.',
    );
  }
  if (start !== undefined && (start < now - scheduleBehindMs || start > now + scheduleAheadMs)) {
    const when = 'The start must be in the future, and within 30 days.';
    throw fieldProblem('invalid', '/scheduledActivationTime', when);
  }
  return entitlement;
}

const fieldOf: Partial<Record<FailureCode, string>> = {
  'unknown-entitlement': '/entitlement',
  'inactive-subject': '/subject',
  'may-not-request-for': '/subject',
};

function errorsOf(code: FailureCode, detail: string) {
  const pointer = fieldOf[code];
  return pointer === undefined ? undefined : [{ pointer, detail }];
}

function fieldProblem(code: FailureCode, pointer: string, detail: string): Problem {
  return new Problem(code, detail, { errors: [{ pointer, detail }] });
}

function requestOf(policy: Policy, entitlement: Entitlement, body: AskGrant, actor: Actor, grantId: string): Request {
  const subject = body.subject ?? actor.ref;
  return {
    grantId,
    requester: actor.ref,
    subject,
    requesterName: actor.name,
    subjectName: policy.nameOf(subject),
    entitlement: entitlement.id,
    target: entitlement.target,
    justification: body.justification,
    ...(body.ticket ? { ticket: body.ticket } : {}),
    requestedDurationMs: body.requestedDuration,
    ...(body.scheduledActivationTime === undefined ? {} : { scheduledActivationTime: body.scheduledActivationTime }),
    // What the caller says counts only where a passkey signed it: everything that a connector allows is counted from here.
    requestTime: (body.assertion && body.requestTime) ?? Date.now(),
    ...(body.emergency ? { emergency: true } : {}),
  };
}

function flowsOf({ flows }: Entitlement): Flow[] {
  return [flows.low, flows.elevated, flows.high].filter((flow) => flow !== 'automatic');
}
