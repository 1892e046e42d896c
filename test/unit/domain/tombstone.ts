/** What ends before anything was owed at its target: the target learns of it, and nobody waits for that. */
import assert from 'node:assert/strict';
import { apply } from '../../../workflows/domain/apply.js';
import { nextDue } from '../../../workflows/domain/clocks.js';
import { owed } from '../../../workflows/domain/owed.js';
import { opened, type State } from '../../../workflows/domain/state.js';
import { isTerminal } from '../../../workflows/domain/states.js';
import type { Event } from '../../../workflows/domain/event.js';
import { activateBy, after, asked, engineer, gone, hour, inState, into, narrows } from '../../support/histories.js';
import { minute, opensStep, passed, planted, request, second, start, step } from '../../support/histories.js';

const awaiting = inState.APPROVAL_AWAITED();
const denies: Event = {
  type: 'assessed',
  finding: { verdict: 'deny', code: 'not-eligible', because: 'no' },
  ceiling: 'silent',
};
const refuses = passed({}, { allows: false, because: 'no' });
const nobody = opensStep({ opening: { selectors: [] } });

describe('a tombstone', () => {
  const endings: [string, State][] = [
    ['denied by an approver', after(awaiting, narrows('denied'))],
    ['denied by the assessment', after(asked(), denies)],
    ['refused by the ceiling', after(asked(), refuses)],
    ['refused since it could not be checked', after(asked(), { type: 'assess-failed', because: 'no' })],
    ['refused since nobody is left to decide', after(asked(), into(step([])), nobody)],
    ['expired', after(awaiting, { type: 'step-expired' })],
    ['withdrawn while people are asked', after(awaiting, narrows('withdrawn', engineer))],
    ['revoked while people are asked', after(awaiting, narrows('revoked'))],
    ['revoked while it is checked', after(asked(), narrows('revoked'))],
    ['cancelled', after(awaiting, { type: 'cancelled' })],
    [
      'ended for lost eligibility',
      after(awaiting, { type: 'reassess' }, { type: 'eligibility', check: 1, eligible: false, because: 'no' }),
    ],
  ];
  for (const [name, state] of endings) {
    it(`is owed by what was ${name}, which is over at once`, () => {
      assert.ok(isTerminal(state.phase));
      assert.equal(state.records.at(-1)?.type, 'closed');
      assert.deepEqual(
        owed(state).map(({ key }) => key),
        ['plant/1'],
      );
      const done = after(state, planted());
      assert.deepEqual([done.phase, owed(done), nextDue(done)], [state.phase, [], undefined]);
      const { type, detail } = done.records.at(-1) ?? {};
      assert.deepEqual([type, detail], ['tombstone-planted', { receipt: 'a receipt' }]);
    });
  }

  it('is not owed where a removal was proved: that left one', () => {
    for (const phase of ['ENDED', 'REVOKED', 'WITHDRAWN', 'ACTIVATION_FAILED'] as const) {
      assert.equal(inState[phase]().planting, undefined);
    }
  });

  it('is not owed for evidence that no target would take any more, nor for what is no evidence', () => {
    const late = apply(awaiting, narrows('denied'), activateBy + minute);
    assert.deepEqual([late.phase, late.planting], ['DENIED', undefined]);
    for (const evidence of ['', 'x', 'a.b.c', 'e30.e30.x', '.bnVsbA.']) {
      const junk = apply(opened({ request: request(), evidence }, start), narrows('revoked'), start);
      assert.deepEqual([junk.phase, junk.planting], ['REVOKED', undefined]);
    }
  });

  it('is owed until the evidence is worthless, and for a year at most whatever the evidence claims', () => {
    const state = inState.DENIED();
    assert.equal(state.planting?.until, activateBy + minute);
    const moot = after(state, { type: 'tombstone-moot' });
    assert.deepEqual([moot.planting, owed(moot), nextDue(moot)], [undefined, [], undefined]);
    assert.equal(moot.records.length, state.records.length);
    const greedy = after({ ...awaiting, activateBy: Number.MAX_VALUE }, narrows('denied'));
    assert.ok((greedy.planting?.until ?? Infinity) < start + 401 * 24 * hour);
  });

  it('that failed is planted anew, as another attempt', () => {
    const failed = after(inState.DENIED(), {
      type: 'tombstone-failed',
      attempt: 1,
      code: 'bad-receipt',
      because: 'no',
    });
    assert.deepEqual(owed(failed), []);
    assert.equal(nextDue(failed)?.event.type, 'tombstone-retried');
    assert.equal(nextDue(failed)?.at, failed.changedAt + 10_000);
    const again = after(failed, { type: 'tombstone-retried' });
    assert.deepEqual(
      owed(again).map(({ key }) => key),
      ['plant/2'],
    );
  });

  it('that finds something standing says so', () => {
    const found = after(inState.EXPIRED(), planted({ wasPresent: true }));
    const { detail } = found.records.at(-1) ?? {};
    assert.deepEqual(detail, { account: 'daypass_0123', wasPresent: true, receipt: 'a receipt' });
  });

  it('changes nothing for those who look: too late stays too late', () => {
    const state = inState.DENIED();
    const late = narrows('revoked');
    const next = apply(state, late, state.changedAt + second);
    assert.equal(next.outcomes.at(-1)?.result, 'already-over');
    assert.equal(apply(state, gone(), state.changedAt + second), state);
  });
});
