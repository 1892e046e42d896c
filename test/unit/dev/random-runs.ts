/** Random runs on something outside: what fast-check cuts short must neither go on into the next test nor fail unseen. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { holdsFor } from '../../support/seed.js';

/** The runs before `late` are over in time, and that one is not. */
async function cutShort(late: number, ends: () => void): Promise<void> {
  let runs = 0;
  const check = async (): Promise<void> => {
    runs += 1;
    if (runs < late) return;
    await pause(100);
    ends();
  };
  await holdsFor(fc.nat(), check, { numRuns: 2, interruptAfterTimeLimit: 30, markInterruptAsFailure: false });
}

describe('a random run that takes longer than its time', () => {
  for (const late of [1, 2]) {
    it(`is over before its test is, as run ${late}`, async () => {
      let isOver = false;
      await cutShort(late, () => (isOver = true));
      assert.ok(isOver);
    });

    it(`fails its test when it fails, as run ${late}`, async () => {
      const broken = cutShort(late, () => assert.fail('It does not hold.'));
      await assert.rejects(broken, /does not hold/);
    });
  }

  it('is not what fails a test that failed in time', async () => {
    const broken = holdsFor(fc.nat(), () => Promise.reject(new Error('It does not hold.')), { numRuns: 1 });
    await assert.rejects(broken, /Again with: DAYPASS_TEST_SEED=/);
  });
});
