/**
 * A target's stated rate, kept over everything that one process has it do. Making takes at most half of it, however much is
 * asked for; removing takes all that making leaves, so that a thousand ends at once are not held to a share of their own.
 */
import { RateLimiterMemory, RateLimiterQueue } from 'rate-limiter-flexible';

/** Resolves when one more call may begin. Whoever gave up meanwhile takes no more of it than need be. */
export type Turn = (signal?: AbortSignal) => Promise<void>;

export interface Pace {
  making: Turn;
  removing: Turn;
}

export function createPace(perSecond: number): Pace {
  const queueOf = (points: number, duration = 1) => new RateLimiterQueue(new RateLimiterMemory({ points, duration }));
  // Half of one a second is one in two seconds.
  const half = perSecond < 2 ? queueOf(1, 2) : queueOf(Math.floor(perSecond / 2));
  const whole = queueOf(perSecond);
  return {
    making: async (signal) => {
      await half.removeTokens(1);
      signal?.throwIfAborted();
      await whole.removeTokens(1);
    },
    removing: async () => {
      await whole.removeTokens(1);
    },
  };
}
