/**
 * Brings what stands in the audit files to a collector, from a cursor on the disk, and lets old files go.
 *
 * 1. A file's cursor (`<file>.sent`, a number of bytes) moves only after the collector has taken what stands before it. A crash
 *    in between sends lines twice, never not at all: receivers take a `metadata.uid` once.
 * 2. A collector that is away is tried again without end, and delays nothing but itself.
 * 3. What a process that is gone has left behind is sent by another one on the same folder.
 * 4. No file goes that is not sent to its end, however old it is.
 */
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Counter, Gauge } from 'prom-client';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import type { Log } from '../platform/log.js';
import { isMissing, writeWhole, type AuditFiles } from './files.js';
import { NotTaken, type Send } from './http.js';

export interface ShipOptions {
  dir: string;
  files: Pick<AuditFiles, 'owns'>;
  /** Absent where the files are all there is: then old ones go by their age alone. */
  send?: Send;
  keepDays: number;
  log: Log;
  times?: Partial<Times>;
}

interface Times {
  /** Between two looks at the folder. */
  lookMs: Ms;
  firstWaitMs: Ms;
  longestWaitMs: Ms;
  /** Another process's file that rests for so long has nobody who sends it. */
  idleMs: Ms;
  now: () => Instant;
}

const usual: Times = { lookMs: 1_000, firstWaitMs: 1_000, longestWaitMs: 60_000, idleMs: 60_000, now: Date.now };
const linesMax = 500;
const bytesMax = 1_000_000;
const dayMs: Ms = 24 * 3_600_000;
const auditFile = /^audit-\d{4}-\d\d-\d\d-[0-9a-f]{12}-\d{4,}\.jsonl$/;

const lag = new Gauge({
  name: 'daypass_audit_http_lag_seconds',
  help: 'Age of the oldest audit line that the collector has not taken; 0 when it has them all',
});
const sent = new Counter({ name: 'daypass_audit_http_lines_total', help: 'Audit lines that the collector has taken' });
const failures = new Counter({
  name: 'daypass_audit_http_failures_total',
  help: 'Attempts that the collector did not take; they are repeated without end',
});

/** Works until `stop`. Never rejects. */
export async function ship(options: ShipOptions, stop: AbortSignal): Promise<void> {
  const { dir, files, send, keepDays, log } = options;
  const { lookMs, firstWaitMs, longestWaitMs, idleMs, now } = { ...usual, ...options.times };
  const cursors = new Map<string, number>();
  let linesNow = linesMax;
  let waitMs = firstWaitMs;
  let isAway = false;
  let keptAt = -Infinity;

  async function cursorOf(name: string): Promise<number> {
    const known = cursors.get(name) ?? Number(await readOr(join(dir, `${name}.sent`), '0'));
    return Number.isSafeInteger(known) && known >= 0 ? known : 0;
  }

  async function moveTo(name: string, offset: number): Promise<void> {
    await writeWhole(dir, `${name}.sent`, String(offset));
    cursors.set(name, offset);
  }

  /** Sends one file to its present end. */
  async function shipFile(name: string, deliver: Send): Promise<void> {
    for (let from = await cursorOf(name); !stop.aborted;) {
      const { size, mtimeMs } = await stat(join(dir, name));
      if (from >= size) return;
      const others = !files.owns(name);
      if (others && now() - mtimeMs < idleMs) return;
      const { lines, end } = await nextLines(join(dir, name), from, linesNow);
      if (lines.length > 0) await deliver(lines, stop);
      // A last line without an end, of a process that is gone: nobody was promised it.
      else if (others || end > from)
        log.warn({ name, from, size }, 'what stands here is no whole line; it is passed over');
      else return;
      from = lines.length > 0 || end > from ? end : size;
      await moveTo(name, from);
      sent.inc(lines.length);
    }
  }

  async function isSent(name: string): Promise<boolean> {
    return !send || (await cursorOf(name)) >= (await stat(join(dir, name))).size;
  }

  async function letOldGo(names: string[]): Promise<void> {
    if (now() - keptAt < 3_600_000) return;
    keptAt = now();
    for (const name of names) {
      const { mtimeMs } = await stat(join(dir, name));
      if (now() - mtimeMs < keepDays * dayMs || !(await isSent(name))) continue;
      // The cursor last: without it the file would be sent again.
      await rm(join(dir, name));
      await rm(join(dir, `${name}.sent`), { force: true });
      cursors.delete(name);
      log.info({ name, keepDays }, 'an old audit file was let go');
    }
  }

  async function look(): Promise<void> {
    const names = await auditFiles(dir);
    if (send) {
      for (const name of names) await shipFile(name, send);
      lag.set(0);
    }
    await letOldGo(names);
  }

  async function failed(error: unknown): Promise<void> {
    if (error instanceof NotTaken) failures.inc();
    if (!isAway) log.error({ err: error, dir }, 'audit lines are not with the collector; they are sent without end');
    isAway = true;
    lag.set(await oldestSeconds().catch(() => 0));
  }

  /** How long the first line that is not sent waits. */
  async function oldestSeconds(): Promise<number> {
    for (const name of await auditFiles(dir)) {
      const [line] = (await nextLines(join(dir, name), await cursorOf(name), 1)).lines;
      const at = line === undefined ? undefined : (JSON.parse(line) as { at?: number }).at;
      if (line !== undefined) return Math.max(0, now() - (at ?? (await stat(join(dir, name))).mtimeMs)) / 1_000;
    }
    return 0;
  }

  while (!stop.aborted) {
    try {
      await look();
      if (isAway) log.info({ dir }, 'the collector has all audit lines again');
      isAway = false;
      waitMs = firstWaitMs;
      linesNow = linesMax;
      await rested(lookMs, stop);
    } catch (error) {
      if (stop.aborted) break;
      if (error instanceof NotTaken && error.tooMuch && linesNow > 1) {
        linesNow = Math.floor(linesNow / 2);
        continue;
      }
      // Nothing was written yet.
      if (!isMissing(error)) await failed(error);
      await rested(waitMs * (0.5 + Math.random() / 2), stop);
      waitMs = Math.min(waitMs * 2, longestWaitMs);
    }
  }
}

/** Those of all processes that write here, the oldest days first. */
async function auditFiles(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => auditFile.test(name)).sort();
}

/** Whole lines from an offset on, and where they end. */
async function nextLines(path: string, from: number, most: number): Promise<{ lines: string[]; end: number }> {
  const handle = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytesMax), 0, bytesMax, from);
    const read = buffer.subarray(0, bytesRead);
    const lines: string[] = [];
    let at = 0;
    while (lines.length < most) {
      const newline = read.indexOf(10, at);
      if (newline < 0) break;
      lines.push(read.toString('utf8', at, newline));
      at = newline + 1;
    }
    // No line of ours is that long: it is passed over whole.
    return { lines, end: lines.length === 0 && bytesRead === bytesMax ? from + bytesMax : from + at };
  } finally {
    await handle.close();
  }
}

async function readOr(path: string, otherwise: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return otherwise;
    throw error;
  }
}

function rested(ms: Ms, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    const timer = setTimeout(end, ms);
    stop.addEventListener('abort', end, { once: true });
    function end(): void {
      clearTimeout(timer);
      stop.removeEventListener('abort', end);
      resolve();
    }
  });
}
