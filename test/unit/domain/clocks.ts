/** What time alone brings, for every state, and that it never brings access. */
import assert from 'node:assert/strict';
import { nextDue, removalRetryMs, type Due } from '../../../workflows/domain/clocks.js';
import { removalOverdueMs } from '../../../workflows/domain/ending.js';
import type { State } from '../../../workflows/domain/state.js';
import { grantStates, type GrantState } from '../../../workflows/domain/states.js';
import {
  after,
  asked,
  endMoved,
  extending,
  gone,
  hour,
  inState,
  into,
  manager,
  minute,
  moving,
} from '../../support/histories.js';
import { activateBy, narrows, opensStep, passed, planted, start, step, vote } from '../../support/histories.js';

const shown = (due: Due | undefined) => due && [due.event.type, due.at, due.summary];

describe('the next thing that time brings', () => {
  const active = inState.ACTIVE();
  const removing = inState.REVOKING();
  const expected: Record<GrantState, unknown> = {
    REQUESTED: undefined,
    APPROVAL_AWAITED: ['step-reminded', start + hour, 'remind step 1'],
    SCHEDULED: ['start-due', start + 6 * hour, 'start'],
    ACTIVATING: undefined,
    ACTIVE: ['time-up', active.expireTime, 'end of access'],
    REVOKING: ['removal-overdue', (removing.removing?.since ?? 0) + removalOverdueMs, 'removal overdue'],
    WITHDRAWING: ['removal-overdue', (removing.removing?.since ?? 0) + removalOverdueMs, 'removal overdue'],
    DENIED: ['tombstone-moot', activateBy + minute, 'end of the evidence'],
    EXPIRED: ['tombstone-moot', activateBy + minute, 'end of the evidence'],
    ACTIVATION_FAILED: undefined,
    ENDED: undefined,
    REVOKED: undefined,
    WITHDRAWN: undefined,
  };
  for (const state of grantStates) {
    it(`in ${state}: ${expected[state] ? String((expected[state] as unknown[])[0]) : 'nothing'}`, () => {
      assert.deepEqual(shown(nextDue(inState[state]())), expected[state]);
    });
  }

  it('is nothing while a step is being opened: its clocks start when people are asked', () => {
    assert.equal(nextDue(after(asked(), passed())), undefined);
  });

  it('is nothing while the second assessment of a scheduled start is made', () => {
    assert.equal(nextDue(after(inState.SCHEDULED(), { type: 'start-due' })), undefined);
  });

  it('is each clock of a step once, in the order of time', () => {
    let state = inState.APPROVAL_AWAITED();
    const seen: string[] = [];
    for (let due = nextDue(state); due && !state.ending; due = nextDue(state)) {
      seen.push(`${due.event.type} after ${(due.at - start) / hour} h`);
      state = after(state, due.event);
    }
    assert.deepEqual(seen, ['step-reminded after 1 h', 'step-escalated after 2 h', 'step-expired after 4 h']);
    assert.equal(state.phase, 'EXPIRED');
  });

  it('is the expiry alone where a step neither reminds nor escalates', () => {
    const opening = { remindAt: undefined, escalateAt: undefined };
    assert.equal(nextDue(after(asked(), passed(), opensStep({ opening })))?.event.type, 'step-expired');
  });

  it('names the step that it is about', () => {
    const state = after(asked(), into(step([manager]), step([manager])), opensStep(), vote(), opensStep({ step: 1 }));
    assert.equal(nextDue(state)?.summary, 'remind step 2');
  });

  it('of an active grant with an extension is the earlier of its end and the clocks of the approval', () => {
    const state = extending();
    assert.equal(nextDue(state)?.event.type, 'time-up');
    const reminded: State = { ...state, expireTime: start + 7 * hour };
    assert.equal(nextDue(reminded)?.event.type, 'step-reminded');
    assert.equal(nextDue(moving())?.event.type, 'time-up');
  });

  it('stays when unrelated things change, so that no timer is set anew', () => {
    const state = after(asked(), into(step([manager], { needed: 2 })), opensStep());
    for (const later of [after(state, vote()), after(state, { type: 'reassess' })]) {
      assert.deepEqual(nextDue(later), nextDue(state));
    }
    const missing = after(active, { type: 'externally-modified', what: 'missing' });
    assert.deepEqual(nextDue(missing), nextDue(active));
  });

  it('follows the end when it moves', () => {
    const state = moving();
    const extension = state.pendingExtension?.decisionId ?? '';
    const later = after(state, endMoved(extension, start + 90 * minute));
    assert.deepEqual(shown(nextDue(later)), ['time-up', start + 90 * minute, 'end of access']);
  });
});

describe('a removal that failed', () => {
  const failed = (state: State) =>
    after(state, { type: 'removal-failed', attempt: state.removing?.attempt ?? 0, code: 'bad-receipt', because: 'no' });

  it('is tried again after 10 s, and is overdue all the same after a minute', () => {
    const state = failed(inState.REVOKING());
    const at = (state.removing?.failedAt ?? 0) + 10_000;
    assert.deepEqual(shown(nextDue(state)), ['removal-retried', at, 'remove again']);
    assert.equal(nextDue(after(state, { type: 'removal-retried' }))?.event.type, 'removal-overdue');
  });

  it('is tried again for ever, after at most 15 minutes', () => {
    assert.deepEqual([1, 2, 3, 7, 8, 2_000].map(removalRetryMs), [10_000, 20_000, 40_000, 640_000, 900_000, 900_000]);
  });

  it('waits for nothing more once it is proved', () => {
    assert.equal(nextDue(after(failed(inState.REVOKING()), gone())), undefined);
    assert.equal(nextDue(after(inState.APPROVAL_AWAITED(), narrows('revoked'), planted())), undefined);
  });
});
