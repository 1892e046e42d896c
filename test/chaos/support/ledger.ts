/** What callers were answered, and what went wrong for them: written down on their side, so that nothing accepted can get lost unseen. */
import { ApiProblem, type Grant } from '../../../api/client/client.js';
import type { Accepted } from '../../support/invariants.js';
import { until } from '../../support/until.js';
import type { Shape } from './schedule.js';

export interface Told {
  grantId: string;
  shape: Shape;
  askedAt: number;
  /** As its requester last saw it. */
  seen?: Grant;
  /** An operator ended its workflow by force. */
  terminatedAt?: number;
}

/** Of a call that could not reach anybody, or that is refused only for now. */
const passing: string[] = ['temporal-unavailable', 'identity-unavailable', 'rate-limited'];
const patienceMs = 120_000;

export class Ledger {
  readonly grants = new Map<string, Told>();
  /** The end is what the faults allow: how late removals start is checked with the faults at hand. */
  readonly accepted: Accepted = {
    grants: [],
    decisions: [],
    removalStartsWithinMs: patienceMs,
    removalReachesWithinMs: patienceMs,
    secrets: {},
  };
  readonly troubles: string[] = [];

  /** Says the same again until it is heard: whoever calls must have given it an id of its own. */
  async insist<T extends object>(call: () => Promise<T>): Promise<{ answer: T } | { refused: ApiProblem }> {
    return until(
      async () => {
        try {
          return { answer: await call() };
        } catch (error) {
          // An API that dies, stands still or starts answers nobody; that is no refusal.
          if (!(error instanceof ApiProblem) || passing.includes(error.problem.type)) throw error;
          return { refused: error };
        }
      },
      { withinMs: patienceMs, everyMs: 300, what: 'an answer of the API' },
    );
  }
}
