/** What it means that many grants sleep: to make them, to keep them, to read among them, to end many in one second, and all. */
import type { Bench } from './bench.js';
import { Crowd } from './crowd.js';
import { inParallel } from '../support/in-parallel.js';
import { endingTogether } from './ending-together.js';
import { clearOfTheHour, costOf, growth, lives, sleepSeconds } from './growth.js';
import { measureReads, readsTable } from './reads.js';
import { mustBeKept } from './standing.js';
import { megabytes, ms, perSecond, type Table } from './table.js';
import { TargetWatch } from './target-watch.js';
import { usageOf, type Usage } from './usage.js';

/** How many people ask at once. */
const width = 16;
/** The first look is taken at this many. */
const few = 100;

export async function scale(bench: Bench): Promise<Table[]> {
  const { system, tell, counts } = bench;
  const [count = 10_000, together = Math.min(1_000, count / 2)] = counts;
  const crowd = new Crowd(bench);
  // So many ends in one second come one after the other at the target's own pace.
  crowd.accepted.removalStartsWithinMs = 5_000 + together * 50;
  await crowd.signIn();
  const watch = new TargetWatch(system, 20);
  const sleeping: string[] = [];
  const upTo = async (most: number): Promise<void> => {
    await inParallel(Array.from({ length: most - sleeping.length }), width, async () => {
      const id = await crowd.make(watch, sleepSeconds);
      if (sleeping.push(id) % 500 === 0) tell(`${sleeping.length} sleep`);
    });
  };
  try {
    const empty = await usageOf(bench);
    await upTo(few);
    // The first lives warm everything up; only the second count.
    await lives(crowd, watch);
    await clearOfTheHour(bench, few);
    const costFew = await costOf(bench, crowd, watch, few);
    const readsFew = await measureReads(bench, bench.engineers[0] ?? '');
    const atFew = await usageOf(bench);
    tell(`making ${count} in all`);
    const begun = performance.now();
    await upTo(count);
    const madeMs = performance.now() - begun;
    const atMany = await usageOf(bench);
    await clearOfTheHour(bench, count);
    tell('reading, and the cost of one more');
    const readsMany = await measureReads(bench, bench.engineers[0] ?? '');
    const costMany = await costOf(bench, crowd, watch, count);
    tell(`${together} end in the same second`);
    const rate = ((count - few) * 1_000) / madeMs;
    const ending = await endingTogether(bench, crowd, watch, together, rate);
    tell('revoking all');
    const revoking = performance.now();
    await inParallel(sleeping, 32, async (id) => {
      await crowd.revoke(id);
      await watch.gone(id);
    });
    const revokedMs = performance.now() - revoking;
    const kept = await mustBeKept(bench, crowd.accepted);
    return [
      {
        title: `${count} sleeping grants`,
        columns: ['what', 'how long', 'rate'],
        rows: [
          [
            `to make the last ${count - few}, ${width} people asking at once`,
            seconds(madeMs),
            perSecond(count - few, madeMs),
          ],
          [
            'to revoke all, 32 calls in flight, until the last account is gone',
            seconds(revokedMs),
            perSecond(count, revokedMs),
          ],
        ],
        notes: [`Every one was asked for through the API. ${crowd.waits}`, kept],
      },
      memory(empty, few, atFew, count, atMany),
      readsTable(few, readsFew, count, readsMany),
      ending,
      ...growth(few, costFew, count, costMany),
    ];
  } finally {
    await watch.stop();
  }
}

function memory(
  empty: Map<string, Usage>,
  few: number,
  atFew: Map<string, Usage>,
  many: number,
  atMany: Map<string, Usage>,
): Table {
  const of = (usage: Map<string, Usage>, name: string): number => usage.get(name)?.memory ?? Number.NaN;
  return {
    title: 'Memory',
    columns: ['process', 'without grants', `with ${few}`, `with ${many}`, `more for each, from ${few} to ${many}`],
    rows: [...empty.keys()]
      .filter((name) => name !== 'the benchmark itself')
      .map((name) => [
        name,
        megabytes(of(empty, name)),
        megabytes(of(atFew, name)),
        megabytes(of(atMany, name)),
        `${((of(atMany, name) - of(atFew, name)) / 1_024 / (many - few)).toFixed(1)} KiB`,
      ]),
    notes: ['Resident memory. PostgreSQL counts what its processes share once for each of them.'],
  };
}

function seconds(spanMs: number): string {
  return spanMs < 10_000 ? ms(spanMs) : `${(spanMs / 1_000).toFixed(0)} s`;
}
