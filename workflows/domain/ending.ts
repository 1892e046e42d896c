/** How a grant comes to its end: at once when nothing stands, by removal when something may. */
import { SYSTEM, type Ref } from './actor.js';
import { refuse, type FailureCode, type Refusal } from './failure.js';
import { noted, type State } from './state.js';
import { isTerminal, type GrantState } from './states.js';
import type { Removal } from './target.js';
import { plainText } from './text.js';
import { planting } from './tombstone.js';
import type { Instant, Ms } from './time.js';
import type { Ending } from './view.js';

/** A removal that takes longer raises the alarm. */
export const removalOverdueMs: Ms = 60_000;

/** What a target may add to the record: it must never outgrow what can be told. */
const remarksMax = 20;
const remarkMax = 300;

/** Where each ending leads when all is removed. */
const final: Record<Ending, GrantState> = {
  denied: 'DENIED',
  'not-eligible': 'DENIED',
  refused: 'DENIED',
  'no-decision': 'EXPIRED',
  'activation-failed': 'ACTIVATION_FAILED',
  'time-up': 'ENDED',
  withdrawn: 'WITHDRAWN',
  revoked: 'REVOKED',
  cancelled: 'REVOKED',
  'lost-eligibility': 'REVOKED',
};

export function isEnding(state: State): boolean {
  return state.phase === 'REVOKING' || state.phase === 'WITHDRAWING' || isTerminal(state.phase);
}

/**
 * Ends the grant. What may stand at the target is removed first; where nothing can, it is over at once, and only a tombstone is
 * owed. A first ending is kept.
 */
export function end(state: State, code: Ending, by: Ref, reason: string, now: Instant): State {
  const over: State = {
    ...state,
    ending: state.ending ?? { code, by, reason, at: now },
    approval: undefined,
    pendingExtension: undefined,
    movingEnd: false,
  };
  if (!state.removalOwed) return planting(closed(over, now), now);
  const removing = { since: now, attempt: 1, overdue: false };
  const phase = code === 'withdrawn' ? 'WITHDRAWING' : 'REVOKING';
  return noted({ ...over, phase, removing }, now, 'removal-started', SYSTEM, { account: state.provisioned?.account });
}

/** The target confirmed that nothing stands. */
export function removed(state: State, removal: Removal, now: Instant): State | Refusal {
  if (!state.removing || !state.removalOwed) return refuse('not-now', 'Nothing is being removed.');
  const { account, removedAt, verifiedAt, wasPresent, sessionsEnded, receipt } = removal;
  const remarks = removal.remarks.slice(0, remarksMax).map((remark) => plainText(remark, remarkMax));
  const detail = { account, removedAt, verifiedAt, wasPresent, sessionsEnded, remarks, receipt };
  const gone: State = { ...state, removal, removalOwed: false, removing: { ...state.removing, overdue: false } };
  return closed(noted(gone, now, 'removed', SYSTEM, detail), now);
}

/** A removal that cannot be believed or failed for good is started anew, for as long as it takes. */
export function removalFailed(
  state: State,
  failure: { attempt: number; code: FailureCode; because: string },
  now: Instant,
): State | Refusal {
  const { attempt, code, because } = failure;
  if (!state.removing || !state.removalOwed || attempt !== state.removing.attempt)
    return refuse('not-now', 'Another removal is running.');
  const failed: State = { ...state, removing: { ...state.removing, failedAt: now } };
  return noted(failed, now, 'removal-failed', SYSTEM, { attempt, code, because });
}

export function removalRetried(state: State): State | Refusal {
  if (!state.removalOwed || state.removing?.failedAt === undefined) return refuse('not-now', 'No removal failed.');
  const { since, attempt, overdue } = state.removing;
  return { ...state, removing: { since, attempt: attempt + 1, overdue } };
}

export function removalOverdue(state: State, now: Instant): State | Refusal {
  if (!state.removing || !state.removalOwed) return refuse('not-now', 'Nothing is being removed.');
  const late: State = { ...state, removing: { ...state.removing, overdue: true } };
  return noted(late, now, 'removal-overdue', SYSTEM, { sinceMs: now - state.removing.since });
}

function closed(state: State, now: Instant): State {
  const phase = final[state.ending?.code ?? 'revoked'];
  return noted({ ...state, phase }, now, 'closed', SYSTEM, { state: phase });
}
