/** What counts as too late: two seconds while nothing is wrong, and twelve from when nothing is any more. */
import assert from 'node:assert/strict';
import { spread, tooEarly, tooLate, type Lateness } from './support/lateness.js';

const grantId = 'g';
const due = 1_000_000;
const began = (startMs: number, isQuiet: boolean): Lateness[] => [{ grantId, due, startMs, isQuiet }];
const never = { between: () => 0 };
const fault = (fromMs: number, toMs: number) => ({ name: 'f', from: due + fromMs, to: due + toMs });

describe('a removal', () => {
  it('is too late after two seconds in which nothing was wrong', () => {
    assert.deepEqual(tooLate(began(2_000, true), [], never), []);
    assert.match(tooLate(began(2_001, true), [], never)[0] ?? '', /1 ms later than it may/);
  });

  it('is too early where it was gone before it was due', () => {
    const gone = (goneMs: number): Lateness[] => began(0, true).map((each) => ({ ...each, goneMs }));
    assert.deepEqual([...tooEarly(gone(-5)), ...tooEarly(began(0, true))], []);
    assert.equal(tooEarly(gone(-6)).length, 1);
  });

  it('is not held to time in which the machine ran nobody', () => {
    const stalled = { between: (from: number, to: number) => (from === due && to === due + 5_000 ? 3_000 : 0) };
    assert.deepEqual(tooLate(began(5_000, true), [], stalled), []);
    assert.equal(tooLate(began(5_001, true), [], stalled).length, 1);
  });

  it('has twelve seconds from the end of a fault, and of each that begins before these are over', () => {
    const faults = [fault(-3_000, 5_000), fault(16_000, 20_000), fault(40_000, 41_000)];
    assert.deepEqual(tooLate(began(32_000, false), faults, never), []);
    assert.equal(tooLate(began(32_001, false), faults, never).length, 1);
  });

  it('has twelve seconds where a worker died just before it was due', () => {
    assert.deepEqual(tooLate(began(12_000, false), [fault(-5_000, -1_000)], never), []);
    assert.equal(tooLate(began(12_001, false), [fault(-5_000, -1_000)], never).length, 1);
  });
});

describe('the spread of figures', () => {
  it('names the middle, the ninety-ninth of a hundred, and the worst', () => {
    assert.deepEqual(spread(Array.from({ length: 200 }, (_, index) => 200 - index)), { p50: 101, p99: 199, max: 200 });
    assert.deepEqual(spread([]), { p50: 0, p99: 0, max: 0 });
  });
});
