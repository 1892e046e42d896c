/** What it means that many grants sleep: to make them, to keep them, to read among them, to end many in one second, and all. */
import { setTimeout as pause } from 'node:timers/promises';
import { grantWorkflowId } from '../../workflows/ids.js';
import { Connection } from '@temporalio/client';
import type { Bench } from './bench.js';
import { costFloors, type CostFloors } from './cost-floors.js';
import { Crowd } from './crowd.js';
import { inParallel } from '../support/in-parallel.js';
import { endingTogether } from './ending-together.js';
import { measureReads, readsTable } from './reads.js';
import { mustBeKept } from './standing.js';
import { megabytes, ms, perSecond, type Table } from './table.js';
import { TargetWatch } from './target-watch.js';
import { usageOf, type Usage } from './usage.js';

/** How many people ask at once. */
const width = 16;
/** The first look is taken at this many. */
const few = 100;
/** So many live a whole life while the others sleep, to see what one costs. */
const sample = 100;
/** The goal for what one costs more while all sleep. */
const growthMost = 0.2;
/** So many of them at a time. */
const livesWidth = 4;
const sleepSeconds = 4 * 3_600;

interface Cost {
  /** By process, in milliseconds: of one life, and of one second in which nobody asks for anything. */
  life: Map<string, number>;
  idle: Map<string, number>;
  floors: CostFloors;
  events: number;
  bytes: number;
}

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
    const costFew = await costOf(bench, crowd, watch);
    const readsFew = await measureReads(bench, bench.engineers[0] ?? '');
    const atFew = await usageOf(bench);
    tell(`making ${count} in all`);
    const begun = performance.now();
    await upTo(count);
    const madeMs = performance.now() - begun;
    const atMany = await usageOf(bench);
    tell('reading, and the cost of one more');
    const readsMany = await measureReads(bench, bench.engineers[0] ?? '');
    const costMany = await costOf(bench, crowd, watch);
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
      ...growth(costFew, count, costMany),
    ];
  } finally {
    await watch.stop();
  }
}

/** A whole minute has one of everything that is done each minute. */
const idleMs = 60_000;

/** What a whole life costs, from the request to the proven removal, and what it costs that nothing happens. */
async function costOf(bench: Bench, crowd: Crowd, watch: TargetWatch): Promise<Cost> {
  const before = await usageOf(bench);
  const ids = await lives(crowd, watch);
  const after = await usageOf(bench);
  await pause(idleMs);
  const idle = await usageOf(bench);
  const floors = await costFloors(bench, sample, livesWidth);
  const { address, namespace } = bench.system.engine;
  const connection = await Connection.connect({ address });
  try {
    let [events, bytes] = [0, 0];
    for (const id of ids) {
      await bench.system.as(bench.security).until(id, ({ state }) => state === 'REVOKED');
      const execution = { namespace, execution: { workflowId: grantWorkflowId(id) } };
      const { workflowExecutionInfo: info } = await connection.workflowService.describeWorkflowExecution(execution);
      events += Number(info?.historyLength) / sample;
      bytes += Number(info?.historySizeBytes) / sample;
    }
    return { life: spent(before, after, sample), idle: spent(after, idle, idleMs / 1_000), floors, events, bytes };
  } finally {
    await connection.close();
  }
}

async function lives(crowd: Crowd, watch: TargetWatch): Promise<string[]> {
  const ids: string[] = [];
  await inParallel(Array.from({ length: sample }), livesWidth, async () => {
    const id = await crowd.make(watch, sleepSeconds);
    await crowd.revoke(id);
    await watch.gone(id);
    ids.push(id);
  });
  return ids;
}

/** Who measures is no part of the cost. */
function spent(before: Map<string, Usage>, after: Map<string, Usage>, share: number): Map<string, number> {
  const ours = [...after].filter(([name]) => name !== 'the benchmark itself');
  return new Map(ours.map(([name, { cpuMs }]) => [name, (cpuMs - (before.get(name)?.cpuMs ?? 0)) / share]));
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

function growth(costFew: Cost, many: number, costMany: Cost): Table[] {
  const line = (what: string, one: number, other: number, digits: number): string[] => [
    what,
    one.toFixed(digits),
    other.toFixed(digits),
    `${((other / one - 1) * 100).toFixed(1)} %`,
  ];
  const goal = (one: number, other: number): string => (other <= one * (1 + growthMost) ? 'met' : 'missed');
  const sum = (all: Map<string, number>): number => [...all.values()].reduce((total, each) => total + each, 0);
  const byProcess = (what: 'life' | 'idle'): string[][] => {
    const [one, other] = [costFew[what], costMany[what]];
    return [
      line('ms of processor time, all parts', sum(one), sum(other), 1),
      ...[...one].map(([name, cpuMs]) => line(`… ${name}`, cpuMs, other.get(name) ?? Number.NaN, 1)),
    ];
  };
  const columns = (what: string): string[] => [what, `while ${few} sleep`, `while ${many} sleep`, 'growth'];
  const floors = ({ floors: { workflow, target } }: Cost): number => workflow + target;
  const [all, allMany] = [sum(costFew.life), sum(costMany.life)];
  const [beyond, beyondMany] = [all - floors(costFew), allMany - floors(costMany)];
  return [
    {
      title: 'Cost of one grant, from the request to the proven removal',
      columns: columns('cost'),
      rows: [
        line('events', costFew.events, costMany.events, 1),
        line('bytes of history', costFew.bytes, costMany.bytes, 0),
        ...byProcess('life'),
        line('floor: a bare workflow, Temporal alone', costFew.floors.workflow, costMany.floors.workflow, 1),
        line('floor: the same SQL without us, PostgreSQL alone', costFew.floors.target, costMany.floors.target, 1),
        line('all parts without both floors', beyond, beyondMany, 1),
      ],
      notes: [
        `Means of ${sample} lives, ${livesWidth} at a time, while the others sleep. Who measures is not counted.`,
        'The floors live as often, as many at a time, right after that.',
        `Goal, within 20 %: events ${goal(costFew.events, costMany.events)}, bytes ${goal(costFew.bytes, costMany.bytes)}, processor time ${goal(all, allMany)}, and without both floors ${goal(beyond, beyondMany)}.`,
      ],
    },
    {
      title: 'Cost of a second in which nobody asks for anything',
      columns: columns('cost'),
      rows: byProcess('idle'),
      notes: ['Means of a minute, with one pass of reconcile and one seal in it.'],
    },
  ];
}

function seconds(spanMs: number): string {
  return spanMs < 10_000 ? ms(spanMs) : `${(spanMs / 1_000).toFixed(0)} s`;
}
