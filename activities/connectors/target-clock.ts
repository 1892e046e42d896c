/** What a target's clock says, and how far it is from ours: ends are set and kept by that clock, evidence is judged by both. */
import type { Instant, Ms } from '../../workflows/domain/time.js';
import type { Connector } from './connector.js';

/** Beyond this nothing is made at the target. */
export const skewMaxMs: Ms = 5_000;

export interface TargetTime {
  /** When its answer came, or a moment before. */
  now: Instant;
  /** Above zero where the target is ahead. */
  skewMs: Ms;
}

/** The skew is zero where the target's instant lies between our two readings around it, so that a slow answer is none. */
export async function readTargetClock(
  connector: Pick<Connector, 'now'>,
  clock: () => Instant,
  signal: AbortSignal,
): Promise<TargetTime> {
  const before = clock();
  const now = await connector.now(signal);
  const after = clock();
  if (!Number.isFinite(now)) throw new Error('The target does not say what time it is.');
  return { now, skewMs: Math.min(now - before, 0) + Math.max(now - after, 0) };
}
