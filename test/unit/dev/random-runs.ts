/** Random runs on something outside: what fast-check cuts short must neither go on into the next test nor fail unseen. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { holdsFor } from '../../support/seed.js';

/** The first run is over in time, and the second is not. */
async function twoRuns(second: () => void): Promise<void> {
  let runs = 0;
  const check = async (): Promise<void> => {
    runs += 1;
    if (runs === 1) return;
    await pause(100);
    second();
  };
  await holdsFor(fc.nat(), check, { numRuns: 2, interruptAfterTimeLimit: 30, markInterruptAsFailure: false });
}

describe('a random run that takes longer than its time', () => {
  it('is over before its test is', async () => {
    let isOver = false;
    await twoRuns(() => (isOver = true));
    assert.ok(isOver);
  });

  it('fails its test when it fails', async () => {
    const broken = twoRuns(() => assert.fail('It does not hold.'));
    await assert.rejects(broken, /does not hold/);
  });
});
