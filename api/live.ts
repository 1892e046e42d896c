/**
 * Tells whoever watches a grant that it changed, within a second, across processes. The news is only the grant's id:
 * watchers read the grant itself, so that nobody can forge a change.
 *
 * While Redis is away, watched grants are looked at every second instead.
 */
import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { changedChannel, isGrantId } from '../workflows/ids.js';
import { signedOutChannel } from './identity/sign-outs.js';

export interface Live {
  /** Calls back whenever the grant may have changed. Returns the way to stop. */
  watch(grantId: string, changed: () => void): () => void;
  /** The grant has changed: tells whoever watches it, in every process that Redis reaches. */
  tell(grantId: string): void;
  /** Calls back with each sign-out, as `sign-outs.ts` writes it. */
  onSignOut(signedOut: (message: string) => void): () => void;
  close(): void;
}

/** Every so often even with Redis: a lost message must not leave a page wrong for good. */
const safetyMs = 15_000;
const pollMs = 1_000;

/** `subscriber` is a connection of its own, since a subscribed one takes no other commands; `redis` is one that does. */
export function createLive(
  subscriber: Pick<Redis, 'on' | 'subscribe' | 'status'>,
  redis: Pick<Redis, 'publish'>,
  times: { pollMs: number; safetyMs: number } = { pollMs, safetyMs },
): Live {
  const watchers = new EventEmitter().setMaxListeners(0);
  const signOuts = new EventEmitter().setMaxListeners(0);
  let isSubscribed = false;
  let lastSafetyAt = Date.now();

  function tellAll(): void {
    for (const grantId of watchers.eventNames()) watchers.emit(grantId);
  }

  async function subscribe(): Promise<void> {
    try {
      await subscriber.subscribe(changedChannel, signedOutChannel);
      isSubscribed = true;
      // What changed while nobody listened is looked at now.
      tellAll();
    } catch {
      isSubscribed = false;
    }
  }

  subscriber.on('ready', () => void subscribe());
  subscriber.on('close', () => (isSubscribed = false));
  subscriber.on('message', (channel: string, message: string) => {
    if (channel === changedChannel && isGrantId(message)) watchers.emit(message);
    if (channel === signedOutChannel) signOuts.emit('out', message);
  });
  if (subscriber.status === 'ready') void subscribe();

  const timer = setInterval(() => {
    if (!isSubscribed && subscriber.status === 'ready') void subscribe();
    const isSafetyDue = Date.now() - lastSafetyAt >= times.safetyMs;
    if (isSubscribed && !isSafetyDue) return;
    lastSafetyAt = Date.now();
    tellAll();
  }, times.pollMs);
  timer.unref();

  function on(emitter: EventEmitter, event: string, listener: (message: string) => void): () => void {
    emitter.on(event, listener);
    return () => void emitter.off(event, listener);
  }

  return {
    watch: (grantId, changed) => on(watchers, grantId, changed),
    tell: (grantId) => {
      redis.publish(changedChannel, grantId).catch(() => watchers.emit(grantId));
    },
    onSignOut: (signedOut) => on(signOuts, 'out', signedOut),
    close: () => {
      clearInterval(timer);
      watchers.removeAllListeners();
      signOuts.removeAllListeners();
    },
  };
}
