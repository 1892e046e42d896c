/**
 * Append-only files of the audit: one JSON text a line (JSON Lines), each file written by one process on one day.
 *
 * 1. `append` resolves when its lines are on the disk, and rejects where they may not be: whoever asked repeats it, so readers
 *    take a (chain, sequence) or a seal's number once.
 * 2. Nothing is written into a file again that a write or its sync has failed in, nor into one that somebody removed.
 * 3. A last line without an end was never promised to anybody.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Counter } from 'prom-client';
import type { Instant } from '../../workflows/domain/time.js';
import { syncFolder } from '../platform/folder.js';
import type { Log } from '../platform/log.js';

export interface AuditFiles {
  /** Each of `lines` is one JSON text without a line break. */
  append(lines: readonly string[]): Promise<void>;
  /** Is this process the one that writes this file? */
  owns(name: string): boolean;
  /** A seal that is in the files already, kept where the next process finds it. */
  keepSeal(jws: string): Promise<void>;
  /** The newest one that was kept; undefined where there is none. */
  newestSeal(): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface FilesOptions {
  dir: string;
  fileBytesMax: number;
  log: Log;
  now?: () => Instant;
}

const failures = new Counter({
  name: 'daypass_audit_write_failures_total',
  help: 'Attempts to write audit lines to files that failed; they are repeated',
});

const newestSealFile = 'newest-seal.jws';

interface Current {
  handle: FileHandle;
  path: string;
  day: string;
  bytes: number;
}

interface Waiting {
  text: string;
  done: () => void;
  failed: (error: unknown) => void;
}

export function openAuditFiles({ dir, fileBytesMax, log, now = Date.now }: FilesOptions): AuditFiles {
  const writer = randomBytes(6).toString('hex');
  const waiting: Waiting[] = [];
  let current: Current | undefined;
  let begun = 0;
  let working: Promise<void> | undefined;
  let isFailing = false;

  /** What came meanwhile is written and synced together. */
  async function work(): Promise<void> {
    for (let batch = waiting.splice(0); batch.length > 0; batch = waiting.splice(0)) {
      try {
        await write(batch.map(({ text }) => text).join(''));
        if (isFailing) log.info({ dir }, 'audit files can be written again');
        isFailing = false;
        for (const { done } of batch) done();
      } catch (error) {
        failures.inc();
        if (!isFailing) log.error({ err: error, dir }, 'audit files cannot be written; it is tried again without end');
        isFailing = true;
        for (const { failed } of batch) failed(error);
      }
    }
    working = undefined;
  }

  async function write(text: string): Promise<void> {
    const file = await fileOfToday();
    try {
      await file.handle.appendFile(text);
      await file.handle.datasync();
      file.bytes += Buffer.byteLength(text);
    } catch (error) {
      // What a failed sync leaves on the disk nobody knows: half a line at its end, at worst.
      await file.handle.truncate(file.bytes).catch(() => undefined);
      await leave();
      // A full disk is tried often.
      if (file.bytes === 0) await rm(file.path, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async function fileOfToday(): Promise<Current> {
    const day = new Date(now()).toISOString().slice(0, 10);
    if (current) {
      const isThere = (await current.handle.stat()).nlink > 0;
      if (isThere && current.day === day && current.bytes < fileBytesMax) return current;
      await leave();
    }
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const number = String(begun + 1).padStart(4, '0');
    const path = join(dir, `audit-${day}-${writer}-${number}.jsonl`);
    const handle = await open(path, 'ax', 0o600);
    begun += 1;
    current = { handle, path, day, bytes: 0 };
    await syncFolder(dir);
    return current;
  }

  async function leave(): Promise<void> {
    const left = current;
    current = undefined;
    await left?.handle.close().catch(() => undefined);
  }

  return {
    append: (lines) => {
      if (lines.length === 0) return Promise.resolve();
      return new Promise((done, failed) => {
        waiting.push({ text: lines.map((line) => `${line}\n`).join(''), done, failed });
        working ??= work();
      });
    },

    owns: (name) => name.includes(`-${writer}-`),

    keepSeal: async (jws) => {
      await writeWhole(dir, newestSealFile, jws);
    },

    newestSeal: async () => {
      try {
        return await readFile(join(dir, newestSealFile), 'utf8');
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },

    close: async () => {
      await working;
      await leave();
    },
  };
}

/** Either the old content or the new one, also after a crash. */
export async function writeWhole(dir: string, name: string, content: string): Promise<void> {
  const draft = join(dir, `${name}.${randomBytes(4).toString('hex')}.draft`);
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(draft, join(dir, name));
  await syncFolder(dir);
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
