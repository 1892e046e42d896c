/**
 * Random lives of a grant, with decisions, clocks, faults and changes of the rules in any order, played over the pure core beside what
 * people expect of it and beside a target. A failure prints its seed: see test/support/seed.ts.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { grantRecords } from '../../../workflows/domain/record.js';
import type { GrantState } from '../../../workflows/domain/states.js';
import { runs } from '../../support/model/moves.js';
import { Play } from '../../support/model/play.js';
import { seeded } from '../../support/seed.js';

/** No move of the model leads to them; they have tests of their own. */
const elsewhere = ['externally-modified', 'reviewed'];

describe('a grant, whatever happens to it', function () {
  this.timeout(120_000);

  it('does what people expect, keeps every promise on the way, and comes to a proven end', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const life = new Play(run);
        life.play();
        life.ends();
        life.recordIsWhole();
      }),
      seeded({ numRuns: 2_000 }),
    );
  });

  it('is in every state and has all kinds of things happen to it in some of these lives, so that the rest is about something', () => {
    const reached = new Map<GrantState, number>();
    const ends = new Map<GrantState, number>();
    const recorded = new Map<string, number>();
    for (const run of fc.sample(runs, { numRuns: 600, seed: 1 })) {
      const life = new Play(run);
      const seen = new Set<GrantState>();
      for (const move of run.moves) {
        life.move(move);
        seen.add(life.state.phase);
      }
      for (const state of seen) reached.set(state, (reached.get(state) ?? 0) + 1);
      life.ends();
      ends.set(life.state.phase, (ends.get(life.state.phase) ?? 0) + 1);
      for (const type of new Set(life.state.records.map((record) => record.type)))
        recorded.set(type, (recorded.get(type) ?? 0) + 1);
    }
    for (const state of ['APPROVAL_AWAITED', 'SCHEDULED', 'ACTIVATING', 'ACTIVE', 'REVOKING', 'WITHDRAWING'] as const) {
      assert.ok((reached.get(state) ?? 0) >= 10, `${state} was reached ${reached.get(state) ?? 0} times`);
    }
    for (const state of ['DENIED', 'EXPIRED', 'ACTIVATION_FAILED', 'ENDED', 'REVOKED', 'WITHDRAWN'] as const) {
      assert.ok((ends.get(state) ?? 0) >= 3, `${state} was the end ${ends.get(state) ?? 0} times`);
    }
    for (const type of Object.keys(grantRecords)) {
      if (elsewhere.includes(type)) continue;
      assert.ok((recorded.get(type) ?? 0) >= 3, `${type} was recorded in ${recorded.get(type) ?? 0} lives`);
    }
  });
});
