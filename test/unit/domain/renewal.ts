/** Another credential: for the subject, five times, and never anything else than that. */
import assert from 'node:assert/strict';
import { apply, outcomeOf } from '../../../workflows/domain/apply.js';
import { owed } from '../../../workflows/domain/owed.js';
import { renewalsMax } from '../../../workflows/domain/renewal.js';
import { viewOf } from '../../../workflows/domain/shown.js';
import type { State } from '../../../workflows/domain/state.js';
import {
  after,
  asksRenewal,
  collected,
  engineer,
  gone,
  inState,
  manager,
  narrows,
  renewedAs,
  second,
} from '../../support/histories.js';

function result(state: State, event = asksRenewal()): string | undefined {
  return outcomeOf(apply(state, event, state.changedAt + second), event.decisionId)?.result;
}

const renewed = (state: State): State => {
  const asks = asksRenewal();
  return after(state, asks, renewedAs(asks.decisionId));
};

describe('a renewal', () => {
  it('is asked of the target once, with its evidence', () => {
    const asks = asksRenewal();
    const state = after(collected(), asks);
    const effects = owed(state).filter(({ kind }) => kind === 'renew');
    assert.deepEqual(effects, [
      {
        key: `renew/${asks.decisionId}`,
        kind: 'renew',
        renewal: { decisionId: asks.decisionId, by: engineer, evidence: asks.evidence },
      },
    ]);
    assert.deepEqual(viewOf(state).renewal, { decisionId: asks.decisionId });
    assert.equal(viewOf(state).credential, 'collected');
  });

  it('puts the new credential in the place of the old one, to be handed over once', () => {
    const state = renewed(collected());
    assert.equal(state.provisioned?.sealedCredential, 'sealed anew');
    assert.deepEqual([viewOf(state).credential, viewOf(state).renewal], ['waiting', undefined]);
    const again = after(state, { type: 'collected', collectId: 'two', by: engineer });
    assert.equal(viewOf(again).credential, 'collected');
  });

  it('is refused to others, without a credential that was handed over, and while one is made', () => {
    assert.equal(result(collected(), asksRenewal({ by: manager })), 'not-the-subject');
    assert.equal(result(inState.ACTIVE()), 'not-now');
    assert.equal(result(after(collected(), asksRenewal())), 'not-now');
  });

  it('is refused in every state but ACTIVE', () => {
    for (const [name, state] of Object.entries(inState)) {
      if (name !== 'ACTIVE') assert.notEqual(result(state()), 'applied', name);
    }
  });

  it(`is had ${renewalsMax} times; a failed one does not count`, () => {
    const failing = asksRenewal();
    let state = after(collected(), failing, {
      type: 'renewal-failed',
      renewal: failing.decisionId,
      code: 'target-unavailable',
      because: 'It was away.',
    });
    assert.deepEqual(viewOf(state).renewal, { decisionId: failing.decisionId, failed: 'It was away.' });
    assert.equal(viewOf(state).credential, 'collected');
    for (let turn = 0; turn < renewalsMax; turn += 1) {
      state = after(renewed(state), { type: 'collected', collectId: `again ${turn}`, by: engineer });
    }
    assert.equal(result(state), 'not-now');
  });

  it('takes no credential for another account, nor none', () => {
    for (const more of [{ account: 'other' }, { targetIdentity: 'other' }, { sealedCredential: undefined }]) {
      const asks = asksRenewal();
      const state = after(collected(), asks, renewedAs(asks.decisionId, more));
      assert.equal(state.provisioned?.sealedCredential, 'sealed');
      assert.equal(state.renewal?.failed?.code, 'target-unavailable');
    }
  });

  it('that comes when the grant is ending, or that nobody asked for, changes nothing', () => {
    const asks = asksRenewal();
    const ending = after(collected(), asks, narrows('revoked'));
    for (const state of [ending, after(ending, gone()), collected()]) {
      assert.equal(apply(state, renewedAs(asks.decisionId), state.changedAt + second), state);
    }
    assert.ok(!owed(ending).some(({ kind }) => kind === 'renew'));
  });
});
