/** What can be done to a grant in one step of a random run: plain data, so that a failing run is read, shrunk and repeated. */
import fc from 'fast-check';
import type { Terms } from './expected.js';

const hour = 3_600_000;

/** Accounts of people, with the human behind each. */
export const people: Record<string, string> = {
  'person:engineer': 'person:engineer',
  'person:engineer-twin': 'person:engineer',
  'person:manager': 'person:manager',
  'person:owner': 'person:owner',
  'person:owner-twin': 'person:owner',
  'person:security': 'person:security',
};
export const names = Object.keys(people);

export type Move =
  | { do: 'approve'; who: string; durationMs?: number; isLate?: true; lost?: string }
  | { do: 'deny' | 'withdraw' | 'revoke'; who: string }
  | { do: 'cancel' }
  | { do: 'extend'; who: string; totalMs: number }
  | { do: 'collect' | 'renew'; who: string }
  /** The last decision, or the last good answer of others, once more. */
  | { do: 'again' | 'echo' }
  | { do: 'wait'; ms: number }
  /** To the instant at which time brings the next thing, or a millisecond beside it. */
  | { do: 'strike'; beside: -1 | 0 | 1 }
  /** The rules, or somebody's place in them, change. */
  | { do: 'policy'; eligible: boolean | 'unknown' }
  /**
   * One of those things happens that were asked of others. `acts`: it is done, and the answer is lost or late. `fails`: it is not
   * done, or nobody can tell. `lies`: it is answered without proof.
   */
  | { do: 'effect'; which: number; how: 'done' | 'done' | 'acts' | 'fails' | 'lies' };

const who = fc.constantFrom(...names);
const approver = fc.constantFrom('person:manager', 'person:owner', 'person:security');
const length = fc.constantFrom(
  0,
  -1,
  Number.NaN,
  1,
  1_000,
  hour / 2,
  hour,
  2 * hour,
  8 * hour,
  9 * hour,
  90 * 24 * hour,
);

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('effect' as const), which: fc.nat(3), how: fc.constant('done' as const) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('effect' as const),
      which: fc.nat(3),
      how: fc.constantFrom('acts' as const, 'fails' as const, 'lies' as const),
    }),
  },
  // As people mostly do, so that flows of several steps come to their end.
  { weight: 14, arbitrary: fc.record({ do: fc.constant('approve' as const), who: approver }) },
  {
    weight: 5,
    arbitrary: fc.record(
      { do: fc.constant('approve' as const), who, durationMs: length, isLate: fc.constant(true as const), lost: who },
      { requiredKeys: ['do', 'who'] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('deny' as const, 'withdraw' as const, 'revoke' as const), who }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('extend' as const), who, totalMs: length }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('extend' as const),
      who: fc.constant('person:engineer'),
      totalMs: fc.constantFrom(2 * hour, 4 * hour, 8 * hour),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('collect' as const, 'renew' as const),
      who: fc.constantFrom('person:engineer', ...names),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Move>({ do: 'cancel' }, { do: 'again' }, { do: 'echo' }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 1_000, hour, 24 * hour) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('strike' as const), beside: fc.constantFrom(-1, 0, 1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('policy' as const),
      eligible: fc.constantFrom<boolean | 'unknown'>(true, true, false, 'unknown'),
    }),
  },
);

/** What was asked, under which rules, and what then happens. */
export interface Run {
  requestedMs: number;
  terms: Terms | 'denied';
  moves: Move[];
  /** How it comes to its end: somebody ends it, or nobody does anything any more. */
  end: 'ended' | 'left';
}

export const start = Date.UTC(2026, 0, 5, 9);

const common = {
  steps: fc.array(fc.constantFrom(1, 1, 2), { minLength: 1, maxLength: 3 }),
  passesAlone: fc.constantFrom(true, false, false),
  ceilingRefuses: fc.constantFrom(false, false, false, false, false, false, true),
  barred: fc.constant<string[]>(['person:engineer', 'person:engineer-twin']),
  maximumMs: fc.constant(8 * hour),
  extendsAloneUpToMs: fc.constantFrom(0, 2 * hour),
};
// Also at the very instant, and just gone.
const startsAt = fc.constantFrom(start, start + 1_000, start + 6 * hour, start - 1);
const emergency = fc.boolean();

const terms: fc.Arbitrary<Terms> = fc.oneof(
  { weight: 6, arbitrary: fc.record(common) },
  { weight: 2, arbitrary: fc.record({ ...common, startsAt }) },
  { weight: 1, arbitrary: fc.record({ ...common, emergency }) },
  { weight: 1, arbitrary: fc.record({ ...common, emergency, startsAt }) },
);

/** How a grant mostly begins. Moves that come too early, or for a flow with fewer steps, do nothing. */
const begins: Move[] = [
  { do: 'effect', which: 0, how: 'done' },
  { do: 'effect', which: 0, how: 'done' },
  { do: 'approve', who: 'person:manager' },
  { do: 'approve', who: 'person:owner' },
  { do: 'effect', which: 0, how: 'done' },
  { do: 'approve', who: 'person:security' },
  { do: 'approve', who: 'person:owner' },
  { do: 'effect', which: 0, how: 'done' },
  { do: 'effect', which: 0, how: 'done' },
  { do: 'collect', who: 'person:engineer' },
  { do: 'renew', who: 'person:engineer' },
];

export const runs: fc.Arbitrary<Run> = fc.record({
  requestedMs: fc.constantFrom(1, 1_000, hour, hour, 8 * hour),
  terms: fc.oneof({ weight: 20, arbitrary: terms }, { weight: 1, arbitrary: fc.constant('denied' as const) }),
  moves: fc
    .tuple(fc.nat(begins.length), fc.array(move, { maxLength: 40, size: 'max' }))
    .map(([orderly, moves]) => [...begins.slice(0, orderly), ...moves]),
  end: fc.constantFrom('ended', 'left'),
});
