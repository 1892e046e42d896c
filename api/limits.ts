/**
 * How much one address and one caller may ask of this API. Counted in Redis across processes; in memory while it is away.
 * Taking away is counted in memory alone: whoever owns Redis sets its counters, and must not hold that up.
 */
import type { RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem } from './problem.js';
import { currentActor } from './route.js';

/** Calls per minute. */
export interface LimitNumbers {
  perAddress: number;
  perActor: number;
  /** Asking for access, by one caller. */
  asksPerActor: number;
  /** Beginning to sign in, from one address. */
  signInsPerAddress: number;
}

export const usualLimits: LimitNumbers = {
  perAddress: 6_000,
  perActor: 3_000,
  asksPerActor: 120,
  signInsPerAddress: 120,
};

export interface Limits {
  perAddress: RequestHandler;
  perActor: RequestHandler;
  asks: RequestHandler;
  signIns: RequestHandler;
}

const minuteSeconds = 60;

export function createLimits(redis: Redis, numbers: LimitNumbers = usualLimits): Limits {
  function limiter(name: string, points: number) {
    const options = { keyPrefix: `daypass:limit:${name}`, points, duration: minuteSeconds };
    return new RateLimiterRedis({
      ...options,
      storeClient: redis,
      rejectIfRedisNotReady: true,
      // Per process then, so that losing Redis loosens the limit by the number of processes and no more.
      insuranceLimiter: new RateLimiterMemory(options),
    });
  }

  function guard(name: string, points: number, keyOf: KeyOf): RequestHandler {
    const shared = limiter(name, points);
    const own = new RateLimiterMemory({ points, duration: minuteSeconds });
    return keyed((request) => (isNarrowing(request) ? own : shared), keyOf);
  }

  return {
    // `trust proxy` is off: this is the peer's address, whatever headers say.
    perAddress: guard('address', numbers.perAddress, (request) => request.socket.remoteAddress ?? 'unknown'),
    perActor: guard('actor', numbers.perActor, (_request, actor) => actor),
    asks: guard('asks', numbers.asksPerActor, (_request, actor) => actor),
    signIns: guard('sign-ins', numbers.signInsPerAddress, (request) => request.socket.remoteAddress ?? 'unknown'),
  };
}

type KeyOf = (request: Parameters<RequestHandler>[0], actor: string | undefined) => string | undefined;

/** Deny, withdraw, revoke, and a passkey removed, by call or by form; matched as loosely as express matches its routes. */
function isNarrowing({ method, originalUrl }: Parameters<RequestHandler>[0]): boolean {
  const ways = /^((\/v1)?\/grants\/[^/?]+\/(deny|withdraw|revoke)|(\/v1\/me)?\/passkeys\/remove)\/?(\?|$)/i;
  return method === 'POST' && ways.test(originalUrl);
}

function keyed(
  limiterOf: (request: Parameters<RequestHandler>[0]) => RateLimiterRedis | RateLimiterMemory,
  keyOf: KeyOf,
): RequestHandler {
  return async (request, response, next) => {
    const key = keyOf(request, currentActor(response)?.ref);
    if (key === undefined) return next();
    try {
      await limiterOf(request).consume(key);
      next();
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) return next(error);
      const seconds = Math.max(1, Math.ceil(error.msBeforeNext / 1_000));
      const because = `That was too much in one minute; try again in ${seconds} s.`;
      next(new Problem('rate-limited', because, { retryAfterSeconds: seconds }));
    }
  };
}
