/** The stated rate of a target: never exceeded, half of it kept for removing, and all of it when nothing is made. */
import assert from 'node:assert/strict';
import { createPace, type Turn } from '../../../activities/connectors/pace.js';

/** Counts how many of so many have had their turn. */
function asked(turn: Turn, count: number) {
  const seen = { turns: 0 };
  const all = Promise.all(Array.from({ length: count }, () => turn().then(() => void (seen.turns += 1))));
  return { seen, all };
}

/** All that needs no waiting has happened by then. */
const atOnce = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the pace at a target', () => {
  it('gives removals all of the stated rate while nothing is made, and no more', async () => {
    const removals = asked(createPace(20).removing, 25);
    await atOnce();
    assert.equal(removals.seen.turns, 20);
    await removals.all;
  });

  it('keeps half of it from what is made, however much is asked for', async () => {
    const pace = createPace(20);
    const making = asked(pace.making, 15);
    await atOnce();
    assert.equal(making.seen.turns, 10);
    const removals = asked(pace.removing, 10);
    await atOnce();
    assert.equal(removals.seen.turns, 10, 'the other half was there for removals');
    await Promise.all([making.all, removals.all]);
  });

  it('makes nothing beyond the stated rate while as much is removed', async () => {
    const pace = createPace(20);
    const removals = asked(pace.removing, 20);
    await atOnce();
    const making = asked(pace.making, 3);
    await atOnce();
    assert.deepEqual([removals.seen.turns, making.seen.turns], [20, 0]);
    await making.all;
  });

  it('makes at most one in two seconds where the target bears one a second', async () => {
    const pace = createPace(1);
    await pace.making();
    const before = Date.now();
    const making = asked(pace.making, 1);
    await asked(pace.removing, 1).all;
    assert.equal(making.seen.turns, 0, 'the other second was there for removals');
    await making.all;
    assert.ok(Date.now() - before > 1_500);
  });

  it('keeps the turn of whoever gave up for removals', async () => {
    const pace = createPace(2);
    await assert.rejects(pace.making(AbortSignal.abort()));
    const removals = asked(pace.removing, 2);
    await atOnce();
    assert.equal(removals.seen.turns, 2);
    await removals.all;
  });
});
