/**
 * A grant that ends before anything was owed at its target has signed evidence too, and an automatic ceiling asks for no more.
 * So the target learns that it is over, without changing what people see: its state is terminal at once.
 */
import { SYSTEM } from './actor.js';
import { refuse, type FailureCode, type Refusal } from './failure.js';
import { noted, type State } from './state.js';
import type { Removal } from './target.js';
import type { Instant, Ms } from './time.js';

/** A connector's clock may be behind. */
const clockToleranceMs: Ms = 60_000;
/** What the API signs is good for weeks; whoever claims more, in evidence that nobody checked, keeps no workflow open for it. */
const longestMs: Ms = 400 * 86_400_000;

/** The state of a grant that is over, with a tombstone owed if its evidence could still be used. */
export function planting(state: State, now: Instant): State {
  if (state.activateBy <= now - clockToleranceMs) return state;
  const until = Math.min(state.activateBy, now + longestMs) + clockToleranceMs;
  return { ...state, planting: { until, attempt: 1 } };
}

export function tombstonePlanted(state: State, removal: Removal, now: Instant): State | Refusal {
  if (!state.planting) return notNow();
  const { account, wasPresent, receipt } = removal;
  // Something stood there: nobody knows how, and it is gone now.
  const found = wasPresent ? { account, wasPresent } : {};
  return noted({ ...state, planting: undefined }, now, 'tombstone-planted', SYSTEM, { ...found, receipt });
}

/** Started anew like a removal, but not for longer than the evidence lives. */
export function tombstoneFailed(
  state: State,
  failure: { attempt: number; code: FailureCode; because: string },
  now: Instant,
): State | Refusal {
  const { attempt, code, because } = failure;
  if (state.planting?.attempt !== attempt || state.planting.failedAt !== undefined) return notNow();
  const failed: State = { ...state, planting: { ...state.planting, failedAt: now } };
  return noted(failed, now, 'removal-failed', SYSTEM, { attempt, code, because });
}

export function tombstoneRetried(state: State): State | Refusal {
  if (state.planting?.failedAt === undefined) return notNow();
  const { until, attempt } = state.planting;
  return { ...state, planting: { until, attempt: attempt + 1 } };
}

export function tombstoneMoot(state: State): State | Refusal {
  return state.planting ? { ...state, planting: undefined } : notNow();
}

function notNow(): Refusal {
  return refuse('not-now', 'No tombstone is owed.');
}
