/** Remembers for a while what was put on record, in this process alone: forgetting too early only records it once more. */
import type { Instant, Ms } from '../workflows/domain/time.js';

export interface Recent {
  /** Was it added within the window? */
  has(key: string): boolean;
  add(key: string): void;
}

const mostKeys = 20_000;

export function createRecent(windowMs: Ms, now: () => Instant = Date.now): Recent {
  /** When it is forgotten, by key; oldest first. */
  const until = new Map<string, Instant>();
  return {
    has: (key) => (until.get(key) ?? 0) > now(),
    add: (key) => {
      until.delete(key);
      until.set(key, now() + windowMs);
      for (const [oldest, end] of until) {
        if (end > now() && until.size <= mostKeys) break;
        until.delete(oldest);
      }
    },
  };
}
