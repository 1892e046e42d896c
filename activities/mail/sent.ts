/**
 * Remembers which mails were sent, so that a repeated tell repeats no mail if it can know. Redis is asked first; this
 * process's own memory serves when it cannot be. Where both know nothing, mail repeats rather than gets lost.
 */
import type { Redis } from 'ioredis';

export interface Sent {
  /** Mail that nobody sent and nobody is sending now. `busy`: another attempt is at it; ask again later. */
  claim(messageId: string): Promise<'mine' | 'sent' | 'busy'>;
  keep(messageId: string): Promise<void>;
  /** It was not sent after all. */
  release(messageId: string): Promise<void>;
}

/** An attempt that died in the middle holds its claim no longer than this; longer than one mail can take. */
const claimMs = 60_000;
/** Longer than any tell is repeated. */
const keepSeconds = 7 * 24 * 3600;
const rememberedMax = 10_000;

export function createSent(redis: Redis): Sent {
  const memory = new Set<string>();
  const key = (messageId: string): string => `daypass:mailed:${messageId}`;
  return {
    async claim(messageId) {
      if (memory.has(messageId)) return 'sent';
      // Redis away: nobody knows better than this process.
      const held = await redis.set(key(messageId), 'sending', 'PX', claimMs, 'NX').catch(() => 'OK' as const);
      if (held === 'OK') return 'mine';
      const found = await redis.get(key(messageId)).catch(() => 'sent');
      return found === 'sent' ? 'sent' : 'busy';
    },
    async keep(messageId) {
      memory.add(messageId);
      const [oldest] = memory;
      if (memory.size > rememberedMax && oldest !== undefined) memory.delete(oldest);
      // The mail is out: a lost mark at worst repeats it.
      await redis.set(key(messageId), 'sent', 'EX', keepSeconds).catch(() => undefined);
    },
    async release(messageId) {
      // The claim lapses by itself.
      await redis.del(key(messageId)).catch(() => undefined);
    },
  };
}
