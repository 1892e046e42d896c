/** A thousand people are to lose their access at once: how fast it is gone at the target, beside what the target itself takes. */
import { openFloorTarget } from './target-floor.js';
import type { Bench } from './bench.js';
import { Crowd } from './crowd.js';
import { inParallel } from '../support/in-parallel.js';
import { mustBeKept } from './standing.js';
import { withStandingFloor } from './standing-floor.js';
import { ms, percentile, perSecond, type Table } from './table.js';
import { TargetWatch } from './target-watch.js';
import { cpuTable, usageOf } from './usage.js';

const goalPerSecond = 72;

export async function storm(bench: Bench): Promise<Table[]> {
  const [count = 1_000] = bench.counts;
  const crowd = new Crowd(bench);
  // They wait for each other: how late they are is what is measured.
  crowd.accepted.removalStartsWithinMs = 2_000 + count * 100;
  await crowd.signIn();
  const watch = new TargetWatch(bench.system, 20);
  try {
    bench.tell(`making ${count} grants`);
    const made: string[] = [];
    await inParallel(Array.from({ length: count }), 16, async () => {
      const id = await crowd.make(watch, 3_600);
      made.push(id);
    });
    bench.tell('revoking them all at once');
    const before = await usageOf(bench);
    const begun = Date.now();
    const gone = Promise.all(made.map(async (id) => (await watch.gone(id)) - begun));
    await Promise.all(made.map((id) => crowd.revoke(id)));
    const answeredMs = Date.now() - begun;
    const lateness = await gone;
    const lastMs = Math.max(...lateness);
    const cpu = cpuTable('Where the time goes', before, await usageOf(bench), count, lastMs);
    bench.tell(`${perSecond(count, lastMs)}; the floors`);
    const direct = await atTarget(bench, count);
    const workflows = await bare(bench, count);
    const kept = await mustBeKept(bench, crowd.accepted);
    return [
      {
        title: `${count} grants revoked at once`,
        columns: ['what', 'removals per second', 'p50', 'p99', 'the last'],
        rows: [
          row('Daypass: from the first revoke that is sent to the account gone', lateness),
          row('floor: the same SQL, on as many connections, without us', direct),
          row('floor: bare workflows signalled at once, to their second empty activity', workflows),
        ],
        notes: [
          `The API had answered the last revoke after ${ms(answeredMs)}. ${crowd.waits}`,
          `Goal: more than ${goalPerSecond} a second, where the floors are above that: ${verdict([lateness, direct, workflows])}.`,
          'Gone is what the target says, asked every 20 ms. A removal shuts the door first; the account is gone after that.',
          kept,
        ],
      },
      cpu,
    ];
  } finally {
    await watch.stop();
  }
}

function verdict(spans: number[][]): string {
  const [ours = 0, ...floors] = spans.map((each) => (each.length * 1_000) / Math.max(...each));
  const within = ours > goalPerSecond ? 'met' : 'missed';
  return Math.min(...floors) > goalPerSecond ? within : `${within}; the floors do not allow it`;
}

function row(what: string, spans: number[]): string[] {
  const last = Math.max(...spans);
  return [what, perSecond(spans.length, last), ms(percentile(spans, 0.5)), ms(percentile(spans, 0.99)), ms(last)];
}

/** Accounts made and removed by the connector's own SQL alone. */
async function atTarget({ system }: Bench, count: number): Promise<number[]> {
  const floor = await openFloorTarget(system);
  try {
    const ids = Array.from({ length: count }, () => floor.newId());
    await inParallel(ids, 10, async (id) => void (await floor.provision(id)));
    const begun = Date.now();
    const spans: number[] = [];
    await inParallel(ids, 20, async (id) => {
      await floor.remove(id);
      spans.push(Date.now() - begun);
    });
    return spans;
  } finally {
    await floor.close();
  }
}

async function bare({ system }: Bench, count: number): Promise<number[]> {
  const spans: number[] = [];
  await withStandingFloor(system, async (floor) => {
    const ids: string[] = [];
    await inParallel(Array.from({ length: count }), 16, async () => void ids.push(await floor.start(3_600)));
    const begun = Date.now();
    await Promise.all(ids.map((id) => floor.end(id).then(() => void spans.push(Date.now() - begun))));
  });
  return spans;
}
