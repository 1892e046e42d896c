/** Whose vote counts, when a step is complete, what a late or second one gets, and what a deny ends. */
import assert from 'node:assert/strict';
import { apply, outcomeOf } from '../../../workflows/domain/apply.js';
import { askedMax } from '../../../workflows/domain/approval.js';
import type { Approved } from '../../../workflows/domain/event.js';
import type { Step } from '../../../workflows/domain/rule.js';
import type { State } from '../../../workflows/domain/state.js';
import {
  after,
  asked,
  asksMore,
  engineer,
  extending,
  hour,
  inState,
  into,
  manager,
  narrows,
} from '../../support/histories.js';
import {
  leadsTo,
  moving,
  opensStep,
  owner,
  passed,
  second,
  secondOwner,
  start,
  step,
  vote,
} from '../../support/histories.js';

/** A request whose first step is open. */
const awaiting = (...steps: Step[]): State => after(asked(), into(...steps), opensStep());

/** What an approval gets. */
function result(state: State, event: Approved): string | undefined {
  return outcomeOf(apply(state, event, state.changedAt + second), event.decisionId)?.result;
}

describe('a quorum', () => {
  for (const needed of [1, 2, 3]) {
    it(`of ${needed} is reached by the ${needed}. vote and not before`, () => {
      let state = awaiting(step([manager], { needed }));
      for (let votes = 1; votes <= needed; votes += 1) {
        assert.equal(state.phase, 'APPROVAL_AWAITED');
        const by = `person:${votes}`;
        state = after(state, vote(by, { standing: Array.from({ length: votes }, (_, index) => `person:${index}`) }));
      }
      assert.equal(state.phase, 'ACTIVATING');
      assert.equal(state.approvals.length, needed);
    });
  }

  it('is needed of every step, in order, and the evidence of all of them is kept', () => {
    const first = after(awaiting(step([manager]), step([owner])), vote());
    assert.deepEqual([first.phase, first.approval?.step, first.approval?.votes], ['APPROVAL_AWAITED', 1, []]);
    assert.equal(result(first, vote(owner, { step: 1 })), 'not-now');
    const open = after(first, opensStep({ step: 1, opening: { selectors: [owner] } }));
    const done = after(open, vote(owner, { step: 1 }));
    assert.equal(done.phase, 'ACTIVATING');
    assert.deepEqual(done.approvals, ['vote of person:manager', 'vote of person:owner']);
  });
});

describe('a vote', () => {
  const two = () => after(awaiting(step([manager], { needed: 2 })), vote());
  const rows: [string, State, Approved, string][] = [
    ['of someone barred', awaiting(step([manager])), vote(engineer), 'own-request'],
    ['given twice', two(), vote(manager), 'already-decided'],
    ['of the same human with another account', two(), vote('person:manager-2', { human: manager }), 'same-human'],
    [
      'about a step that is not the present one',
      awaiting(step([manager])),
      vote(manager, { step: 1 }),
      'already-decided',
    ],
    ['about another decision', awaiting(step([manager])), vote(manager, { about: 'other' }), 'already-decided'],
    ['before anyone was asked', after(asked(), passed()), vote(), 'not-now'],
    ['after the step', inState.ACTIVATING(), vote(owner), 'already-decided'],
    ['after the end', inState.DENIED(), vote(owner), 'already-over'],
    ['of another human', two(), vote(owner), 'applied'],
  ];
  for (const [name, state, event, expected] of rows) {
    it(`${name}: ${expected}`, () => assert.equal(result(state, event), expected));
  }

  it('of the first step keeps the same human out of the second', () => {
    const open = after(awaiting(step([manager]), step([owner])), vote(), opensStep({ step: 1 }));
    assert.equal(result(open, vote(manager, { step: 1 })), 'already-decided');
    assert.equal(result(open, vote('person:manager-2', { step: 1, human: manager })), 'same-human');
  });

  it('no longer counts when its holder lost the role before quorum, and neither does its duration', () => {
    const first = after(awaiting(step([manager], { needed: 2 })), vote(owner, { durationMs: hour / 4 }));
    const lost = after(first, vote(manager, { standing: [] }));
    assert.deepEqual([lost.phase, lost.approval?.votes.map(({ by }) => by)], ['APPROVAL_AWAITED', [manager]]);
    const done = after(lost, vote(secondOwner, { standing: [manager] }));
    assert.deepEqual([done.phase, done.grantedDurationMs], ['ACTIVATING', hour]);
    assert.deepEqual(done.approvals, ['vote of person:manager', 'vote of person:second-owner']);
  });

  it('counts for good once its step is complete', () => {
    const open = after(awaiting(step([manager]), step([owner])), vote(), opensStep({ step: 1 }));
    const done = after(open, vote(owner, { step: 1, standing: [] }));
    assert.deepEqual(done.approvals, ['vote of person:manager', 'vote of person:owner']);
  });
});

