/** How a grant ends: every reason to its own terminal state, by removal where something may stand, at once where nothing can. */
import assert from 'node:assert/strict';
import { apply } from '../../../workflows/domain/apply.js';
import { end, isEnding, removalOverdueMs } from '../../../workflows/domain/ending.js';
import { grantStates, type GrantState } from '../../../workflows/domain/states.js';
import type { Ending } from '../../../workflows/domain/view.js';
import {
  after,
  engineer,
  extending,
  gone,
  inState,
  manager,
  moving,
  narrows,
  second,
} from '../../support/histories.js';

const terminal: Record<Ending, GrantState> = {
  denied: 'DENIED',
  'no-decision': 'EXPIRED',
  'not-eligible': 'DENIED',
  refused: 'DENIED',
  'activation-failed': 'ACTIVATION_FAILED',
  'time-up': 'ENDED',
  withdrawn: 'WITHDRAWN',
  revoked: 'REVOKED',
  cancelled: 'REVOKED',
  'lost-eligibility': 'REVOKED',
};

describe('an ending', () => {
  for (const [code, state] of Object.entries(terminal) as [Ending, GrantState][]) {
    it(`by ${code} is ${state}, at once where nothing can stand`, () => {
      const over = end(inState.APPROVAL_AWAITED(), code, manager, 'why', 1);
      assert.deepEqual([over.phase, over.ending], [state, { code, by: manager, reason: 'why', at: 1 }]);
      assert.equal(over.records.at(-1)?.type, 'closed');
    });

    it(`by ${code} is ${state} only after the removal, where something may stand`, () => {
      const before = inState.ACTIVE();
      const removing = end(before, code, manager, 'why', before.changedAt);
      assert.equal(removing.phase, code === 'withdrawn' ? 'WITHDRAWING' : 'REVOKING');
      assert.equal(removing.removalOwed, true);
      const over = after(removing, gone());
      assert.deepEqual([over.phase, over.removalOwed], [state, false]);
      assert.deepEqual(
        over.records.slice(-3).map(({ type }) => type),
        ['removal-started', 'removed', 'closed'],
      );
    });
  }

  it('is the first one: nothing that comes later changes why', () => {
    const removing = after(inState.ACTIVE(), narrows('withdrawn', engineer));
    for (const later of [narrows('revoked'), narrows('denied'), { type: 'cancelled' }, { type: 'time-up' }] as const) {
      assert.equal(apply(removing, later, removing.changedAt).ending?.code, 'withdrawn');
    }
    assert.equal(after(removing, gone()).phase, 'WITHDRAWN');
  });

  it('ends whatever is being decided', () => {
    for (const open of [extending(), moving(), inState.APPROVAL_AWAITED()]) {
      const over = after(open, narrows('revoked'));
      assert.deepEqual([over.approval, over.pendingExtension, over.movingEnd], [undefined, undefined, false]);
    }
  });

  it('is under way or over in exactly the states that say so', () => {
    const found = grantStates.filter((state) => isEnding(inState[state]()));
    assert.deepEqual(found, [
      'REVOKING',
      'WITHDRAWING',
      'DENIED',
      'EXPIRED',
      'ACTIVATION_FAILED',
      'ENDED',
      'REVOKED',
      'WITHDRAWN',
    ]);
  });
});

describe('a removal', () => {
  it('that failed is tried again, as another attempt, and is still owed', () => {
    const failed = after(inState.REVOKING(), {
      type: 'removal-failed',
      attempt: 1,
      code: 'bad-receipt',
      because: 'no',
    });
    assert.deepEqual([failed.phase, failed.removalOwed], ['REVOKING', true]);
    const again = after(failed, { type: 'removal-retried' });
    assert.deepEqual([again.removing?.attempt, again.removing?.failedAt], [2, undefined]);
    assert.equal(again.removing?.since, failed.removing?.since);
  });

  it('is not failed by the answer of an earlier attempt', () => {
    const failed = after(inState.REVOKING(), {
      type: 'removal-failed',
      attempt: 1,
      code: 'bad-receipt',
      because: 'no',
    });
    const again = after(failed, { type: 'removal-retried' });
    assert.equal(
      apply(again, { type: 'removal-failed', attempt: 1, code: 'bad-receipt', because: 'no' }, again.changedAt),
      again,
    );
  });

  it('that takes a minute is overdue until it is done, and stays owed', () => {
    const before = inState.REVOKING();
    const at = (before.removing?.since ?? 0) + removalOverdueMs;
    const late = apply(before, { type: 'removal-overdue' }, at);
    assert.deepEqual([late.phase, late.removing?.overdue, late.removalOwed], ['REVOKING', true, true]);
    assert.equal(late.records.at(-1)?.detail.sinceMs, 60_000);
    assert.equal(after(late, gone()).removing?.overdue, false);
  });

  it('adds at most 20 short remarks to the record, whatever was left at the target', () => {
    const remarks = Array.from({ length: 1_000 }, (_, index) => `left behind: ${index}\n${'x'.repeat(1_000)}`);
    const kept = after(inState.REVOKING(), gone({ remarks })).records.find(({ type }) => type === 'removed')?.detail
      .remarks;
    assert.ok(Array.isArray(kept) && kept.length === 20);
    assert.ok(kept.every((remark: string) => remark.length <= 300 && !remark.includes('\n')));
  });

  it('that is proved cannot fail, be retried or be late afterwards', () => {
    for (const phase of ['ENDED', 'REVOKED', 'WITHDRAWN', 'ACTIVATION_FAILED'] as const) {
      const over = inState[phase]();
      for (const event of [
        { type: 'removal-failed', attempt: 1, code: 'bad-receipt', because: 'no' },
        { type: 'removal-retried' },
        { type: 'removal-overdue' },
        gone(),
      ] as const) {
        assert.equal(apply(over, event, over.changedAt + second), over, `${event.type} in ${phase}`);
      }
    }
  });
});
