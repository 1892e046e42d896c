/** When to look for what became of a decision: not so early that it is for nothing, not so late that somebody waits for nothing. */
import assert from 'node:assert/strict';
import { createFirstLook } from '../../../api/first-look.js';

describe('the first look', () => {
  /** The share of looks that came in time, where it takes from `fastest` to `slowest` milliseconds, evenly spread. */
  function shareInTime(fastest: number, slowest: number, looks = 1_000): number {
    const look = createFirstLook(25);
    let inTime = 0;
    for (let index = 0; index < looks; index += 1) {
      // Each of them once in a row of 101, in an order without a trend.
      const took = fastest + ((slowest - fastest) * ((index * 37) % 101)) / 101;
      const isThere = took <= look.afterMs();
      inTime += Number(isThere);
      look.found(isThere, look.afterMs());
    }
    return inTime / looks;
  }

  for (const [fastest, slowest] of [
    [10, 20],
    [30, 90],
    [8, 70],
  ] as const) {
    it(`finds it there four times in five where it takes ${fastest} to ${slowest} ms`, () => {
      const share = shareInTime(fastest, slowest);
      assert.ok(share > 0.7 && share < 0.9, `${share}`);
    });
  }

  it('is not put off beyond a tenth of a second by what takes far longer, and is soon back', () => {
    const look = createFirstLook(25);
    for (let index = 0; index < 1_000; index += 1) look.found(false, look.afterMs());
    assert.equal(look.afterMs(), 100);
    for (let index = 0; index < 40; index += 1) look.found(true, look.afterMs());
    assert.ok(look.afterMs() < 20, `${look.afterMs()}`);
  });

  it('is put off once by many that come together, and not once for each', () => {
    const look = createFirstLook(25);
    const waitedMs = look.afterMs();
    for (let index = 0; index < 16; index += 1) look.found(false, waitedMs);
    assert.ok(look.afterMs() < 35, `${look.afterMs()}`);
  });

  it('never comes at once, which nothing can be quick enough for', () => {
    const look = createFirstLook(25);
    for (let index = 0; index < 1_000; index += 1) look.found(true, look.afterMs());
    assert.equal(look.afterMs(), 5);
  });
});
