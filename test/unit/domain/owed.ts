/** What a state has others do: each effect under a key of its own, which stays while the same thing is owed. */
import assert from 'node:assert/strict';
import { owed } from '../../../workflows/domain/owed.js';
import type { State } from '../../../workflows/domain/state.js';
import { grantStates, type GrantState } from '../../../workflows/domain/states.js';
import { after, asked, asksMore, hour, inState, into, manager, moving, narrows } from '../../support/histories.js';
import { opensStep, owner, passed, step, vote } from '../../support/histories.js';

const keys = (state: State): string[] => owed(state).map(({ key }) => key);

describe('what a state owes', () => {
  const expected: Partial<Record<GrantState, string[]>> = {
    REQUESTED: ['assess'],
    ACTIVATING: ['provision'],
    REVOKING: ['remove/1'],
    WITHDRAWING: ['remove/1'],
    DENIED: ['plant/1'],
    EXPIRED: ['plant/1'],
  };
  for (const state of grantStates) {
    it(`${state}: ${expected[state]?.join(', ') ?? 'nothing'}`, () => {
      assert.deepEqual(keys(inState[state]()), expected[state] ?? []);
    });
  }

  it('is to open each step, and to open it again with more approvers when it escalates', () => {
    const first = after(asked(), into(step([manager]), step([owner])));
    assert.deepEqual(keys(first), ['open-step/request/0']);
    const open = after(first, opensStep());
    assert.deepEqual(keys(open), []);
    assert.deepEqual(keys(after(open, { type: 'step-escalated' })), ['open-step/request/0/escalated']);
    assert.deepEqual(keys(after(open, vote())), ['open-step/request/1']);
  });

  it('is to open the steps of each extension under its own key', () => {
    const extension = asksMore(3 * hour);
    const state = after(inState.ACTIVE(), extension);
    assert.deepEqual(keys(state), [`open-step/${extension.decisionId}/0`]);
  });

  it('is to move the end once for each extension', () => {
    const state = moving();
    assert.deepEqual(keys(state), [`set-end/${state.pendingExtension?.decisionId}`]);
  });

  it('is each check of eligibility under its own number, one at a time', () => {
    const first = after(inState.ACTIVE(), { type: 'reassess' });
    assert.deepEqual(keys(first), ['check-eligibility/1']);
    const again = after(first, { type: 'reassess' });
    assert.deepEqual(keys(again), ['check-eligibility/1']);
    const next = after(again, { type: 'eligibility', check: 1, eligible: true, because: 'x' });
    assert.deepEqual(keys(next), ['check-eligibility/2']);
  });

  it('is no removal while one that failed waits, and then another one', () => {
    const failed = after(inState.REVOKING(), {
      type: 'removal-failed',
      attempt: 1,
      code: 'bad-receipt',
      because: 'no',
    });
    assert.deepEqual(keys(failed), []);
    assert.deepEqual(keys(after(failed, { type: 'removal-retried' })), ['remove/2']);
  });

  it('keeps its keys when unrelated things change, and never has one twice', () => {
    const state = after(inState.ACTIVATING(), { type: 'reassess' });
    assert.deepEqual(keys(state), ['check-eligibility/1', 'provision']);
    assert.deepEqual(keys(after(state, { type: 'eligibility', check: 1, because: 'x' })), ['provision']);
    for (const phase of grantStates) assert.equal(new Set(keys(inState[phase]())).size, keys(inState[phase]()).length);
  });

  it('is removal, and no longer to provision, once it ends', () => {
    const ended = after(after(inState.ACTIVATING(), { type: 'reassess' }), narrows('revoked'));
    assert.ok(keys(ended).includes('remove/1'));
    assert.ok(!keys(ended).includes('provision'));
    assert.deepEqual(keys(after(asked(), passed(), narrows('revoked'))), ['plant/1']);
  });
});