describe('the duration in an approval', () => {
  const rows: [number, string, number?][] = [
    [hour + 1, 'duration-not-shorter'],
    [hour, 'applied', hour],
    [hour - 1, 'applied', hour - 1],
    [1, 'applied', 1],
    [0, 'duration-not-shorter'],
    [-1, 'duration-not-shorter'],
    [Number.NaN, 'duration-not-shorter'],
    [Number.POSITIVE_INFINITY, 'duration-not-shorter'],
  ];
  for (const [durationMs, expected, granted] of rows) {
    it(`of ${durationMs} ms where an hour was asked: ${expected}`, () => {
      const event = vote(manager, { durationMs });
      assert.equal(result(inState.APPROVAL_AWAITED(), event), expected);
      if (granted) assert.equal(after(inState.APPROVAL_AWAITED(), event).grantedDurationMs, granted);
    });
  }

  it('is the smallest that anyone chose, in whatever step', () => {
    const first = after(
      awaiting(step([manager]), step([owner], { needed: 2 })),
      vote(manager, { durationMs: hour / 2 }),
    );
    const open = after(first, opensStep({ step: 1 }));
    assert.equal(result(open, vote(owner, { step: 1, durationMs: hour / 2 + 1 })), 'duration-not-shorter');
    const later = after(open, vote(owner, { step: 1, durationMs: hour / 4 }), vote(secondOwner, { step: 1 }));
    assert.equal(later.grantedDurationMs, hour / 4);
  });

  it('cannot be changed in the approval of an extension', () => {
    const state = extending();
    const about = state.approval?.about;
    assert.equal(result(state, vote(manager, { about, durationMs: 1 })), 'duration-not-shorter');
    assert.equal(result(state, vote(manager, { about })), 'applied');
  });
});

describe('a step', () => {
  it('that nobody is left for denies the request, with that reason', () => {
    const state = after(asked(), passed(), opensStep({ opening: { selectors: [] } }));
    assert.deepEqual([state.phase, state.ending?.code], ['DENIED', 'refused']);
    assert.match(state.ending?.reason ?? '', /Nobody is left/);
  });

  it('that nobody is left for ends only the extension, when it is about one', () => {
    const extension = asksMore(3 * hour);
    const opening = opensStep({ about: extension.decisionId, opening: { selectors: [] } });
    const state = after(inState.ACTIVE(), extension, opening);
    assert.deepEqual([state.phase, state.pendingExtension], ['ACTIVE', undefined]);
  });

  it('that could not be opened denies the request', () => {
    const failed = { type: 'step-open-failed', about: 'request', step: 0, because: 'no' } as const;
    assert.equal(after(asked(), passed(), failed).phase, 'DENIED');
  });

  it('keeps those who were asked, and its last clock, when it escalates', () => {
    const escalated = after(inState.APPROVAL_AWAITED(), { type: 'step-escalated' });
    const opening = { selectors: [owner], expireAt: start + 100 * hour };
    const state = after(escalated, opensStep({ escalated: true, opening }));
    assert.deepEqual(state.approval?.opening?.selectors, [manager, owner]);
    assert.equal(state.approval?.opening?.expireAt, start + 4 * hour);
    assert.deepEqual(state.asked, [manager, owner]);
  });

  it('leaves those in place who were asked when its escalation finds nobody or cannot be made', () => {
    const escalated = after(inState.APPROVAL_AWAITED(), { type: 'step-escalated' });
    for (const event of [
      opensStep({ escalated: true, opening: { selectors: [] } }),
      { type: 'step-open-failed', about: 'request', step: 0, because: 'no' } as const,
    ]) {
      assert.equal(apply(escalated, event, escalated.changedAt), escalated);
    }
  });

  it('is escalated once, whatever comes once more', () => {
    const answer = opensStep({ escalated: true, opening: { selectors: [owner] } });
    const once = after(inState.APPROVAL_AWAITED(), { type: 'step-escalated' }, answer);
    assert.equal(apply(once, answer, once.changedAt), once);
  });

  it('asks at most 20 selectors, also over all steps', () => {
    const many = Array.from({ length: 30 }, (_, index) => `group:${index}`);
    const state = after(asked(), passed(), opensStep({ opening: { selectors: many } }));
    assert.equal(state.approval?.opening?.selectors.length, askedMax);
    assert.equal(state.asked.length, askedMax);
  });

  it('that expires ends the request without a decision, and never approves', () => {
    const state = after(awaiting(step([manager], { needed: 2 })), vote(), { type: 'step-expired' });
    assert.deepEqual([state.phase, state.ending?.code, state.removalOwed], ['EXPIRED', 'no-decision', false]);
  });

  it('ends with one deny, whoever approved before', () => {
    const state = after(awaiting(step([manager], { needed: 2 })), vote(), narrows('denied', owner));
    assert.deepEqual([state.phase, state.ending?.by], ['DENIED', owner]);
  });
});

describe('a decision', () => {
  it('sent twice changes nothing the second time, and keeps its outcome', () => {
    const decision = vote();
    const once = after(awaiting(step([manager], { needed: 2 })), decision);
    assert.equal(apply(once, decision, once.changedAt + hour), once);
    assert.equal(outcomeOf(once, decision.decisionId)?.result, 'applied');
  });

  it('sent again as something else changes nothing either', () => {
    const decision = vote();
    const once = after(awaiting(step([manager], { needed: 2 })), decision);
    assert.equal(apply(once, { ...narrows('denied'), decisionId: decision.decisionId }, once.changedAt), once);
  });
});

describe('a deny', () => {
  it('ends the request while its steps are being opened, too', () => {
    assert.equal(leadsTo(after(asked(), passed()), narrows('denied')), 'DENIED');
  });

  it('ends the whole request in a later step', () => {
    const second = after(asked(), into(step([manager]), step(['person:owner'])), opensStep(), vote());
    assert.equal(leadsTo(second, narrows('denied', 'person:owner')), 'DENIED');
  });

  it('of an extension ends the extension alone', () => {
    const state = after(extending(), narrows('denied'));
    assert.deepEqual([state.phase, state.pendingExtension, state.approval], ['ACTIVE', undefined, undefined]);
  });

  it('comes too late when the extension is approved already', () => {
    assert.equal(leadsTo(moving(), narrows('denied')), 'already-decided');
  });
});
