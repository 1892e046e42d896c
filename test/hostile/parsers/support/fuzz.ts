/**
 * Reads changed inputs until the time is over and a tenth of it was spent on them, and holds each reading to what every reader
 * promises: a result or one of the promised refusals, within its time, without changing what all objects share.
 *
 * What gives a new answer is changed further, so that chance gets behind the first refusals.
 */
import fc from 'fast-check';
import { holdsFor } from '../../../support/seed.js';
import type { Reader } from './format.js';
import { pick, scripts, type Script } from './mutate.js';

export interface Broken {
  reader: string;
  input: unknown;
  because: string;
}

/** What stands there of an input that was not judged yet. */
export const unread = 'did not come back';

export interface Told {
  /** Readings, and how many different answers they gave. */
  readings: number;
  answers: number;
  slowestCpuMs: number;
}

const cpuMsUsual = 1_000;
const rssMax = 1_200_000_000;
const poolMax = 400;
const keptMax = 100_000;
const runsAtOnce = 25;
/** A failing input is made smaller for so long. */
const shrinkMs = 15_000;

export class BrokenPromise extends Error {
  readonly broken: Broken;
  constructor(broken: Broken) {
    super(broken.because);
    this.broken = broken;
  }
}

export interface Fuzzing {
  readers: readonly Reader[];
  seed: number;
  seconds: number;
  /** Is told each input before it is read, so that whoever looks knows it when nothing comes back. */
  reading(reader: string, input: unknown): void;
}

/** Throws a `BrokenPromise` with the smallest input that was found. */
export async function fuzz({ readers, seed, seconds, reading }: Fuzzing): Promise<Told> {
  const counts: Told = { readings: 0, answers: 0, slowestCpuMs: 0 };
  const pools = new Map<Reader, { inputs: unknown[]; answers: Set<string> }>();

  async function judged(reader: Reader, input: unknown): Promise<string> {
    reading(reader.name, input);
    let { answer, cpuMs } = await readOnce(reader, input);
    // Compiling and collecting garbage take their time once.
    if (cpuMs > limitOf(reader)) ({ answer, cpuMs } = await readOnce(reader, input));
    if (cpuMs > limitOf(reader)) throw broken(reader, input, `took ${Math.round(cpuMs)} ms of processor time`);
    counts.slowestCpuMs = Math.max(counts.slowestCpuMs, Math.round(cpuMs));
    counts.readings += 1;
    return answer;
  }

  for (const reader of readers) {
    const pool = { inputs: [...reader.valid, ...reader.corpus], answers: new Set<string>() };
    pools.set(reader, pool);
    for (const input of reader.valid) {
      const answer = await judged(reader, input);
      if (answer !== accepted) throw broken(reader, input, `is valid and was refused: ${answer}`);
    }
    for (const input of reader.corpus) pool.answers.add(await judged(reader, input));
  }

  const until = performance.now() + seconds * 1_000;
  const worked = process.cpuUsage();
  // Beside others that come first, a minute may be no work at all.
  const isOver = (): boolean => {
    const { user, system } = process.cpuUsage(worked);
    return performance.now() >= until && user + system >= seconds * 100_000;
  };
  for (let round = 0; !isOver(); round += 1) {
    const reader = pick(readers, round);
    const pool = pools.get(reader);
    if (!pool) break;
    let isShrinking = false;
    const reads = async ([from, script]: [number, Script]): Promise<void> => {
      if (!isShrinking && isOver()) return;
      const input = reader.change(pick(pool.inputs, from), script);
      try {
        const answer = await judged(reader, input);
        if (isShrinking || pool.answers.has(answer)) return;
        pool.answers.add(answer);
        // A copy: strings that were cut or joined keep those that they come from.
        const text = JSON.stringify(input);
        if (pool.inputs.length < poolMax && text.length <= keptMax) pool.inputs.push(JSON.parse(text));
      } catch (error) {
        isShrinking = true;
        throw error;
      }
    };
    const usual = { numRuns: runsAtOnce, interruptAfterTimeLimit: shrinkMs, markInterruptAsFailure: false };
    await holdsFor(fc.tuple(fc.nat(), scripts), reads, { seed: seed + round, ...usual }).catch((error: unknown) => {
      throw error instanceof Error && error.cause instanceof BrokenPromise ? error.cause : error;
    });
  }
  counts.answers = [...pools.values()].reduce((sum, { answers }) => sum + answers.size, 0);
  return counts;
}

const accepted = 'accepted';

function limitOf({ cpuMs = cpuMsUsual }: Reader): number {
  return cpuMs;
}

/** What came of it, in words that are the same for the same reason. */
async function readOnce(reader: Reader, input: unknown): Promise<{ answer: string; cpuMs: number }> {
  const before = process.cpuUsage();
  let answer = accepted;
  try {
    await reader.read(input);
  } catch (error) {
    if (!reader.refuses(error)) throw broken(reader, input, `threw ${shown(error)}`);
    answer = told(error instanceof Error ? error.message : String(error));
  }
  const { user, system } = process.cpuUsage(before);
  const polluted = shared.find(({ object, keys }) => Reflect.ownKeys(object).length !== keys);
  if (polluted) throw broken(reader, input, 'changed a prototype that all objects share');
  if (process.memoryUsage.rss() > rssMax) throw broken(reader, input, `made the process larger than ${rssMax} bytes`);
  return { answer, cpuMs: (user + system) / 1_000 };
}

/** In words that are the same for the same reason, without what they were cut from. */
function told(message: string): string {
  const words = message.slice(0, 1_000).replace(/[\d\s]+|"[^"]*"|'[^']*'/g, ' ');
  return Buffer.from(words.slice(0, 120)).toString();
}

const shared = [
  Object.prototype,
  Array.prototype,
  Function.prototype,
  String.prototype,
  Map.prototype,
  Promise.prototype,
].map((object: object) => ({ object, keys: Reflect.ownKeys(object).length }));

function broken({ name: reader }: Reader, input: unknown, because: string): BrokenPromise {
  return new BrokenPromise({ reader, input, because });
}

function shown(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}\n${error.stack ?? ''}`.slice(0, 2_500)
    : String(error);
}
