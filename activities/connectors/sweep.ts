/**
 * The last line of removal: each connector process, by itself and without Temporal, removes whatever of ours stands past its
 * end, or on evidence that is signed by a key which is not pinned any more: whoever has a leaked key can have made anything.
 * It reads both at the target, needs nobody's leave, never gives up and never overlaps itself. Ends are the target's, and so is
 * the clock; where that one is wrong or silent, ours says so too, later.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Gauge } from 'prom-client';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { abortsWithin } from '../platform/deadline.js';
import type { StandingAccount } from '../contract.js';
import type { KeyWatch } from '../platform/keys.js';
import type { Log } from '../platform/log.js';
import { removalEntry, type Book } from './book.js';
import type { Connector } from './connector.js';
import { readTargetClock, skewMaxMs } from './target-clock.js';

export interface SweepOptions {
  target: string;
  /** Its own instance, so that no flood of other calls can take its connections. */
  connector: Pick<Connector, 'list' | 'now' | 'remove'>;
  /** The pinned keys of the API. A change of them starts a round at once. */
  keys: Pick<KeyWatch, 'current' | 'onChange'>;
  book: Pick<Book, 'sign'>;
  log: Log;
  everyMs?: Ms;
  /** The grant's own removal comes first. */
  graceMs?: Ms;
  clock?: () => Instant;
  /** Of one call of the target; a hung one must not keep the others waiting. */
  callMaxMs?: Ms;
}

/**
 * By our own clock. An hour is what clocks are commonly wrong by (time zones, summer time), and ten minutes are for what they
 * drift: ours, so far ahead, cuts nothing that runs; and a target's clock that fell back keeps nothing for ever.
 */
const ownGraceMs: Ms = 70 * 60_000;

const removed = new Counter({
  name: 'daypass_sweep_removed_total',
  help: 'Accounts that the sweep removed: past their end, each a removal that came too late, or signed by a key that is not pinned.',
  labelNames: ['target', 'because'],
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

const skew = new Gauge({
  name: 'daypass_target_clock_skew_seconds',
  help: "How far the target's clock is ahead of the connector's; below zero where it is behind.",
  labelNames: ['target'],
});

/** Sweeps at once, then again and again, until `stop`. Never rejects. */
export async function sweep(options: SweepOptions, stop: AbortSignal): Promise<void> {
  const { target, log, keys, everyMs = 10_000 } = options;
  let away = false;
  let isOff = false;
  function tellSkew(skewMs: Ms): void {
    skew.set({ target }, skewMs / 1_000);
    const wasOff = isOff;
    isOff = Math.abs(skewMs) > skewMaxMs;
    if (isOff && !wasOff) log.error({ target, skewMs }, 'the clock of the target and ours differ');
    if (wasOff && !isOff) log.info({ target, skewMs }, 'the clock of the target and ours agree again');
  }
  let waiting = new AbortController();
  const wake = (): void => waiting.abort();
  const unsubscribe = keys.onChange(wake);
  stop.addEventListener('abort', wake, { once: true });
  while (!stop.aborted) {
    // Before the round: keys that change during it want another one at once.
    waiting = new AbortController();
    try {
      await sweepOnce(options, tellSkew, stop);
      if (away) log.info({ target }, 'sweep reaches the target again');
      away = false;
    } catch (error) {
      failed.inc({ target });
      // One line when it goes, not one every ten seconds.
      if (!away && !stop.aborted) log.error({ err: error, target }, 'sweep cannot reach the target and keeps trying');
      away = true;
    }
    await sleep(everyMs, undefined, { signal: waiting.signal }).catch(() => undefined);
  }
  unsubscribe();
}

type Reason = 'past its end' | 'past its end by our clock' | 'key not pinned';

/** One round, oldest end first. One account that cannot be removed does not save the others. */
async function sweepOnce(options: SweepOptions, tellSkew: (skewMs: Ms) => void, stop: AbortSignal): Promise<void> {
  const { target, connector, book, keys, log, graceMs = 60_000, callMaxMs = 30_000, clock = Date.now } = options;
  const bounded = <T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> => within(callMaxMs, stop, call);
  const kids = new Set(keys.current().keys.map(({ kid }) => kid));
  let targetNow = (): Instant | undefined => undefined;
  let unread: unknown;
  try {
    const { now, skewMs } = await bounded((signal) => readTargetClock(connector, clock, signal));
    const readAt = performance.now();
    tellSkew(skewMs);
    // Time goes on while removals hang; whatever happens to our own clock meanwhile.
    targetNow = () => now + (performance.now() - readAt);
  } catch (error) {
    if (stop.aborted) throw error;
    // A key that is not pinned needs no clock. The round counts as failed all the same, when it is done.
    unread = error;
  }

  function reasonOf({ endsAt, signedBy }: StandingAccount): Reason | undefined {
    // An account that does not say who signed for it was signed for by nobody known.
    if (signedBy.length === 0 || !signedBy.every((kid) => kids.has(kid))) return 'key not pinned';
    const now = targetNow();
    // Not "later than": an end that is no number is past.
    if (now !== undefined && !(endsAt + graceMs > now)) return 'past its end';
    return endsAt + ownGraceMs > clock() ? undefined : 'past its end by our clock';
  }

  const standing = await bounded((signal) => connector.list(signal));
  lastDone.set({ target }, Date.now() / 1_000);
  const found = standing.toSorted((one, other) => one.endsAt - other.endsAt);
  for (const one of found) {
    const because = reasonOf(one);
    if (because === undefined) continue;
    if (stop.aborted) return;
    const { grantId, account, endsAt, signedBy } = one;
    const now = because === 'past its end by our clock' ? clock() : (targetNow() ?? clock());
    const about = { target, grantId, account, because, lateMs: Math.floor(now - endsAt), signedBy };
    try {
      const removal = await bounded((signal) => connector.remove(grantId, signal));
      removed.inc({ target, because });
      log.error({ ...about, removal }, 'sweep removed what may not stand');
      await book.sign(removalEntry('swept', removal));
    } catch (error) {
      failed.inc({ target });
      log.error({ err: error, ...about }, 'sweep could not remove');
    }
  }
  if (unread !== undefined) throw unread;
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
