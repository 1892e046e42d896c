/** Puts changes where others read them: the live view's channel at once, and the stream of records and seals exactly once each. */
import type { Redis } from 'ioredis';
import { digest } from '../workflows/domain/digest.js';
import type { AuditRecord } from '../workflows/domain/record.js';
import { changedChannel, sealsId } from '../workflows/ids.js';

export interface Publish {
  /** Says that a grant changed; repeating it costs a look and nothing else. */
  changed(grantId: string): Promise<void>;
  /** Appends what the stream does not have yet; a repeat appends nothing. */
  records(records: AuditRecord[]): Promise<void>;
  /** The same for seals, as compact JWS. */
  seals(seals: string[]): Promise<void>;
}

/** The braces keep the stream and its marks on one node of a Redis Cluster. */
export const recordsStream = '{daypass:records}';
/** A live tail for the days that matter, not the archive: about 100 MB at most. */
const streamMax = 100_000;
/** Longer than any tell is repeated. */
const marksSeconds = 7 * 24 * 3600;

/**
 * One mark per line and not "the highest so far": a tell that is retried may come after a later one. Mark and line are set in one
 * script, so that a repeat after a lost answer finds both or neither.
 */
const appendOnce = `
  if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return 0 end
  redis.call('EXPIRE', KEYS[2], ARGV[2])
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'chain', ARGV[4], 'type', ARGV[5], 'record', ARGV[6])
  return 1`;

export function createPublish(redis: Redis): Publish {
  const append = async (mark: string, chain: string, type: string, line: object): Promise<void> => {
    const keys = [recordsStream, `${recordsStream}:told:${chain}`];
    await redis.eval(appendOnce, 2, ...keys, mark, marksSeconds, streamMax, chain, type, JSON.stringify(line));
  };
  return {
    async changed(grantId) {
      await redis.publish(changedChannel, grantId);
    },
    async records(records) {
      // Sent together, and done in this order: one connection keeps it.
      await Promise.all(records.map((record) => append(String(record.sequence), record.chain, record.type, record)));
    },
    async seals(seals) {
      await Promise.all(seals.map((seal) => append(digest({ seal }), sealsId, 'seal', { seal })));
    },
  };
}
