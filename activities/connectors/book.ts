/**
 * The receipt book of one process at one target: what the connector did there, signed, numbered and chained, in an append-only
 * file that nobody else writes. A receipt is on disk before its answer leaves.
 *
 * 1. While the book cannot be written nothing is made: `ready` and the receipts of what stands reject.
 * 2. Removal never waits for a disk. Its receipt is signed and handed out all the same, with an alarm, and is written once
 *    the disk is back.
 * 3. A number is given once, also when its line is lost: a gap shows.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Gauge } from 'prom-client';
import { digest } from '../../workflows/domain/digest.js';
import { receiptType, type Receipt } from '../../workflows/domain/receipt.js';
import { firstPrevious } from '../../workflows/domain/record.js';
import type { Instant } from '../../workflows/domain/time.js';
import { syncFolder } from '../platform/folder.js';
import { signAs } from '../platform/jws.js';
import type { PrivateJwk } from '../platform/keys.js';
import type { Log } from '../platform/log.js';
import { TargetError, type Removed } from './connector.js';

type FromBook = 'installation' | 'target' | 'book' | 'number' | 'previous' | 'at';
type Without<One> = One extends Receipt ? Omit<One, FromBook> : never;
/** A receipt without what the book adds. */
export type Entry = Without<Receipt>;

export interface BookOptions {
  installation: string;
  target: string;
  /** Signs the receipts. */
  key: PrivateJwk;
  /** Holds one file per book, `<target>-<book>.jws`, with one receipt a line. */
  dir: string;
  log: Log;
  clock?: () => Instant;
}

export interface Book {
  /** Rejects while the file cannot be written: then nothing may be made. */
  ready(): Promise<void>;
  /** The receipt, as compact JWS. Rejects for what stands (`made`, `end-moved`, `renewed`) when it is not safely on disk. */
  sign(entry: Entry): Promise<string>;
  /** Writes what is still owed, if it can. */
  close(): Promise<void>;
}

/** How long a removal's answer waits for its receipt to be on disk. */
const patienceMs = 2_000;
/** Receipts that are kept for a disk that comes back; of more than these, the gap in the numbers tells. */
const owedMax = 10_000;

const signed = new Counter({
  name: 'daypass_receipts_total',
  help: 'Receipts that were signed, by target and kind.',
  labelNames: ['target', 'kind'],
});
const unwritten = new Gauge({
  name: 'daypass_receipts_unwritten',
  help: 'Receipts that were handed out and are not on disk yet. Above zero, nothing is made at the target.',
  labelNames: ['target'],
});

/** Touches no file yet. */
export function openBook({ installation, target, key, dir, log, clock = Date.now }: BookOptions): Book {
  const book = randomUUID();
  const file = join(dir, `${target}-${book}.jws`);
  let handle: FileHandle | undefined;
  let isNamed = false;
  let number = 0;
  let previous = firstPrevious;
  /** Signed, and not on disk yet. */
  const owed: string[] = [];
  let broken = false;

  let turn: Promise<unknown> = Promise.resolve();
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  /** One after the other: each holds the digest of the one before it. */
  function inTurn(entry: Entry): Promise<string> {
    const mine = turn.then(async () => {
      const receipt = { ...entry, installation, target, book, number: number + 1, previous, at: clock() };
      const jws = await signAs(receiptType, receipt, key);
      number += 1;
      previous = digest(receipt);
      if (owed.length < owedMax) owed.push(jws);
      signed.inc({ target, kind: entry.kind });
      return jws;
    });
    turn = mine.catch(() => undefined);
    return mine;
  }

  /** All that was signed before is on disk when it resolves; whoever comes while it writes shares the next write. */
  function written(): Promise<void> {
    next ??= writing
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return (writing = write());
      });
    return next;
  }

  async function write(): Promise<void> {
    const batch = [...owed];
    try {
      if (!handle) {
        await mkdir(dir, { recursive: true, mode: 0o700 });
        // Exclusively: no other process, and nobody before us, has this file.
        handle = await open(file, 'ax', 0o600);
      }
      if (!isNamed) await syncFolder(dir);
      isNamed = true;
      // A write that failed may have left half a line, which must not swallow the next. A whole line may stand there twice.
      if (broken) await handle.appendFile('\n');
      if (batch.length > 0) await handle.appendFile(batch.map((line) => `${line}\n`).join(''));
      await handle.datasync();
    } catch (error) {
      if (!broken) log.error({ err: error, target, file }, 'receipts cannot be written, so nothing is made here');
      broken = true;
      unwritten.set({ target }, Math.max(1, owed.length));
      throw new TargetError(
        'unknown',
        'target-unavailable',
        'The connector cannot write its receipts; its log says why.',
        {
          cause: error,
        },
      );
    }
    owed.splice(0, batch.length);
    if (broken) log.info({ target, file }, 'receipts can be written again');
    broken = false;
    unwritten.set({ target }, owed.length);
  }

  return {
    async ready() {
      if (broken || !handle) await written();
    },

    async sign(entry) {
      const jws = await inTurn(entry);
      const kept = written();
      switch (entry.kind) {
        case 'made':
        case 'end-moved':
        case 'renewed':
          await kept;
          return jws;
        case 'removed':
        case 'swept':
        case 'listed':
        case 'refused': {
          // The alarm is in the log and the figures by then; what narrows goes on.
          const settled = kept.catch(() => undefined);
          const patience = new AbortController();
          await Promise.race([
            settled,
            sleep(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined),
          ]);
          patience.abort();
          return jws;
        }
      }
    },

    async close() {
      await turn;
      await written().catch(() => undefined);
      await handle?.close();
    },
  };
}

/** What a receipt says of a removal: all of it but the remarks. */
export function removalEntry(kind: 'removed' | 'swept', removal: Removed): Entry {
  const { grantId, account, removedAt, verifiedAt, wasPresent, sessionsEnded, targetIdentity } = removal;
  return { kind, grantId, account, removedAt, verifiedAt, wasPresent, sessionsEnded, targetIdentity };
}
