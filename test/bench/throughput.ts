/** How many grants a second become usable, and how many are removed, while ever more people ask at once; beside the floor. */
import type { Bench } from './bench.js';
import { Crowd } from './crowd.js';
import { inParallel } from '../support/in-parallel.js';
import { profiles } from './profile.js';
import { withStandingFloor } from './standing-floor.js';
import { mustBeKept } from './standing.js';
import { perSecond, type Table } from './table.js';
import { TargetWatch } from './target-watch.js';
import { cpuTable, usageOf, type Usage } from './usage.js';

/** How many wait at once. */
const widths = [1, 4, 16, 32, 64];
const standsForSeconds = 3_600;

interface Level {
  width: number;
  count: number;
  usableMs: number;
  goneMs: number;
}

/** Whoever makes and ends things: Daypass, or the floor. */
interface Maker {
  make(): Promise<string>;
  end(id: string): Promise<void>;
}

export async function throughput(bench: Bench): Promise<Table[]> {
  const { system, tell, counts } = bench;
  const [most = 400] = counts;
  const crowd = new Crowd(bench);
  await crowd.signIn();
  const watch = new TargetWatch(system, 20);
  const ours: Maker = {
    make: async () => {
      const id = await crowd.make(watch, standsForSeconds);
      return id;
    },
    end: async (id) => {
      await crowd.revoke(id);
      await watch.gone(id);
    },
  };
  try {
    await level(ours, 8, 40);
    const found: Level[] = [];
    let [before, after] = [await usageOf(bench), new Map<string, Usage>()];
    for (const width of widths.filter((each) => each <= most)) {
      before = await usageOf(bench);
      found.push(await told(bench, 'grants', await level(ours, width, countFor(width, most))));
      after = await usageOf(bench);
    }
    const last = found.at(-1);
    const floors: Level[] = [];
    await withStandingFloor(system, async (floor) => {
      const its: Maker = { make: () => floor.start(standsForSeconds), end: (id) => floor.end(id) };
      await level(its, 8, 40);
      for (const width of widths.filter((each) => each <= most))
        floors.push(await told(bench, 'floor', await level(its, width, countFor(width, most))));
    });
    tell('the same again with a profiler in each process');
    const top = await profiles(bench, async () => void (await level(ours, 32, most)));
    const kept = await mustBeKept(bench, crowd.accepted);
    const cpu = cpuTable(
      'Where the time goes: processes, at the widest',
      before,
      after,
      last?.count ?? 0,
      (last?.usableMs ?? 0) + (last?.goneMs ?? 0),
    );
    return [rates(found, floors, crowd, kept), cpu, ...top];
  } finally {
    await watch.stop();
  }
}

function countFor(width: number, most: number): number {
  return Math.min(most, Math.max(20, width * 15));
}

/** First all are made, then all are ended: each as fast as `width` people get through, one after the other each. */
async function level(maker: Maker, width: number, count: number): Promise<Level> {
  const made: string[] = [];
  const begun = performance.now();
  await inParallel(Array.from({ length: count }), width, async () => void made.push(await maker.make()));
  const usable = performance.now();
  await inParallel(made, width, (id) => maker.end(id));
  return { width, count, usableMs: usable - begun, goneMs: performance.now() - usable };
}

async function told(bench: Bench, what: string, done: Level): Promise<Level> {
  const { width, count, usableMs, goneMs } = done;
  bench.tell(
    `${what}, ${width} at once: ${perSecond(count, usableMs)} to usable, ${perSecond(count, goneMs)} to removed`,
  );
  return done;
}

function rates(found: Level[], floors: Level[], crowd: Crowd, kept: string): Table {
  const rows = found.map(({ width, count, usableMs, goneMs }, index) => {
    const floor = floors[index] ?? { width, count, usableMs: Number.NaN, goneMs: Number.NaN };
    return [
      width,
      count,
      perSecond(count, usableMs),
      perSecond(count, floor.usableMs),
      (usableMs / floor.usableMs).toFixed(1),
      perSecond(count, goneMs),
      perSecond(count, floor.goneMs),
      (goneMs / floor.goneMs).toFixed(1),
    ];
  });
  return {
    title: 'Grants per second',
    columns: ['at once', 'grants', 'to usable', 'floor', 'times the floor', 'to removed', 'floor', 'times the floor'],
    rows,
    notes: [
      `The most: ${best(found, 'usableMs')} to usable and ${best(found, 'goneMs')} to removed; the floor’s: ${best(floors, 'usableMs')} and ${best(floors, 'goneMs')}.`,
      'Usable: the account stands at the target and may log in. Removed: it is gone there. Both asked of the target, every 20 ms.',
      'Each of those who wait at once asks for the next when theirs is there. The grants pass without approval and are revoked by people.',
      'Floor: start to first empty activity, and signal to second empty activity, with a timer armed between; no API, no target, nothing sealed, one process.',
      crowd.waits,
      kept,
    ],
  };
}

function best(levels: Level[], span: 'usableMs' | 'goneMs'): string {
  const [most] = levels.toSorted((one, other) => other.count / other[span] - one.count / one[span]);
  return most ? `${perSecond(most.count, most[span])} with ${most.width} at once` : 'nothing';
}
