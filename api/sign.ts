/**
 * Signs requests and widening decisions, so that a connector can check them without believing anyone in between.
 *
 * Who acts, and their groups, come from the sign-in alone. Times are this process's clock.
 */
import type { PrivateJwk } from '../activities/platform/keys.js';
import { signStatement } from '../activities/platform/jws.js';
import type { Challenged } from '../workflows/domain/challenge.js';
import { digest } from '../workflows/domain/digest.js';
import type { Assertion, PublicJwk, ReviewStatement } from '../workflows/domain/evidence.js';
import type { Request } from '../workflows/domain/request.js';
import type { Flow } from '../workflows/domain/rule.js';
import type { Instant, Ms } from '../workflows/domain/time.js';
import type { Actor } from './identity/actor.js';

const decisionLongestMs: Ms = 14 * 24 * 3_600_000;
/** Time to activate after the last decision: queues, retries, a target that was away for a moment. */
export const activationMs: Ms = 3_600_000;
/** A connector's clock may be a little behind this one; what starts at once must not be "too early" there. */
const clockToleranceMs: Ms = 5_000;

export interface Signer {
  request(request: Request, by: Actor, terms: Terms): Promise<string>;
  approval(request: Request, by: Actor, approval: Approval): Promise<string>;
  extension(request: Request, by: Actor, extension: Extension): Promise<string>;
  renewal(request: Request, by: Actor, renewal: { decisionId: string }): Promise<string>;
  review(request: Request, by: Actor, review: Review): Promise<string>;
  /** That this person enrolled this key here, just after signing in. */
  passkey(by: Actor, passkey: { credentialId: string; publicKey: string }): Promise<string>;
  /** What a passkey has to sign, so that it fits the statement of the same name. */
  challenged: {
    request(request: Request, by: Actor): Challenged;
    approval(request: Request, by: Actor, approval: Approval): Challenged;
  };
}

export interface Terms {
  flows: Flow[];
  recipientKey?: PublicJwk;
  assertion?: Assertion;
}

export interface Approval {
  decisionId: string;
  /** `request`, or the extension's decisionId. */
  about: string;
  step: number;
  durationMs?: Ms;
  /** Of an extension: the total that the approver was shown. */
  shownMs?: Ms;
  assertion?: Assertion;
}

export interface Extension {
  decisionId: string;
  totalMs: Ms;
  endBy: Instant;
}

export type Review = Pick<ReviewStatement, 'decisionId' | 'verdict'>;

export function createSigner(installation: string, key: PrivateJwk, now: () => Instant = Date.now): Signer {
  const tied = (request: Request, by: Actor) => ({
    installation,
    grantId: request.grantId,
    requestDigest: digest(request),
    actor: by.ref,
  });
  const signed = (request: Request, by: Actor) => ({
    ...tied(request, by),
    signIn: by.signIn,
    issuedAt: now(),
  });

  return {
    request: (request, by, { flows, recipientKey, assertion }) => {
      const { requestTime, scheduledActivationTime, requestedDurationMs } = request;
      const notBefore = scheduledActivationTime ?? requestTime - clockToleranceMs;
      const activateBy = (scheduledActivationTime ?? requestTime) + decisionWindowMs(flows) + activationMs;
      return signStatement(
        {
          type: 'request',
          ...signed(request, by),
          entitlement: request.entitlement,
          target: request.target,
          subject: request.subject,
          notBefore,
          activateBy,
          endBy: activateBy + requestedDurationMs,
          longestMs: requestedDurationMs,
          ...(recipientKey ? { recipientKey } : {}),
          ...(request.emergency ? { emergency: true } : {}),
          ...(assertion ? { assertion } : {}),
        },
        key,
      );
    },

    approval: (request, by, { assertion, ...approval }) =>
      signStatement(
        { type: 'approve', ...signed(request, by), ...voted(approval), ...(assertion ? { assertion } : {}) },
        key,
      ),

    extension: (request, by, { decisionId, totalMs, endBy }) =>
      signStatement({ type: 'extend', ...signed(request, by), decisionId, totalMs, endBy }, key),

    renewal: (request, by, { decisionId }) => signStatement({ type: 'renew', ...signed(request, by), decisionId }, key),

    review: (request, by, { decisionId, verdict }) =>
      signStatement({ type: 'review', ...signed(request, by), decisionId, verdict }, key),

    passkey: ({ ref: actor, signIn }, { credentialId, publicKey }) =>
      signStatement({ type: 'passkey', installation, actor, signIn, issuedAt: now(), credentialId, publicKey }, key),

    challenged: {
      request: (request, by) => ({ type: 'request', ...tied(request, by) }),
      approval: (request, by, approval) => ({ type: 'approve', ...tied(request, by), ...voted(approval) }),
    },
  };
}

/** Field by field, and without what is undefined: a digest is made over it. */
function voted({ decisionId, about, step, durationMs, shownMs }: Approval) {
  return {
    decisionId,
    about,
    step,
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(shownMs === undefined ? {} : { shownMs }),
  };
}

/** The longest that any of these flows can take to decide; at most 14 days. A business calendar may stretch a step that far. */
export function decisionWindowMs(flows: readonly Flow[]): Ms {
  const lengths = flows.map(({ steps }) =>
    steps.reduce((sum, step) => sum + (step.clock === 'always' ? step.expireAfterMs : decisionLongestMs), 0),
  );
  return Math.min(decisionLongestMs, Math.max(0, ...lengths));
}
