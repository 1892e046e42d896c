/** The floor for many: workflows that stand and are ended on the same server, by a worker and a client of their own. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import '../../workers/threads.js';
import type { System } from '../support/system.js';
import { end, standing, type Phase } from './standing-floor-workflow.js';

const taskQueue = 'bench-standing';

export interface StandingFloor {
  /** Resolves with its id once its first activity has run. */
  start(seconds: number): Promise<string>;
  /** Resolves once its second activity has run. */
  end(id: string): Promise<void>;
}

export async function withStandingFloor(system: System, work: (floor: StandingFloor) => Promise<void>): Promise<void> {
  const { address, namespace } = system.engine;
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const waiting = new Map<string, () => void>();
  const reached = (phase: Phase, id: string): Promise<void> =>
    new Promise((resolve) => waiting.set(`${phase} ${id}`, resolve));
  const empty = async (phase: Phase): Promise<void> =>
    waiting.get(`${phase} ${Context.current().info.workflowExecution?.workflowId}`)?.();
  try {
    const { workflow } = new Client({ connection, namespace });
    const worker = await Worker.create({
      connection: native,
      namespace,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('./standing-floor-workflow.ts', import.meta.url)),
      activities: { empty },
    });
    const floor: StandingFloor = {
      start: async (seconds) => {
        const workflowId = `bench/standing/${randomUUID()}`;
        const usable = reached('usable', workflowId);
        await workflow.start(standing, { taskQueue, workflowId, args: [seconds] });
        await usable;
        return workflowId;
      },
      end: async (id) => {
        const gone = reached('gone', id);
        await workflow.getHandle(id).signal(end);
        await gone;
      },
    };
    await worker.runUntil(work(floor));
  } finally {
    await native.close();
    await connection.close();
  }
}
