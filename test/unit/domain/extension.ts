/** More time: refused, automatic up to a limit, or approved again; never past the maximum. */
import assert from 'node:assert/strict';
import { apply, outcomeOf } from '../../../workflows/domain/apply.js';
import type { Event, ExtensionAsked } from '../../../workflows/domain/event.js';
import type { Risk } from '../../../workflows/domain/rule.js';
import type { State } from '../../../workflows/domain/state.js';
import {
  after,
  asked,
  asksMore,
  endMoved,
  engineer,
  extending,
  hour,
  manager,
  moving,
  narrows,
} from '../../support/histories.js';
import { opensStep, passed, provisioned, second, start, vote } from '../../support/histories.js';

function result(state: State, event: ExtensionAsked): string | undefined {
  return outcomeOf(apply(state, event, state.changedAt + second), event.decisionId)?.result;
}

/** Active for an hour, under this rule of extension; the maximum is eight hours. */
function activeUnder(extension: { automaticUpToMs: number; byApproval: boolean }): State {
  return after(asked(), passed({ extension }), opensStep(), vote(), provisioned());
}

const rules = {
  none: { automaticUpToMs: 0, byApproval: false },
  automatic: { automaticUpToMs: 2 * hour, byApproval: false },
  approved: { automaticUpToMs: 0, byApproval: true },
  both: { automaticUpToMs: 2 * hour, byApproval: true },
};

function risky(more: Partial<Risk>): Event {
  const event = passed({ extension: rules.both });
  assert.ok(event.finding.verdict === 'pass');
  return { ...event, finding: { ...event.finding, risk: { ...event.finding.risk, ...more } } };
}

