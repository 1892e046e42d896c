/**
 * Who signed out before their session ended. Kept in Redis, and believed only as far as Redis can be:
 *
 * 1. Every entry is authenticated with a key derived from the session key. Whoever owns Redis can make none, so that nobody
 *    is signed out, and so kept from narrowing, by them; an entry that does not hold makes sign-outs `unknown`.
 * 2. A marker, authenticated too, says since when sign-outs are kept. It is missing when Redis was wiped, and written anew:
 *    of whoever signed in before it, it is `unknown` whether they signed out, and widening asks them for a fresh sign-in.
 * 3. Each process remembers the sign-outs that it made or heard of, whatever becomes of them in Redis.
 *
 * What remains: whoever deletes single entries, or puts an old copy of Redis back, and has kept somebody's cookie, is
 * signed in again once no process runs that heard of the sign-out, until the session's own end (8 hours at most). Leaving
 * the directory ends that at once.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Ref } from '../../workflows/domain/actor.js';
import type { Instant } from '../../workflows/domain/time.js';
import { sessionLongestMs } from './session.js';

export const signedOutChannel = 'daypass:signed-out';

const markerKey = 'daypass:out:kept-since';
const redisKey = (what: string) => `daypass:out:${what.replace(' ', ':')}`;

export interface Proof {
  ref: Ref;
  /** When this session or token was made. */
  madeAt: Instant;
  sessionId?: string;
}

export interface SignOuts {
  /** `unknown` when Redis cannot be asked, or not believed. */
  isOut(proof: Proof): Promise<boolean | 'unknown'>;
  /** Ends one session; true when every process will know. */
  signOut(proof: Proof): Promise<boolean>;
  /** Ends all sessions and tokens of this person made so far; true when every process will know. */
  signOutEverywhere(ref: Ref): Promise<boolean>;
  /** Writes the marker where there is none: from here on sign-outs are kept. */
  begin(): Promise<void>;
  /** What came by the channel `signedOutChannel`: remembered if it is genuine. */
  heard(message: string): void;
}

/** As much of Redis as this needs. */
export interface SignOutStore {
  mget(...keys: string[]): Promise<(string | null)[]>;
  set(key: string, value: string): Promise<unknown>;
  set(key: string, value: string, unit: 'PX', lifetimeMs: number): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
}

export function createSignOuts(redis: SignOutStore, sessionKey: Uint8Array): SignOuts {
  const seal = createSeal(sessionKey);
  // Bounded: the oldest leave first.
  const here = new Map<string, Instant>();

  function remember(what: string, at: Instant): void {
    here.set(what, Math.max(at, here.get(what) ?? 0));
    const oldest = here.keys().next();
    if (here.size > 10_000 && !oldest.done) here.delete(oldest.value);
  }

  async function write(what: string): Promise<boolean> {
    const now = Date.now();
    remember(what, now);
    const value = seal.at(what, now);
    try {
      await redis.set(redisKey(what), value, 'PX', sessionLongestMs);
      await redis.publish(signedOutChannel, `${what} ${value}`);
      return true;
    } catch {
      // This process knows, and the browser loses its cookie; the caller says that others may not know yet.
      return false;
    }
  }

  /** Since when sign-outs are kept: from now on, where the marker is gone. */
  async function keptSince(marker: string | null | undefined): Promise<Instant> {
    const since = seal.open(markerKey, marker);
    if (since !== undefined) return since;
    const now = Date.now();
    await redis.set(markerKey, seal.at(markerKey, now));
    return now;
  }

  return {
    isOut: async ({ ref, madeAt, sessionId }) => {
      const everywhere = `ref ${ref}`;
      const session = sessionId === undefined ? everywhere : `session ${sessionId}`;
      if (here.has(session) && session !== everywhere) return true;
      if ((here.get(everywhere) ?? 0) >= madeAt) return true;
      try {
        const [ofAll, ofOne, marker] = await redis.mget(redisKey(everywhere), redisKey(session), markerKey);
        const [allAt, oneAt] = [seal.open(everywhere, ofAll), seal.open(session, ofOne)];
        if (allAt !== undefined && allAt >= madeAt) return true;
        if (oneAt !== undefined && session !== everywhere) return true;
        const isForged = (ofAll && allAt === undefined) || (ofOne && oneAt === undefined);
        return isForged || madeAt < (await keptSince(marker)) ? 'unknown' : false;
      } catch {
        return 'unknown';
      }
    },
    signOut: ({ sessionId }) => (sessionId === undefined ? Promise.resolve(false) : write(`session ${sessionId}`)),
    signOutEverywhere: (ref) => write(`ref ${ref}`),
    begin: async () => {
      const [marker] = await redis.mget(markerKey);
      await keptSince(marker);
    },
    heard: (message) => {
      const [kind = '', id = '', value] = message.split(' ');
      const at = seal.open(`${kind} ${id}`, value);
      if (at !== undefined) remember(`${kind} ${id}`, at);
    },
  };
}

/** An instant that only holders of the session key can write down, each for one purpose. */
function createSeal(sessionKey: Uint8Array) {
  const key = createHmac('sha256', sessionKey).update('daypass sign-outs').digest();
  const at = (what: string, instant: Instant) =>
    `${instant}.${createHmac('sha256', key)
      .update(JSON.stringify([what, instant]))
      .digest('base64url')}`;
  return {
    at,
    open: (what: string, value: string | null | undefined): Instant | undefined => {
      const instant = Number(value?.split('.')[0]);
      if (!value || !Number.isSafeInteger(instant)) return undefined;
      const [expected, actual] = [Buffer.from(at(what, instant)), Buffer.from(value)];
      return expected.length === actual.length && timingSafeEqual(expected, actual) ? instant : undefined;
    },
  };
}

/** Is this news of the sign-out of this actor? A forged one ends what waits for them, and they call again. */
export function endsSignIn(message: string, { ref, sessionId }: Pick<Proof, 'ref' | 'sessionId'>): boolean {
  const [what, id] = message.split(' ');
  return what === 'session' ? id === sessionId : what === 'ref' && id === ref;
}
