/**
 * The last line of removal: each connector process, by itself and without Temporal, removes whatever of ours stands past its
 * end. It reads the ends at the target, needs nobody's leave, never gives up and never overlaps itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Gauge } from 'prom-client';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { abortsWithin } from '../platform/deadline.js';
import type { Log } from '../platform/log.js';
import type { Connector } from './connector.js';

export interface SweepOptions {
  target: string;
  /** Its own instance, so that no flood of other calls can take its connections. */
  connector: Pick<Connector, 'list' | 'remove'>;
  log: Log;
  clock?: () => Instant;
  everyMs?: Ms;
  /** The grant's own removal comes first. */
  graceMs?: Ms;
  /** Of one call of the target; a hung one must not keep the others waiting. */
  callMaxMs?: Ms;
}

const removed = new Counter({
  name: 'daypass_sweep_removed_total',
  help: 'Accounts that stood past their end and that the sweep removed. Each one is a removal that came too late.',
  labelNames: ['target'],
});
const failed = new Counter({
  name: 'daypass_sweep_failures_total',
  help: 'Calls of the target that the sweep could not finish.',
  labelNames: ['target'],
});
const lastDone = new Gauge({
  name: 'daypass_sweep_last_done_timestamp_seconds',
  help: 'When the sweep last saw all that stands at the target.',
  labelNames: ['target'],
});

/** Sweeps at once, then again and again, until `stop`. Never rejects. */
export async function sweep(options: SweepOptions, stop: AbortSignal): Promise<void> {
  const { target, log, everyMs = 10_000 } = options;
  let away = false;
  while (!stop.aborted) {
    try {
      await sweepOnce(options, stop);
      if (away) log.info({ target }, 'sweep reaches the target again');
      away = false;
    } catch (error) {
      failed.inc({ target });
      // One line when it goes, not one every ten seconds.
      if (!away && !stop.aborted) log.error({ err: error, target }, 'sweep cannot reach the target and keeps trying');
      away = true;
    }
    await sleep(everyMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

/** One round, oldest end first. One account that cannot be removed does not save the others. */
async function sweepOnce(options: SweepOptions, stop: AbortSignal): Promise<void> {
  const { target, connector, log, clock = Date.now, graceMs = 60_000, callMaxMs = 30_000 } = options;
  const bounded = <T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> => within(callMaxMs, stop, call);

  const standing = await bounded((signal) => connector.list(signal));
  lastDone.set({ target }, clock() / 1_000);
  // Not "later than": an end that is no number is past.
  const overdue = standing
    .filter((it) => !(it.endsAt + graceMs > clock()))
    .sort((one, other) => one.endsAt - other.endsAt);
  for (const { grantId, account, endsAt } of overdue) {
    if (stop.aborted) return;
    try {
      const removal = await bounded((signal) => connector.remove(grantId, signal));
      removed.inc({ target });
      log.error(
        { target, grantId, account, lateMs: clock() - endsAt, removal },
        'sweep removed what stood past its end',
      );
    } catch (error) {
      failed.inc({ target });
      log.error({ err: error, target, grantId, account, lateMs: clock() - endsAt }, 'sweep could not remove');
    }
  }
}

/** Also ends a call that does not listen to its signal. */
async function within<T>(ms: Ms, stop: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = abortsWithin(ms, stop);
  const ended = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`The target did not answer within ${ms} ms.`)), {
      once: true,
    });
  });
  return Promise.race([call(signal), ended]);
}
