/**
 * Another credential for an account that stands, when the subject lost the first. It changes neither the account nor its end,
 * and whatever becomes of it, the grant goes on as it was.
 */
import { SYSTEM, type Ref } from './actor.js';
import type { RenewalAsked } from './event.js';
import { refuse, type FailureCode, type Refusal } from './failure.js';
import { noted, type State } from './state.js';
import type { Provisioned } from './target.js';
import type { Instant } from './time.js';

/** Whoever loses more than this gives the access back and asks anew. */
export const renewalsMax = 5;

export interface Renewal {
  decisionId: string;
  by: Ref;
  evidence: string;
  failed?: { code: FailureCode; because: string };
}

/** The renewal that the target is asked for now. */
export function openRenewal({ phase, renewal }: State): Renewal | undefined {
  return phase === 'ACTIVE' && renewal && !renewal.failed ? renewal : undefined;
}

export function renewalAsked(state: State, event: RenewalAsked, now: Instant): State | Refusal {
  const { decisionId, by, evidence } = event;
  if (by !== state.request.subject) return refuse('not-the-subject', 'The credential is for the subject alone.');
  if (state.phase !== 'ACTIVE') return refuse('not-active', 'There is a credential only while the access is active.');
  if (openRenewal(state)) return refuse('not-now', 'Another credential is being made already.');
  if (!state.collected) return refuse('not-now', 'The credential was not handed over yet; collect it.');
  if (state.renewals >= renewalsMax) {
    return refuse('not-now', `It was renewed ${renewalsMax} times; give the access back and ask for it anew.`);
  }
  return noted({ ...state, renewal: { decisionId, by, evidence } }, now, 'renewal-asked', by, { decisionId, evidence });
}

/** The new credential takes the place of the old one, and is handed over once, as that was. */
export function renewed(state: State, decisionId: string, made: Provisioned, now: Instant): State | Refusal {
  const { provisioned } = state;
  if (!provisioned || openRenewal(state)?.decisionId !== decisionId) {
    return refuse('not-now', 'This renewal is no longer wanted.');
  }
  const { account, targetIdentity, sealedCredential, receipt } = made;
  const isSame = account === provisioned.account && targetIdentity === provisioned.targetIdentity;
  if (!isSame || sealedCredential === undefined) {
    const because = 'The target answered with something else than a credential for the account that stands.';
    return renewalFailed(state, { renewal: decisionId, code: 'target-unavailable', because }, now);
  }
  const fresh: State = {
    ...state,
    provisioned: { ...provisioned, sealedCredential },
    collected: undefined,
    renewal: undefined,
    renewals: state.renewals + 1,
  };
  return noted(fresh, now, 'renewed', SYSTEM, { decisionId, receipt });
}

export function renewalFailed(
  state: State,
  failure: { renewal: string; code: FailureCode; because: string },
  now: Instant,
): State | Refusal {
  const { renewal: decisionId, code, because } = failure;
  const open = openRenewal(state);
  if (open?.decisionId !== decisionId) return refuse('not-now', 'This renewal is no longer wanted.');
  const failed: State = { ...state, renewal: { ...open, failed: { code, because } } };
  return noted(failed, now, 'renewal-failed', SYSTEM, { decisionId, code, because });
}
