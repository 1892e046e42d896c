/** A Redis client that answers or fails within half a second, also when the server hangs, and never queues while it is away. */
import { Redis } from 'ioredis';
import type { Log } from './log.js';

/** Calls reject while Redis is away; callers say what that means for them. Reconnects by itself. */
export function connectRedis(url: string, log?: Log): Redis {
  const redis = new Redis(url, {
    connectTimeout: 500,
    commandTimeout: 500,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  // One line when it goes and one when it comes back, however often it is tried in between.
  let away = false;
  let why: Error | undefined;
  redis.on('error', (error: Error) => (why = error));
  redis.on('reconnecting', () => {
    if (!away) log?.warn({ err: why }, 'redis is away');
    away = true;
  });
  redis.on('ready', () => {
    if (away) log?.info('redis is back');
    away = false;
    why = undefined;
  });
  return redis;
}
