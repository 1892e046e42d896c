/** The passkeys of people without Temporal, for tests: the steps of their workflow, taken here. */
import type { People } from '../../api/people.js';
import { Problem } from '../../api/problem.js';
import {
  enrolled,
  noPasskeys,
  removed,
  renamed,
  used,
  type PersonState,
  type Step,
} from '../../workflows/domain/passkeys.js';

export function peopleInMemory(): People {
  const states = new Map<string, PersonState>();
  const of = (id: string) => states.get(id) ?? noPasskeys(id);
  async function take(id: string, step: (state: PersonState) => Step): Promise<void> {
    const { state, refusal } = step(of(id));
    states.set(id, state);
    if (refusal) throw new Problem(refusal.refused, refusal.because);
  }
  return {
    passkeysOf: async (id) => of(id).passkeys,
    enrol: (id, it) => take(id, (state) => enrolled(state, it, Date.now())),
    rename: (id, it) => take(id, (state) => renamed(state, it, Date.now())),
    remove: (id, it) => take(id, (state) => removed(state, it, Date.now())),
    use: (id, it) => take(id, (state) => used(state, it, Date.now())),
  };
}
