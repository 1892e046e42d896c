/** A part is away for a minute while a hundred grants end: how long after its return the last of them is gone at the target. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { Crowd } from './crowd.js';
import { inParallel } from '../support/in-parallel.js';
import { endsAtTarget } from './ending-together.js';
import { mustBeKept } from './standing.js';
import { ms, percentile, type Table } from './table.js';
import { TargetWatch } from './target-watch.js';

/** A part that can be taken away without a word and brought back. */
interface Part {
  kill(): Promise<void>;
  start(): Promise<void>;
}

interface Recovered {
  part: string;
  /** How many had been removed while the part was away. */
  meanwhile: number;
  startMs: number;
  /** Of what was still to remove: from the return, or from its end where that came later, to the last removal. */
  lastMs?: number;
  lateness: number[];
}

/** From the first request to the beginning of the outage: all of them must stand by then. */
const makingMs = (count: number): number => 10_000 + count * 250;

const goalMs = 5_000;

export async function recovery(bench: Bench): Promise<Table[]> {
  const [count = 100, outageSeconds = 60] = bench.counts;
  const { system } = bench;
  const parts: [name: string, part: Part][] = [
    ['API', system.api],
    ['decisions worker', system.decisions],
    ['connector worker', system.connectors],
    ['Redis', system.redis],
    ['Temporal', system.temporal],
    ['target', system.ordersDb],
  ];
  const crowd = new Crowd(bench);
  // A worker that is away cannot start a removal in time: what is promised then is the rest.
  crowd.accepted.removalStartsWithinMs = (outageSeconds + 30) * 1_000;
  crowd.accepted.removalReachesWithinMs = (outageSeconds + 60) * 1_000;
  await crowd.signIn();
  const found: Recovered[] = [];
  for (const [name, part] of parts) {
    found.push(await recovered(bench, crowd, name, part, count, outageSeconds * 1_000));
    bench.tell(`${name}: from its return to the last removal: ${last(found.at(-1)?.lastMs)}`);
  }
  const kept = await mustBeKept(bench, crowd.accepted);
  return [
    {
      title: `${count} grants end while a part is away for ${outageSeconds} s`,
      columns: [
        'part',
        'removed while it was away',
        'its own start',
        'from its return to the last removal',
        'goal',
        'lateness p50',
        'the last',
      ],
      rows: found.map(({ part, meanwhile, startMs, lastMs, lateness }) => [
        part,
        meanwhile,
        ms(startMs),
        last(lastMs),
        (lastMs ?? 0) <= goalMs ? 'met' : 'missed',
        ms(percentile(lateness, 0.5)),
        ms(Math.max(...lateness)),
      ]),
      notes: [
        'Each part is killed outright. It has returned once it answers again: our processes by their own health, services by their own protocol; that start is the column before.',
        'Gone is what the target says, asked every 20 ms. The ends lie evenly over the outage.',
        'Lateness: from the end that the target’s own label has to the account gone. While nobody removes, the target lets nobody in past that end.',
        `Goal: ${ms(goalMs)} from its return to the last removal.`,
        kept,
      ],
    },
  ];
}

function last(lastMs: number | undefined): string {
  return lastMs === undefined ? 'all gone before it' : ms(lastMs);
}

async function recovered(
  bench: Bench,
  crowd: Crowd,
  name: string,
  part: Part,
  count: number,
  outageMs: number,
): Promise<Recovered> {
  const { system, tell } = bench;
  const watch = new TargetWatch(system, 20);
  try {
    tell(`${name}: making ${count} grants`);
    const leavesAt = Date.now() + makingMs(count);
    const made: { id: string; gone: Promise<number> }[] = [];
    await inParallel(
      Array.from({ length: count }, (_, index) => index),
      8,
      async (index) => {
        const endsAt = leavesAt + outageMs * (0.05 + (0.85 * index) / count);
        const id = await crowd.make(watch, Math.round((endsAt - Date.now()) / 1_000));
        made.push({ id, gone: watch.gone(id) });
      },
    );
    if (Date.now() > leavesAt) throw new Error(`Making ${count} grants took longer than ${ms(makingMs(count))}.`);
    const ends = await endsAtTarget(bench);
    await pause(leavesAt - Date.now());
    await part.kill();
    tell(`${name}: away`);
    await pause(outageMs);
    const startedAt = Date.now();
    await part.start();
    const returnedAt = Date.now();
    const gone = await Promise.all(made.map((one) => one.gone));
    const times = made.map(({ id }, index) => ({ end: ends.get(id) ?? Number.NaN, gone: gone[index] ?? Number.NaN }));
    const after = times.filter((one) => one.gone > returnedAt);
    return {
      part: name,
      meanwhile: times.filter((one) => one.gone < startedAt).length,
      startMs: returnedAt - startedAt,
      ...(after.length > 0 && { lastMs: Math.max(...after.map((one) => one.gone - Math.max(one.end, returnedAt))) }),
      lateness: times.map((one) => one.gone - one.end),
    };
  } finally {
    await watch.stop();
  }
}
