/** A bounded call is bounded, also when the garbage collector runs before the bound. */
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { abortsWithin } from '../../../activities/platform/deadline.js';
import { until } from '../../support/until.js';

describe('a deadline', () => {
  let collectGarbage: () => void;
  before(() => {
    setFlagsFromString('--expose-gc');
    collectGarbage = runInNewContext('gc') as () => void;
  });

  // Without this a connector that waits for a hung target waits for good, and its sweep with it.
  it('ends what listens to it in time, whatever was collected meanwhile', async () => {
    const stop = new AbortController();
    let ended = false;
    const listen = (): void => abortsWithin(1_500, stop.signal).addEventListener('abort', () => (ended = true));
    listen();
    await until(
      () => {
        collectGarbage();
        return ended;
      },
      { withinMs: 10_000, what: 'the deadline' },
    );
  });

  it('shows in time to what only looks at it', async () => {
    const signal = abortsWithin(1_500);
    await until(
      () => {
        collectGarbage();
        return signal.aborted;
      },
      { withinMs: 10_000, what: 'the deadline' },
    );
  });

  it('ends at once with any of the signals that it is given', () => {
    const stop = new AbortController();
    const signal = abortsWithin(60_000, new AbortController().signal, stop.signal);
    stop.abort();
    assert.equal(signal.aborted, true);
  });
});
