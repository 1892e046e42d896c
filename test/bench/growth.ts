/** What one more grant costs, what silence costs, and what a look at everyone costs, while few and while many others sleep. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { reassessNow } from '../../workers/schedules.js';
import { grantWorkflowId, reassessId } from '../../workflows/ids.js';
import { inParallel } from '../support/in-parallel.js';
import { until } from '../support/until.js';
import type { Bench } from './bench.js';
import { costFloors, type CostFloors } from './cost-floors.js';
import type { Crowd } from './crowd.js';
import type { Table } from './table.js';
import type { TargetWatch } from './target-watch.js';
import { usageOf, type Usage } from './usage.js';

/** So many live a whole life while the others sleep, to see what one costs. */
const sample = 100;
/** So many of them at a time. */
const livesWidth = 4;
/** The goal for what one costs more while all sleep. */
const growthMost = 0.2;
export const sleepSeconds = 4 * 3_600;

const hourMs = 3_600_000;
/** A whole minute has one of everything that is done each minute. */
const idleMs = 60_000;
/** Everything that is measured at so many, the reads before included, takes less. */
const measuringMs = 360_000;
/** A pass of reassess looks at a hundred each second, and does so on the hour. */
const passMs = (sleeping: number): number => 30_000 + sleeping * 15;

export interface Cost {
  /** By process, in milliseconds: of one life, of one second in which nobody asks for anything, and of one pass of reassess. */
  life: Map<string, number>;
  idle: Map<string, number>;
  pass: Map<string, number>;
  floors: CostFloors;
  events: number;
  bytes: number;
}

/** The pass that comes on the hour is measured by itself: in a life or in a silent minute it would be taken for their cost. */
export async function clearOfTheHour({ tell }: Bench, sleeping: number): Promise<void> {
  const since = Date.now() % hourMs;
  const isNear = since >= hourMs - measuringMs;
  const waitMs = passMs(sleeping) - since + (isNear ? hourMs : 0);
  if (waitMs <= 0) return;
  tell(`waiting ${(waitMs / 1_000).toFixed(0)} s, until the pass of this hour is over`);
  await pause(waitMs);
}

export async function costOf(bench: Bench, crowd: Crowd, watch: TargetWatch, sleeping: number): Promise<Cost> {
  const { address, namespace } = bench.system.engine;
  const connection = await Connection.connect({ address });
  try {
    const before = await usageOf(bench);
    const ids = await lives(crowd, watch);
    const lived = await usageOf(bench);
    await pause(idleMs);
    const rested = await usageOf(bench);
    const floors = await costFloors(bench, sample, livesWidth);
    const floored = await usageOf(bench);
    await reassess(new Client({ connection, namespace }), sleeping);
    const passed = await usageOf(bench);
    let [events, bytes] = [0, 0];
    for (const id of ids) {
      await bench.system.as(bench.security).until(id, ({ state }) => state === 'REVOKED');
      const execution = { namespace, execution: { workflowId: grantWorkflowId(id) } };
      const { workflowExecutionInfo: info } = await connection.workflowService.describeWorkflowExecution(execution);
      events += Number(info?.historyLength) / sample;
      bytes += Number(info?.historySizeBytes) / sample;
    }
    return {
      life: spent(before, lived, sample),
      idle: spent(lived, rested, idleMs / 1_000),
      pass: spent(floored, passed, 1),
      floors,
      events,
      bytes,
    };
  } finally {
    await connection.close();
  }
}

export async function lives(crowd: Crowd, watch: TargetWatch): Promise<string[]> {
  const ids: string[] = [];
  await inParallel(Array.from({ length: sample }), livesWidth, async () => {
    const id = await crowd.make(watch, sleepSeconds);
    await crowd.revoke(id);
    await watch.gone(id);
    ids.push(id);
  });
  return ids;
}

/** One pass over everyone, from the order to its end. */
async function reassess(client: Client, sleeping: number): Promise<void> {
  const schedule = client.schedule.getHandle(reassessId);
  const { info: before } = await schedule.describe();
  await reassessNow(client);
  const isOver = async (): Promise<boolean> => {
    const { info } = await schedule.describe();
    return info.numActionsTaken > before.numActionsTaken && info.runningActions.length === 0;
  };
  await until(isOver, { withinMs: 2 * passMs(sleeping), everyMs: 1_000, what: 'the pass of reassess' });
}

/** Who measures is no part of the cost. */
function spent(before: Map<string, Usage>, after: Map<string, Usage>, share: number): Map<string, number> {
  const ours = [...after].filter(([name]) => name !== 'the benchmark itself');
  return new Map(ours.map(([name, { cpuMs }]) => [name, (cpuMs - (before.get(name)?.cpuMs ?? 0)) / share]));
}

export function growth(few: number, costFew: Cost, many: number, costMany: Cost): Table[] {
  const line = (what: string, one: number, other: number, digits: number): string[] => [
    what,
    one.toFixed(digits),
    other.toFixed(digits),
    `${((other / one - 1) * 100).toFixed(1)} %`,
  ];
  const goal = (one: number, other: number): string => (other <= one * (1 + growthMost) ? 'met' : 'missed');
  const sum = (all: Map<string, number>): number => [...all.values()].reduce((total, each) => total + each, 0);
  const byProcess = (what: 'life' | 'idle' | 'pass'): string[][] => {
    const [one, other] = [costFew[what], costMany[what]];
    return [
      line('ms of processor time, all parts', sum(one), sum(other), 1),
      ...[...one].map(([name, cpuMs]) => line(`… ${name}`, cpuMs, other.get(name) ?? Number.NaN, 1)),
    ];
  };
  const columns = ['cost', `while ${few} sleep`, `while ${many} sleep`, 'growth'];
  const floors = ({ floors: { workflow, target } }: Cost): number => workflow + target;
  const [all, allMany] = [sum(costFew.life), sum(costMany.life)];
  const [beyond, beyondMany] = [all - floors(costFew), allMany - floors(costMany)];
  return [
    {
      title: 'Cost of one grant, from the request to the proven removal',
      columns,
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
      columns,
      rows: byProcess('idle'),
      notes: ['Means of a minute, with one pass of reconcile and one seal in it, and none of reassess.'],
    },
    {
      title: 'Cost of one pass of reassess, which comes each hour',
      columns,
      rows: byProcess('pass'),
      notes: [
        'From the order to its end, a hundred grants a second; what else goes on each minute is in it. All stay eligible.',
      ],
    },
  ];
}
