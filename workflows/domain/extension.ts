/** Asking for more time: refused, automatic up to a limit, or approved again; never past the maximum. */
import { SYSTEM } from './actor.js';
import { opening } from './approval.js';
import type { ExtensionAsked } from './event.js';
import { refuse, type FailureCode, type Refusal } from './failure.js';
import { noted, type Extension, type State } from './state.js';
import type { Provisioned } from './target.js';
import type { Instant } from './time.js';

export function extensionAsked(state: State, event: ExtensionAsked, now: Instant): State | Refusal {
  const { rule, request } = state;
  if (state.phase !== 'ACTIVE' || !rule) return refuse('not-now', 'Only access that is active can be extended.');
  if (event.by !== request.requester && event.by !== request.subject) {
    return refuse('forbidden', 'Only who asked for the access or has it may extend it.');
  }
  if (state.pendingExtension) return refuse('not-now', 'An extension is being decided already.');
  if (!(event.totalMs > state.grantedDurationMs)) {
    return refuse('extension-refused', 'The new duration must be longer than the granted one.');
  }
  if (event.totalMs > rule.maximumMs) return refuse('extension-too-long', 'The entitlement does not allow that long.');
  const { decisionId, by, totalMs, reason, evidence } = event;
  const pendingExtension: Extension = { decisionId, by, totalMs, reason, evidence, approvals: [] };
  const detail = { decisionId, totalMs, reason, evidence };
  const asked = noted({ ...state, pendingExtension }, now, 'extension-asked', by, detail);
  if (totalMs <= rule.extension.automaticUpToMs && !mustBeAsked(state)) return { ...asked, movingEnd: true };
  if (rule.extension.byApproval) return opening(asked, decisionId, rule.flow, now);
  return refuse('extension-refused', 'This entitlement cannot be extended that far.');
}

/** What risk or an approver held back at the request is not had by extension either, and an emergency had nobody's approval. */
function mustBeAsked({ request, risk, isShortened }: State): boolean {
  return request.emergency === true || isShortened || !risk || risk.band === 'high' || risk.missing.length > 0;
}

/** The approval is complete: the target is asked to move the end. */
export function extensionApproved(state: State, approvals: string[]): State {
  const { pendingExtension } = state;
  if (!pendingExtension) return state;
  return { ...state, approval: undefined, movingEnd: true, pendingExtension: { ...pendingExtension, approvals } };
}

/** The target moved the end. The grant adopts the target's instant, and never more than what was agreed. */
export function endSet(state: State, decisionId: string, moved: Provisioned, now: Instant): State | Refusal {
  const { pendingExtension } = state;
  // Asked for is not yet agreed: only what the target was told to do can have been done.
  if (!state.movingEnd || pendingExtension?.decisionId !== decisionId) {
    return refuse('not-now', 'This extension is not wanted, or not yet.');
  }
  const { totalMs } = pendingExtension;
  const expireTime = Math.min(moved.endsAt, (state.accessGrantTime ?? now) + totalMs);
  const extended: State = {
    ...state,
    expireTime,
    grantedDurationMs: totalMs,
    extensions: [...state.extensions, pendingExtension],
    pendingExtension: undefined,
    movingEnd: false,
  };
  return noted(extended, now, 'extended', SYSTEM, { decisionId, totalMs, expireTime, receipt: moved.receipt });
}

/** The extension ends, and the grant goes on as it was. */
export function extensionEnded(state: State, because: string, now: Instant, code?: FailureCode): State {
  const decisionId = state.pendingExtension?.decisionId;
  const ended: State = { ...state, approval: undefined, pendingExtension: undefined, movingEnd: false };
  return noted(ended, now, 'extension-ended', SYSTEM, { decisionId, code, because });
}
