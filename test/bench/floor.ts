/** The floor of one grant, run by turns with the grants that are measured: on the same server, with workers and a client of its own. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import '../../workers/threads.js';
import type { System } from '../support/system.js';
import { until } from '../support/until.js';
import { clock } from './clock.js';
import { type Empty, end, floor, go, type Phase } from './floor-workflow.js';

/** In milliseconds; each is what the grant's span of the same name cannot do without. */
export interface FloorSpans {
  /** Start to two empty activities done at once, one on the workflow's own queue and one on another. */
  decision: number;
  /** Signal to two empty activities done one after the other, the first on the workflow's own queue, the second on another. */
  usable: number;
  /** Signal to one empty activity done on another queue. */
  removal: number;
  /** Timer due to one empty activity done on another queue. Comes a second later. */
  expiry: Promise<number>;
}

const queue = 'bench-floor';
const otherQueue = 'bench-floor-other';

/** Measures one. */
export type RunFloor = () => Promise<FloorSpans>;

export async function withFloor<T>({ engine }: System, work: (run: RunFloor) => Promise<T>): Promise<T> {
  const { address, namespace } = engine;
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const { activities, done } = phases();
  try {
    const { workflow } = new Client({ connection, namespace });
    const workflowsPath = fileURLToPath(new URL('./floor-workflow.ts', import.meta.url));
    const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
    const common = { connection: native, namespace, activities };
    const other = await Worker.create({ ...common, taskQueue: otherQueue });
    const own = await Worker.create({ ...common, taskQueue: queue, workflowBundle });
    const run = async (): Promise<FloorSpans> => {
      const workflowId = `bench/floor/${randomUUID()}`;
      const reached = (phase: Phase): Promise<number> => done(workflowId, phase);
      const asked = [reached('asked'), reached('asked')];
      const startedAt = clock();
      const handle = await workflow.start(floor, { taskQueue: queue, workflowId, args: [otherQueue] });
      const decision = Math.max(...(await Promise.all(asked))) - startedAt;

      await atRest(handle);
      const usable = reached('usable');
      const goneAt = clock();
      await handle.signal(go);
      const toUsable = (await usable) - goneAt;

      await atRest(handle);
      const removed = reached('removed');
      const expired = reached('expired');
      const endedAt = clock();
      await handle.signal(end);
      const removal = (await removed) - endedAt;
      const expiry = expired.then(async (at) => at - (await handle.result()));
      return { decision, usable: toUsable, removal, expiry };
    };
    return await other.runUntil(own.runUntil(work(run)));
  } finally {
    await native.close();
    await connection.close();
  }
}

/** Each signal comes while nothing is under way, as a person's does. */
async function atRest(handle: WorkflowHandle): Promise<void> {
  await until(
    async () => {
      const { raw } = await handle.describe();
      return raw.pendingWorkflowTask === null && raw.pendingActivities?.length === 0;
    },
    { everyMs: 5, what: 'the floor at rest' },
  );
}

/** The empty activity, and when it ran: the activities run in this very process. */
function phases(): { activities: Empty; done: (workflowId: string, phase: Phase) => Promise<number> } {
  const waiting: { key: string; resolve: (at: number) => void }[] = [];
  return {
    activities: {
      empty: (phase) => {
        const key = `${Context.current().info.workflowExecution?.workflowId} ${phase}`;
        const index = waiting.findIndex((one) => one.key === key);
        if (index >= 0) waiting.splice(index, 1)[0]?.resolve(clock());
        return Promise.resolve();
      },
    },
    done: (workflowId, phase) => new Promise((resolve) => waiting.push({ key: `${workflowId} ${phase}`, resolve })),
  };
}
