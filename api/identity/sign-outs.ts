/** Who signed out before their session ended. Kept in Redis, which can only say "out": losing it lets nobody in. */
import type { Ref } from '../../workflows/domain/actor.js';
import type { Instant } from '../../workflows/domain/time.js';
import { sessionLongestMs } from './session.js';

export const signedOutChannel = 'daypass:signed-out';

const sessionKey = (id: string) => `daypass:out:session:${id}`;
const everywhereKey = (ref: Ref) => `daypass:out:ref:${ref}`;

export interface Proof {
  ref: Ref;
  /** When this session or token was made. */
  madeAt: Instant;
  sessionId?: string;
}

export interface SignOuts {
  /** `unknown` when Redis cannot be asked. */
  isOut(proof: Proof): Promise<boolean | 'unknown'>;
  /** Ends one session; true when every process will know. */
  signOut(proof: Proof): Promise<boolean>;
  /** Ends all sessions and tokens of this person made so far; true when every process will know. */
  signOutEverywhere(ref: Ref): Promise<boolean>;
}

/** As much of Redis as this needs. */
export interface SignOutStore {
  mget(...keys: string[]): Promise<(string | null)[]>;
  set(key: string, value: string, unit: 'PX', lifetimeMs: number): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
}

export function createSignOuts(redis: SignOutStore): SignOuts {
  // What this process was told itself holds here even without Redis. Bounded: the oldest leave first.
  const here = new Map<string, Instant>();

  function remember(key: string): void {
    here.set(key, Date.now());
    const oldest = here.keys().next();
    if (here.size > 10_000 && !oldest.done) here.delete(oldest.value);
  }

  async function write(key: string, message: string): Promise<boolean> {
    remember(key);
    try {
      await redis.set(key, String(Date.now()), 'PX', sessionLongestMs);
      await redis.publish(signedOutChannel, message);
      return true;
    } catch {
      // This process knows, and the browser loses its cookie; the caller says that others may not know yet.
      return false;
    }
  }

  return {
    isOut: async ({ ref, madeAt, sessionId }) => {
      const keys = [everywhereKey(ref), ...(sessionId === undefined ? [] : [sessionKey(sessionId)])];
      if (sessionId !== undefined && here.has(sessionKey(sessionId))) return true;
      if ((here.get(everywhereKey(ref)) ?? 0) >= madeAt) return true;
      try {
        const [everywhere, session] = await redis.mget(...keys);
        if (session) return true;
        return everywhere ? Number(everywhere) >= madeAt : false;
      } catch {
        return 'unknown';
      }
    },
    signOut: ({ ref, sessionId }) =>
      sessionId === undefined ? Promise.resolve(false) : write(sessionKey(sessionId), `session ${sessionId} ${ref}`),
    signOutEverywhere: (ref) => write(everywhereKey(ref), `ref ${ref}`),
  };
}
