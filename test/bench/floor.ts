/** Measures the floor on the same server in the same run: spans in milliseconds, one of each per workflow. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { floor, go } from './floor-workflow.js';

export interface FloorSpans {
  startToFirst: number[];
  signalToFirst: number[];
  signalToSecond: number[];
  timerLateness: number[];
}

const taskQueue = 'bench-floor';

export async function measureFloor(at: { address: string; namespace: string }, count: number): Promise<FloorSpans> {
  const { address, namespace } = at;
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  try {
    const client = new Client({ connection, namespace });
    const worker = await Worker.create({
      connection: native,
      namespace,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('./floor-workflow.ts', import.meta.url)),
      activities: { empty: async () => Date.now() },
    });
    return await worker.runUntil(spans(client, count));
  } finally {
    await native.close();
    await connection.close();
  }
}

async function spans(client: Client, count: number): Promise<FloorSpans> {
  const found: FloorSpans = { startToFirst: [], signalToFirst: [], signalToSecond: [], timerLateness: [] };
  const warmUp = 5;
  for (let run = -warmUp; run < count; run += 1) {
    const startedAt = Date.now();
    const handle = await client.workflow.start(floor, { taskQueue, workflowId: `bench/floor/${randomUUID()}` });
    // The signal must come after the first activity, or the spans overlap.
    while ((await handle.describe()).historyLength < 10);
    const signalledAt = Date.now();
    await handle.signal(go);
    const times = await handle.result();
    if (run < 0) continue;
    found.startToFirst.push(times.started - startedAt);
    found.signalToFirst.push(times.first - signalledAt);
    found.signalToSecond.push(times.second - signalledAt);
    found.timerLateness.push(times.timerStruck - times.timerDue);
  }
  return found;
}