describe('an extension', () => {
  const rows: [keyof typeof rules, number, string, 'automatic' | 'asked' | 'none'][] = [
    ['none', hour + 1, 'extension-refused', 'none'],
    ['none', 8 * hour, 'extension-refused', 'none'],
    ['automatic', 2 * hour, 'applied', 'automatic'],
    ['automatic', 2 * hour + 1, 'extension-refused', 'none'],
    ['approved', hour + 1, 'applied', 'asked'],
    ['both', 2 * hour, 'applied', 'automatic'],
    ['both', 2 * hour + 1, 'applied', 'asked'],
    ['both', 8 * hour, 'applied', 'asked'],
    ['both', 8 * hour + 1, 'extension-too-long', 'none'],
    ['both', hour, 'extension-refused', 'none'],
    ['both', 0, 'extension-refused', 'none'],
    ['both', -1, 'extension-refused', 'none'],
  ];
  const held: [string, State][] = [
    [
      'an approver shortened',
      after(
        asked(),
        passed({ extension: rules.both }),
        opensStep(),
        vote(manager, { durationMs: hour / 2 }),
        provisioned(),
      ),
    ],
    ['risk is high for', after(asked(), risky({ band: 'high' }), opensStep(), vote(), provisioned())],
    [
      'risk could not be read whole for',
      after(asked(), risky({ missing: ['hour'] }), opensStep(), vote(), provisioned()),
    ],
  ];
  for (const [what, state] of held) {
    it(`of what ${what} is never automatic`, () => {
      const next = apply(state, asksMore(2 * hour), state.changedAt + second);
      assert.deepEqual([next.movingEnd, next.approval !== undefined], [false, true]);
    });
  }

  for (const [name, totalMs, expected, way] of rows) {
    it(`to ${totalMs} ms under the rule "${name}": ${expected}${way === 'none' ? '' : `, ${way}`}`, () => {
      const state = activeUnder(rules[name]);
      const event = asksMore(totalMs);
      assert.equal(result(state, event), expected);
      const next = apply(state, event, state.changedAt + second);
      assert.equal(next.movingEnd, way === 'automatic');
      assert.equal(next.approval?.about, way === 'asked' ? event.decisionId : undefined);
      assert.deepEqual([next.expireTime, next.grantedDurationMs], [state.expireTime, state.grantedDurationMs]);
    });
  }

  it('is not counted as a number when it is none', () => {
    assert.equal(result(activeUnder(rules.both), asksMore(Number.NaN)), 'extension-refused');
  });

  it('is for the requester and the subject alone', () => {
    const state = after(asked({ subject: 'person:colleague' }), passed(), opensStep(), vote(), provisioned());
    assert.equal(result(state, asksMore(2 * hour)), 'applied');
    assert.equal(result(state, asksMore(2 * hour, { by: 'person:colleague' })), 'applied');
    assert.equal(result(state, asksMore(2 * hour, { by: manager })), 'forbidden');
  });

  it('waits for no second one: that is refused while the first is decided or carried out', () => {
    assert.equal(result(extending(), asksMore(2 * hour)), 'not-now');
    assert.equal(result(moving(), asksMore(2 * hour)), 'not-now');
  });

  it('moves the end when the target has moved it, to the instant of the target', () => {
    const state = moving();
    const extension = state.pendingExtension?.decisionId ?? '';
    const moved = after(state, endMoved(extension, start + 90 * 60_000));
    assert.deepEqual([moved.expireTime, moved.grantedDurationMs], [start + 90 * 60_000, 2 * hour]);
    assert.deepEqual([moved.pendingExtension, moved.movingEnd, moved.extensions.length], [undefined, false, 1]);
  });

  it('moves no end before it is agreed, whatever a target says that it did', () => {
    const state = extending();
    const extension = state.pendingExtension?.decisionId ?? '';
    assert.equal(apply(state, endMoved(extension, start + 2 * hour), state.changedAt), state);
  });

  it('gives nobody more than its total, whatever the clock of a connector says', () => {
    const state = moving();
    const extension = state.pendingExtension?.decisionId ?? '';
    const moved = after(state, endMoved(extension, start + 1_000 * hour));
    assert.equal(moved.expireTime, (state.accessGrantTime ?? 0) + 2 * hour);
  });

  it('carries the approvals that it took, and leaves those of the request alone', () => {
    const state = extending();
    const about = state.approval?.about ?? '';
    const approved = after(state, vote(manager, { about, evidence: 'of the extension' }));
    assert.deepEqual([approved.movingEnd, approved.pendingExtension?.approvals], [true, ['of the extension']]);
    assert.deepEqual(approved.approvals, state.approvals);
  });

  it('cannot be approved by someone who asked for the access', () => {
    const state = extending();
    const event = vote(engineer, { about: state.approval?.about });
    assert.equal(outcomeOf(apply(state, event, state.changedAt), event.decisionId)?.result, 'own-request');
  });

  for (const [name, event] of [
    ['is denied', narrows('denied')],
    ['expires', { type: 'step-expired' }],
  ] as [string, Event][]) {
    it(`leaves the grant as it was when it ${name}`, () => {
      const before = extending();
      const state = after(before, event);
      assert.deepEqual([state.phase, state.expireTime], ['ACTIVE', before.expireTime]);
      assert.deepEqual([state.approval, state.pendingExtension], [undefined, undefined]);
      assert.equal(result(state, asksMore(2 * hour)), 'applied');
    });
  }

  it('leaves the grant as it was when the target refuses', () => {
    const before = moving();
    const extension = before.pendingExtension?.decisionId ?? '';
    const state = after(before, { type: 'end-set-failed', extension, code: 'target-refused', because: 'no' });
    assert.deepEqual([state.phase, state.expireTime, state.movingEnd], ['ACTIVE', before.expireTime, false]);
  });

  it('ends with the grant, and an answer of the target that comes later changes nothing', () => {
    const before = moving();
    const extension = before.pendingExtension?.decisionId ?? '';
    const over = after(before, { type: 'time-up' });
    assert.deepEqual([over.phase, over.pendingExtension, over.movingEnd], ['REVOKING', undefined, false]);
    assert.equal(apply(over, endMoved(extension, start + 9 * hour), over.changedAt), over);
  });

  it('of another decision is not what the target answered to', () => {
    const state = moving();
    assert.equal(apply(state, endMoved('another', start + 2 * hour), state.changedAt), state);
  });
});
