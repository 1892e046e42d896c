/** What the target has made: nothing that could not be undone, no longer than agreed, handed to the subject once. */
import assert from 'node:assert/strict';
import type { State } from '../../../workflows/domain/state.js';
import { transition } from '../../../workflows/domain/transition.js';
import {
  after,
  asked,
  engineer,
  gone,
  hour,
  inState,
  leadsTo,
  manager,
  minute,
  narrows,
  opensStep,
  passed,
  provisioned,
  start,
  vote,
} from '../../support/histories.js';

describe('provisioning', () => {
  it('is armed to be undone before it starts', () => {
    assert.equal(inState.APPROVAL_AWAITED().removalOwed, false);
    assert.equal(inState.ACTIVATING().removalOwed, true);
  });

  it('gives the end that the target has set', () => {
    const state = after(inState.ACTIVATING(), provisioned({ endsAt: start + 30 * minute }));
    assert.deepEqual([state.phase, state.expireTime], ['ACTIVE', start + 30 * minute]);
  });

  it('gives nobody more time than was agreed, whatever the clock of a connector says', () => {
    const state = after(inState.ACTIVATING(), provisioned({ endsAt: start + 1_000 * hour }));
    assert.equal(state.expireTime, state.changedAt + hour);
  });

  it('that answers after a revoke changes nothing', () => {
    const revoked = after(inState.ACTIVATING(), narrows('revoked'));
    assert.equal(revoked.phase, 'REVOKING');
    assert.equal(leadsTo(revoked, provisioned()), 'not-now');
    assert.equal(leadsTo(after(revoked, gone()), provisioned()), 'not-now');
  });
});

describe('the credential', () => {
  const collects = (state: State, by: string, collectId = 'one') =>
    leadsTo(state, { type: 'collected', collectId, by });

  it('goes to the subject alone, while the grant is active, once', () => {
    const state = after(asked({ subject: 'person:colleague' }), passed(), opensStep(), vote(), provisioned());
    assert.equal(collects(state, engineer), 'not-the-subject');
    assert.equal(collects(state, manager), 'not-the-subject');
    const handed = after(state, { type: 'collected', collectId: 'one', by: 'person:colleague' });
    assert.equal(transition(handed, { type: 'collected', collectId: 'one', by: 'person:colleague' }, start), handed);
    assert.equal(collects(handed, 'person:colleague', 'two'), 'already-collected');
    assert.equal(collects(after(handed, narrows('revoked')), 'person:colleague'), 'not-active');
  });

  it('is not there where the target hands nothing over', () => {
    const state = after(inState.ACTIVATING(), provisioned({ sealedCredential: undefined }));
    assert.equal(collects(state, engineer), 'not-active');
  });
});
