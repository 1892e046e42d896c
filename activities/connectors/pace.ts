/**
 * A target's stated rate, kept over everything that one process has it do. Making takes at most half of it, however much is
 * asked for; removing takes all that making leaves, so that a thousand ends at once are not held to a share of their own.
 */
import { RateLimiterMemory, RateLimiterQueue } from 'rate-limiter-flexible';

/** Resolves when one more call may begin. */
export type Turn = () => Promise<void>;

export interface Pace {
  making: Turn;
  removing: Turn;
}

export function createPace(perSecond: number): Pace {
  const queueOf = (points: number) => new RateLimiterQueue(new RateLimiterMemory({ points, duration: 1 }));
  const half = queueOf(Math.max(1, Math.floor(perSecond / 2)));
  const whole = queueOf(perSecond);
  return {
    making: async () => {
      await half.removeTokens(1);
      await whole.removeTokens(1);
    },
    removing: async () => {
      await whole.removeTokens(1);
    },
  };
}
