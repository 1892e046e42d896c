/** What a grant costs by the shape of its life; what one that sleeps costs a worker; and how long each process takes to start. */
import { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { Redis } from 'ioredis';
import { grantWorkflowId } from '../../workflows/ids.js';
import { until } from '../support/until.js';
import type { Bench } from './bench.js';
import { Crowd } from './crowd.js';
import { inParallel } from '../support/in-parallel.js';
import { shapes } from './shapes.js';
import { withStandingFloor } from './standing-floor.js';
import { mustBeKept } from './standing.js';
import { megabytes, ms, percentile, type Table } from './table.js';
import { TargetWatch } from './target-watch.js';
import { usageOf } from './usage.js';

/** `cost [sleeping grants]`. */
export async function cost(bench: Bench): Promise<Table[]> {
  const [sleeping = 400] = bench.counts;
  return [await byShape(bench), await asleep(bench, sleeping), await startUps(bench)];
}

async function byShape(bench: Bench): Promise<Table> {
  const { engine } = bench.system;
  const redis = new Redis(bench.system.redis.url);
  const connection = await Connection.connect({ address: engine.address });
  try {
    const [, firstShape] = shapes[0] ?? [];
    await firstShape?.(bench);
    const rows: Table['rows'] = [];
    const lived = async (name: string, live: () => Promise<string>): Promise<void> => {
      bench.tell(name);
      const before = await commandsOf(redis);
      const workflowId = await live();
      const history = await closedHistory(connection, engine.namespace, workflowId);
      // The reading itself is one command.
      const commands = (await commandsOf(redis)) - before - 1;
      rows.push([name, ...history, commands]);
    };
    for (const [name, live] of shapes) await lived(name, async () => grantWorkflowId(await live(bench)));
    await withStandingFloor(bench.system, async (floor) => {
      await lived('floor: a bare workflow with a signal, two empty activities and a timer', async () => {
        const workflowId = await floor.start(600);
        await floor.end(workflowId);
        return workflowId;
      });
    });
    return {
      title: 'Cost of one grant, by the shape of its life',
      columns: ['shape', 'events', 'bytes of history', 'activities', 'workflow tasks', 'Redis commands'],
      rows,
      notes: [
        'From the closed workflow’s own history. Redis commands are all that the server counted meanwhile: the API’s limits and sign-outs for each call that people made, the live news and the stream of records.',
      ],
    };
  } finally {
    redis.disconnect();
    await connection.close();
  }
}

async function commandsOf(redis: Redis): Promise<number> {
  const found = /total_commands_processed:(\d+)/.exec(await redis.info('stats'));
  return Number(found?.[1]);
}

/** Events, bytes, activities, workflow tasks. */
async function closedHistory(connection: Connection, namespace: string, workflowId: string): Promise<number[]> {
  const execution = { workflowId };
  const { workflowService } = connection;
  const info = await until(
    async () => {
      const { workflowExecutionInfo } = await workflowService.describeWorkflowExecution({ namespace, execution });
      const { WORKFLOW_EXECUTION_STATUS_COMPLETED: closed } = proto.temporal.api.enums.v1.WorkflowExecutionStatus;
      return workflowExecutionInfo?.status === closed ? workflowExecutionInfo : undefined;
    },
    { withinMs: 30_000, what: `${workflowId} closed` },
  );
  const { history } = await workflowService.getWorkflowExecutionHistory({ namespace, execution });
  const events = history?.events ?? [];
  return [
    Number(info.historyLength),
    Number(info.historySizeBytes),
    events.filter((event) => event.activityTaskScheduledEventAttributes).length,
    events.filter((event) => event.workflowTaskCompletedEventAttributes).length,
  ];
}

/** Memory of a worker with and without grants in its cache: read before, with them, and each as resident pages. */
async function asleep(bench: Bench, count: number): Promise<Table> {
  const crowd = new Crowd(bench);
  await crowd.signIn();
  const watch = new TargetWatch(bench.system, 50);
  try {
    const before = await usageOf(bench);
    bench.tell(`${count} grants that sleep`);
    await inParallel(Array.from({ length: count }), 8, async () => void (await crowd.make(watch, 3_600)));
    const after = await usageOf(bench);
    await inParallel(crowd.accepted.grants, 16, async ({ grantId }) => crowd.revoke(grantId));
    const kept = await mustBeKept(bench, crowd.accepted);
    const names = ['decisions', 'connectors', 'API', 'Temporal'];
    return {
      title: `Memory per grant that sleeps, over ${count}`,
      columns: ['process', 'before', 'with them', 'per grant'],
      rows: names.map((name) => {
        const [then = 0, now = 0] = [before, after].map((usage) => usage.get(name)?.memory);
        return [name, megabytes(then), megabytes(now), `${((now - then) / count / 1_024).toFixed(0)} KiB`];
      }),
      notes: [
        'Resident memory as the system counts it, garbage included: the most that a grant costs. The decisions worker holds every one of them in its cache of workflows.',
        `${crowd.waits} ${kept}`,
      ],
    };
  } finally {
    await watch.stop();
  }
}

const starts = 5;

async function startUps({ system, tell }: Bench): Promise<Table> {
  const rows: Table['rows'] = [];
  for (const each of [system.api, system.decisions, system.connectors]) {
    const took: number[] = [];
    for (let start = 0; start < starts; start += 1) {
      await each.stop();
      const begunAt = performance.now();
      await each.start();
      took.push(performance.now() - begunAt);
    }
    tell(`${each.name} started ${starts} times`);
    rows.push([each.name, ms(percentile(took, 0.5)), ms(Math.max(...took))]);
  }
  return {
    title: 'Start-up, from the command to ready',
    columns: ['process', 'p50', 'max'],
    rows,
    notes: [
      `${starts} starts each, from TypeScript sources through tsx; the workflow bundle is built ahead, as in production. Ready is seen within 100 ms.`,
    ],
  };
}
