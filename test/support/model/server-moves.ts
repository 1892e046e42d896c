/** What can happen to a grant on the real server in one step of a random life: plain data, so that a failing one is read, shrunk and repeated. */
import fc from 'fast-check';

const hour = 3_600_000;

export type Move =
  | { do: 'approve'; by: string; durationMs?: number }
  | { do: 'deny' | 'withdraw' | 'revoke'; by: string }
  | { do: 'extend'; by: string; totalMs: number }
  | { do: 'skip'; ms: number }
  | { do: 'policy'; eligible: boolean }
  | { do: 'again' };

/** What is asked under which rules, what goes wrong, and what people and time do. */
export interface Run {
  automatic: boolean;
  needed: number[];
  /** How often each is answered with a failure before it is done. */
  faults: { provision: 0 | 1 | 'refused'; remove: number };
  moves: Move[];
}

const who = fc.constantFrom('person:manager', 'person:owner', 'person:engineer', 'person:other');
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record(
      { do: fc.constant('approve' as const), by: who, durationMs: fc.constantFrom(0, 1_000, hour / 2, 9 * hour) },
      { requiredKeys: ['do', 'by'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('deny' as const, 'withdraw' as const, 'revoke' as const), by: who }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('extend' as const),
      by: who,
      totalMs: fc.constantFrom(1, 2 * hour, 4 * hour, 9 * hour),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('skip' as const),
      ms: fc.constantFrom(1_000, hour / 2, 2 * hour, 26 * hour),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('policy' as const), eligible: fc.constantFrom(true, true, false) }),
  },
  { weight: 1, arbitrary: fc.constant<Move>({ do: 'again' }) },
);
export const runs: fc.Arbitrary<Run> = fc.record({
  automatic: fc.constantFrom(false, false, true),
  needed: fc.array(fc.constantFrom(1, 2), { minLength: 1, maxLength: 2 }),
  faults: fc.record({
    provision: fc.constantFrom<Run['faults']['provision']>(0, 0, 1, 'refused'),
    remove: fc.constantFrom(0, 1, 2),
  }),
  moves: fc.array(move, { maxLength: 6 }),
});
