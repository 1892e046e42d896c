/** Break-glass: passes where rule and ceiling say so, and owes a look back that only a person gives. */
import assert from 'node:assert/strict';
import { apply, outcomeOf } from '../../../workflows/domain/apply.js';
import { nextDue } from '../../../workflows/domain/clocks.js';
import { isReviewPending } from '../../../workflows/domain/emergency.js';
import type { Event } from '../../../workflows/domain/event.js';
import { viewOf } from '../../../workflows/domain/shown.js';
import type { State } from '../../../workflows/domain/state.js';
import { tells } from '../../../workflows/domain/tells.js';
import { attributesOf } from '../../../workflows/attributes.js';
import {
  after,
  asked,
  asksMore,
  breaksGlass,
  emergency,
  engineer,
  gone,
  hour,
  narrows,
  newId,
  passed,
  reviews,
  second,
  security,
} from '../../support/histories.js';

const day = 24 * hour;
const taken = () => after(asked({ emergency: true }), passed({ emergency: breaksGlass }));

function result(state: State, event: Event & { decisionId: string }): string | undefined {
  return outcomeOf(apply(state, event, state.changedAt + second), event.decisionId)?.result;
}

describe('an emergency', () => {
  it('asks nobody, arms the undo first, and lets its reviewers see it', () => {
    const state = taken();
    assert.deepEqual([state.phase, state.removalOwed, state.approval], ['ACTIVATING', true, undefined]);
    assert.equal(state.automatic, false);
    assert.deepEqual(viewOf(state).asked, ['group:security']);
    assert.deepEqual(viewOf(state).conditions, ['emergency']);
  });

  const refusals: [what: string, event: Event, because: RegExp][] = [
    ['the rule knows none', passed({ automatic: true }), /not given in an emergency/],
    ['the ceiling is silent', passed({ emergency: breaksGlass }, 'silent'), /did not say/],
    ['the ceiling refuses', passed({ emergency: breaksGlass }, { allows: false, because: 'Not here.' }), /Not here/],
    [
      'the ceiling wants approvals',
      passed({ emergency: breaksGlass }, { allows: true, automatic: false, leastApprovals: 1, attested: false }),
      /without approvals/,
    ],
    ['it is for longer', passed({ emergency: { longestMs: hour - 1, reviewers: [] } }), /for that long/],
  ];
  for (const [what, event, because] of refusals) {
    it(`is refused where ${what}, and never becomes an ordinary request`, () => {
      const state = after(asked({ emergency: true }), event);
      assert.equal(state.phase, 'DENIED');
      assert.match(state.ending?.reason ?? '', because);
      assert.equal(isReviewPending(state), false);
    });
  }

  it('is told to security and the reviewers when it starts, and to the reviewers every day', () => {
    const before = asked({ emergency: true });
    const [news] = tells(before, taken());
    assert.deepEqual(news, { kind: 'emergency', to: ['group:security'] });
    const used = emergency();
    const due = nextDue({ ...used, expireTime: undefined });
    assert.deepEqual([due?.event.type, due?.at], ['review-reminded', (used.review?.since ?? 0) + day]);
    const reminded = after(used, { type: 'review-reminded' });
    assert.deepEqual(tells(used, reminded), [{ kind: 'review-reminded', to: ['group:security'] }]);
    assert.equal(nextDue({ ...reminded, expireTime: undefined })?.at, (used.review?.since ?? 0) + 2 * day);
  });

  it('owes its review in every state after it could be used', () => {
    const states: State[] = [
      emergency(),
      after(emergency(), narrows('revoked', security)),
      after(emergency(), { type: 'time-up' }, gone()),
      after(emergency(), narrows('withdrawn', engineer), gone()),
    ];
    for (const state of states) {
      assert.ok(viewOf(state).conditions.includes('reviewPending'), state.phase);
      const reviewed = after(state, reviews());
      assert.equal(reviewed.phase, state.phase);
      assert.deepEqual(viewOf(reviewed).conditions, ['emergency']);
      assert.equal(viewOf(reviewed).review?.given?.by, security);
    }
  });

  it('is found by its reviewers among what waits for them, until it is reviewed', () => {
    const approvers = (state: State) => attributesOf(state).find(({ key }) => key.name === 'Approvers')?.value;
    const over = after(emergency(), { type: 'time-up' }, gone());
    assert.deepEqual(approvers(over), ['group:security']);
    assert.equal(approvers(after(over, reviews())), null);
  });

  it('is reviewed once, and not by whom it was for', () => {
    const state = emergency();
    assert.equal(result(state, reviews(engineer)), 'own-request');
    assert.equal(result(after(state, reviews()), reviews()), 'already-decided');
    assert.equal(result(taken(), reviews()), 'not-now');
    assert.equal(result(asked(), reviews()), 'not-now');
  });

  it('tells its owner and security what the review found, with the evidence in the record', () => {
    const before = emergency();
    const state = after(before, reviews(security, { verdict: 'not-justified' }));
    assert.deepEqual(tells(before, state), [{ kind: 'reviewed', to: [engineer, 'group:security'] }]);
    const { detail } = state.records.at(-1) ?? {};
    assert.deepEqual(
      { ...detail, decisionId: undefined },
      { verdict: 'not-justified', comment: 'Looked at it.', evidence: `review of ${security}`, decisionId: undefined },
    );
  });

  it('is extended by approval alone, whatever its rule says', () => {
    const rule = { emergency: breaksGlass, extension: { automaticUpToMs: 8 * hour, byApproval: true } };
    const used = after(asked({ emergency: true }), passed(rule), {
      type: 'provisioned',
      provisioned: emergency().provisioned ?? assert.fail('nothing was made'),
    });
    const state = after(used, asksMore(2 * hour, { decisionId: newId() }));
    assert.equal(state.movingEnd, false);
    assert.ok(state.approval);
  });
});
