/** One row per promise of the design: its sentence, and the checks that hold it over the facts of a whole system. */
import {
  endingsAreProved,
  madeAfterAgreed,
  nothingComesBack,
  nothingOrderedAfterwards,
  orderedAfterJudged,
  owedBeforeOrdered,
  removalReachesTarget,
  removalStartsInTime,
  standsWhileOwed,
  timersGrantNothing,
} from './access.js';
import {
  acceptedIsTold,
  countsOnce,
  denyIsHonoured,
  isExplained,
  isInTheFiles,
  keepsItsRules,
  narrowingIsHonoured,
  nobodyForThemselves,
  sameKeySameGrant,
  wideningIsProved,
} from './decisions.js';
import type { Broken, Facts, PromiseNumber } from './facts.js';
import type { Check } from './look.js';
import { booksAgree, labelsFitReceipts, receiptsAreSigned, standsOnItsEvidence } from './proof.js';
import { holdsNoSecret, redisHoldsNothingNeeded } from './stores.js';

interface Row {
  says: string;
  checks: { [name: string]: Check };
}

export const promises: Record<PromiseNumber, Row> = {
  1: {
    says: 'No access outside an approved window.',
    checks: { standsWhileOwed, madeAfterAgreed, removalStartsInTime, removalReachesTarget },
  },
  2: { says: 'No timer ever grants.', checks: { timersGrantNothing, orderedAfterJudged } },
  3: { says: 'Undo is armed before do.', checks: { owedBeforeOrdered } },
  4: {
    says: 'Removal never gives up and is proved.',
    checks: { endingsAreProved, nothingComesBack, nothingOrderedAfterwards },
  },
  5: {
    says: 'Widening access needs proof; reducing it needs none.',
    checks: { wideningIsProved, narrowingIsHonoured, denyIsHonoured },
  },
  6: { says: 'Nobody approves for themselves.', checks: { nobodyForThemselves } },
  7: {
    says: 'The decider cannot grant, the connector decides nothing, and neither believes the other.',
    checks: { receiptsAreSigned, standsOnItsEvidence, labelsFitReceipts, booksAgree },
  },
  8: { says: 'No secret in history, logs, audit or search attributes.', checks: { holdsNoSecret } },
  9: { says: 'Losing Redis loses no removal and widens nothing.', checks: { redisHoldsNothingNeeded } },
  10: { says: 'A running grant keeps the rules it was approved under.', checks: { keepsItsRules } },
  11: {
    says: 'Every decision can be explained and replayed.',
    checks: { isExplained, isInTheFiles, acceptedIsTold },
  },
  12: { says: 'Starting twice is starting once.', checks: { countsOnce, sameKeySameGrant } },
};

/** Everything that is broken, in the order of the promises; empty where all of them hold. */
export function brokenPromises(facts: Facts): Broken[] {
  return Object.entries(promises).flatMap(([number, { checks }]) =>
    Object.values(checks).flatMap((check) =>
      check(facts).map((told): Broken => ({ promise: Number(number) as PromiseNumber, ...told })),
    ),
  );
}
