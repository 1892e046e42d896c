/** One row per promise of the design: its sentence, and the checks that hold it over the facts of a whole system. */
import {
  endingsAreProved,
  madeAfterAgreed,
  nothingComesBack,
  nothingOrderedAfterwards,
  orderedAfterJudged,
  owedBeforeOrdered,
  removalStartsInTime,
  standsWhileOwed,
  timersGrantNothing,
} from './access.js';
import type { Broken, Facts, PromiseNumber } from './facts.js';
import type { Check } from './look.js';

interface Row {
  says: string;
  checks: { [name: string]: Check };
}

export const promises: Partial<Record<PromiseNumber, Row>> = {
  1: {
    says: 'No access outside an approved window.',
    checks: { standsWhileOwed, madeAfterAgreed, removalStartsInTime },
  },
  2: { says: 'No timer ever grants.', checks: { timersGrantNothing, orderedAfterJudged } },
  3: { says: 'Undo is armed before do.', checks: { owedBeforeOrdered } },
  4: {
    says: 'Removal never gives up and is proved.',
    checks: { endingsAreProved, nothingComesBack, nothingOrderedAfterwards },
  },
};

/** Everything that is broken, in the order of the promises; empty where all of them hold. */
export function brokenPromises(facts: Facts): Broken[] {
  return Object.entries(promises).flatMap(([number, { checks }]) =>
    Object.values(checks).flatMap((check) =>
      check(facts).map((told): Broken => ({ promise: Number(number) as PromiseNumber, ...told })),
    ),
  );
}
