/** How late removals were, counted from when they were due: from their own records and from the target's own account of them. */
import type { Facts } from '../../support/invariants.js';
import type { Instant, Ms } from '../../../workflows/domain/time.js';
import { dueOf } from '../../support/invariants/look.js';

/** From the first byte of a fault until everything was back. */
export interface Disturbance {
  name: string;
  from: Instant;
  to: Instant;
}

export interface Lateness {
  grantId: string;
  due: Instant;
  /** Until the removal began. */
  startMs: Ms;
  /** Until it was gone at the target, below 0 where it went before; undefined where nothing was ever made. */
  goneMs?: Ms;
  /** Nothing was wrong from shortly before it was due until it began. */
  isQuiet: boolean;
}

/** After a worker has died, and while all live: promise 1. */
const disturbedMs: Ms = 12_000;
export const quietMs: Ms = 2_000;
/** Two clocks of one machine, and instants that were cut to milliseconds. */
const clocksMs: Ms = 5;

export function latenessOf({ grants, targets }: Facts, disturbances: readonly Disturbance[]): Lateness[] {
  return grants.flatMap((grant) => {
    const due = dueOf(grant);
    const started = grant.records.find(({ type }) => type === 'removal-started');
    if (due === undefined || !started) return [];
    const line = targets.flatMap(({ ledger }) => ledger).find(({ grantId }) => grantId === grant.grantId);
    const around = { from: due - disturbedMs, to: started.at };
    return [
      {
        grantId: grant.grantId,
        due,
        startMs: Math.max(0, started.at - due),
        ...(line?.removedAt !== undefined && { goneMs: line.removedAt - due }),
        isQuiet: !disturbances.some(({ from, to }) => from < around.to && to > around.from),
      },
    ];
  });
}

/**
 * Removals that began too late: 2 s after they were due while nothing was wrong, else 12 s after the first moment from which on
 * nothing was wrong for 12 s. Time in which the machine ran nobody is not counted.
 */
export function tooLate(
  all: readonly Lateness[],
  disturbances: readonly Disturbance[],
  stalls: { between(from: Instant, to: Instant): Ms },
  startsWithinMs = quietMs,
): string[] {
  return all.flatMap(({ grantId, due, startMs, isQuiet }) => {
    const allowed = isQuiet ? due + startsWithinMs : calmAfter(due, disturbances) + disturbedMs;
    const began = due + startMs;
    const lateMs = began - allowed - stalls.between(due, began);
    return lateMs <= 0
      ? []
      : [`the removal of ${grantId} began ${startMs} ms after it was due, ${lateMs} ms later than it may`];
  });
}

/** Access that somebody took away before it was due, and nobody had asked for that. */
export function tooEarly(all: readonly Lateness[]): string[] {
  return all.flatMap(({ grantId, goneMs = 0 }) =>
    goneMs < -clocksMs ? [`the account of ${grantId} was gone ${-goneMs} ms before it was due`] : [],
  );
}

/** The first instant not before this one, after which nothing goes wrong for as long as a removal may take to begin. */
function calmAfter(due: Instant, disturbances: readonly Disturbance[]): Instant {
  let calm = due;
  for (const { from, to } of disturbances.toSorted((one, other) => one.from - other.from)) {
    if (from < calm + disturbedMs && to > calm) calm = to;
  }
  return calm;
}

export function spread(values: readonly Ms[]): { p50: Ms; p99: Ms; max: Ms } {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number): Ms => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
