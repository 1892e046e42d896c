/** The edges of time: very long and very short grants, ends that are past when access begins, and lengths that make no sense. */
import assert from 'node:assert/strict';
import type { Outcome } from '../../workflows/domain/view.js';
import { hour, rule, Script } from '../support/script.js';
import type { TestGrant } from '../support/test-grant.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const day = 24 * hour;
const manager = 'person:manager';
const engineer = 'person:engineer';

/** What came of an approval of this length; a judge that had no time to answer is asked again. */
async function judged(it: TestGrant, durationMs: number): Promise<Outcome['result']> {
  const { result } = await it.approve({ by: manager, durationMs });
  return result === 'not-judged' ? judged(it, durationMs) : result;
}

describe('a grant at the edges of time', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  /** Made by the target until `length` from now. */
  const until = (length: number, longest = 8 * hour): Script => {
    const script: Script = new Script({
      rule: rule({ automatic: true, maximumMs: longest }),
      provision: async ({ grantId }) => {
        script.standing = true;
        return script.account(grantId, script.now() + length);
      },
    });
    return script;
  };

  for (const [what, length] of [
    ['90 days', 90 * day],
    // Beyond what a timer of JavaScript holds (24.8 days), over a leap day wherever it begins.
    ['five years', 5 * 366 * day],
  ] as const) {
    it(`may last ${what}, and ends then`, async () => {
      const it = await world.grant(until(length, length), { requestedDurationMs: length });
      const { expireTime = 0, accessGrantTime = 0 } = await it.shows({ state: 'ACTIVE' });
      assert.ok(expireTime - accessGrantTime <= length && expireTime - accessGrantTime > length - 10_000);
      await it.skip(length);
      const over = await it.ends(40_000);
      assert.equal(over.state, 'ENDED');
      assert.ok((over.ending?.at ?? 0) >= expireTime);
      assert.ok(!it.script.standing && it.script.tombstone);
    });
  }

  for (const [what, length] of [
    ['exactly when it begins', 0],
    ['an hour before it begins', -hour],
    ['a millisecond after it begins', 1],
  ] as const) {
    it(`is removed at once where the target says that it ends ${what}`, async () => {
      const it = await world.grant(until(length));
      const over = await it.ends();
      assert.deepEqual([over.state, it.script.standing, it.script.tombstone], ['ENDED', false, true]);
      assert.ok((over.expireTime ?? Infinity) <= (over.accessGrantTime ?? 0) + 1);
    });
  }

  it('ends a second after it began, where a second was asked', async () => {
    const it = await world.grant(until(hour), { requestedDurationMs: 1_000 });
    const over = await it.ends();
    assert.equal(over.state, 'ENDED');
    assert.equal((over.expireTime ?? 0) - (over.accessGrantTime ?? 0), 1_000);
  });

  for (const length of [0, -1, -hour, 9 * hour]) {
    it(`takes no approval for ${length} ms, and goes on waiting`, async () => {
      const it = await world.awaited();
      assert.equal(await judged(it, length), 'duration-not-shorter');
      assert.equal((await it.view())?.state, 'APPROVAL_AWAITED');
      await it.narrow('withdraw', engineer);
      await it.ends();
    });
  }

  it('ends also where a length is a fraction of a millisecond', async () => {
    const it = await world.awaited();
    assert.equal(await judged(it, 0.25), 'applied');
    const over = await it.ends();
    assert.deepEqual([over.state, it.script.standing], ['ENDED', false]);
  });

  it('expires, and is not approved, where a step is over before anybody is asked', async () => {
    const past: Script = new Script({
      openStep: async ({ step, openedAt }) => ({
        selectors: step.approvers,
        usedFallback: false,
        remindAt: openedAt - 2 * hour,
        escalateAt: openedAt - hour,
        expireAt: openedAt,
      }),
    });
    const it = await world.grant(past);
    const over = await it.ends();
    assert.deepEqual([over.state, it.script.standing], ['EXPIRED', false]);
    assert.ok(!it.script.calls.includes('provision'));
  });

  it('starts at once where its start is the instant of asking, or before', async () => {
    const script = until(hour);
    const it = await world.grant(script, { scheduledActivationTime: Date.now() - 1 });
    await it.shows({ state: 'ACTIVE' });
    assert.ok(!(await it.record()).some(({ type }) => type === 'scheduled'));
    await it.narrow('revoke', 'person:security');
    await it.ends();
  });
});
