/** Who may have access: asked at the request, once more at a scheduled start, and whenever something has changed. */
import assert from 'node:assert/strict';
import type { Event } from '../../../workflows/domain/event.js';
import { isRefusal, type FailureCode } from '../../../workflows/domain/failure.js';
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
  opensStep,
  passed,
  start,
  vote,
} from '../../support/histories.js';

describe('an assessment', () => {
  const low = { allows: true, automatic: false, leastApprovals: 1, attested: false } as const;
  for (const [name, event, phase] of [
    ['passes when rule and ceiling both allow it', passed({ automatic: true }), 'ACTIVATING'],
    ['asks people when only the rule allows it', passed({ automatic: true }, low), 'APPROVAL_AWAITED'],
    ['asks people when only the ceiling allows it', passed({ automatic: false }), 'APPROVAL_AWAITED'],
    ['asks people when the ceiling is silent', passed({ automatic: true }, 'silent'), 'APPROVAL_AWAITED'],
    ['denies what the ceiling refuses', passed({ automatic: true }, { allows: false, because: 'no' }), 'DENIED'],
  ] as const) {
    it(name, () => assert.equal(after(asked(), event).phase, phase));
  }

  it('ends the request with the code and the reason that it found', () => {
    const denies = (code: FailureCode) =>
      after(asked(), {
        type: 'assessed',
        finding: { verdict: 'deny', code, because: 'Not for you.' },
        ceiling: 'silent',
      }).ending;
    assert.deepEqual([denies('not-eligible')?.code, denies('not-eligible')?.reason], ['not-eligible', 'Not for you.']);
    assert.deepEqual([denies('risk-refused')?.code, denies('ticket-required')?.code], ['refused', 'refused']);
  });

  it('keeps the rule of its day, and who may never decide', () => {
    const state = after(asked(), passed({ policyVersion: 'of-that-day' }));
    assert.equal(state.rule?.policyVersion, 'of-that-day');
    assert.deepEqual(state.barred, [engineer]);
  });
});

describe('a scheduled start', () => {
  const at = start + 6 * hour;
  const scheduled = (when: number) => asked({ scheduledActivationTime: when });
  const decide = (state: State, now: number) => {
    const waiting = after(state, passed(), opensStep());
    const next = transition(waiting, vote(), now);
    assert.ok(!isRefusal(next));
    return next;
  };

  it('is waited for when it lies ahead, and not when the decision came at or after it', () => {
    assert.equal(decide(scheduled(at), at - 1).phase, 'SCHEDULED');
    assert.equal(decide(scheduled(at), at).phase, 'ACTIVATING');
    assert.equal(decide(scheduled(at), at + 1).phase, 'ACTIVATING');
  });

  it('checks eligibility once more; only a yes goes on, and a no leaves a tombstone', () => {
    const due = after(inState.SCHEDULED(), { type: 'start-due' });
    const answer = (eligible?: boolean) =>
      transition(due, { type: 'eligibility', check: 1, eligible, because: 'x' }, at);
    const [yes, no, unknown] = [answer(true), answer(false), answer()];
    assert.ok(!isRefusal(yes) && !isRefusal(no) && !isRefusal(unknown));
    assert.deepEqual([yes.phase, yes.removalOwed], ['ACTIVATING', true]);
    assert.deepEqual([no.phase, no.ending?.code], ['REVOKING', 'lost-eligibility']);
    assert.deepEqual([unknown.phase, unknown.ending?.code], ['REVOKING', 'activation-failed']);
    assert.deepEqual([after(no, gone()).phase, after(unknown, gone()).phase], ['REVOKED', 'ACTIVATION_FAILED']);
  });

  it('does not start on a check that may have read an older policy', () => {
    const early = after(inState.SCHEDULED(), { type: 'reassess' });
    const due = after(early, { type: 'start-due' });
    const first = after(due, { type: 'eligibility', check: 1, eligible: true, because: 'x' });
    assert.deepEqual([first.phase, first.eligibility.asked], ['SCHEDULED', 2]);
    const next = transition(first, { type: 'eligibility', check: 2, eligible: true, because: 'x' }, at);
    assert.ok(!isRefusal(next));
    assert.equal(next.phase, 'ACTIVATING');
  });
});

describe('a later check of eligibility', () => {
  const checking = (state: State) => after(state, { type: 'reassess' });
  const answered = (eligible?: boolean): Event => ({ type: 'eligibility', check: 1, eligible, because: 'x' });

  for (const phase of ['APPROVAL_AWAITED', 'SCHEDULED', 'ACTIVATING', 'ACTIVE'] as const) {
    it(`changes nothing in ${phase} while the answer is yes or cannot be had, and ends it when it is no`, () => {
      const state = checking(inState[phase]());
      assert.equal(leadsTo(state, answered(true)), phase);
      assert.equal(leadsTo(state, answered()), phase);
      assert.equal(leadsTo(state, answered(false)), phase === 'APPROVAL_AWAITED' ? 'REVOKED' : 'REVOKING');
    });
  }

  it('that was answered before is not answered again', () => {
    const state = after(checking(inState.ACTIVE()), answered(true));
    assert.equal(leadsTo(state, answered(false)), 'not-now');
  });

  it('follows one that is under way, however often it is asked for', () => {
    const once = checking(inState.ACTIVE());
    const often = after(once, { type: 'reassess' });
    assert.equal(often.eligibility.asked, 1);
    assert.equal(after(often, answered(true)).eligibility.asked, 2);
  });
});
