/** Has the audit sealed: the workflow `seals` runs from the first start of a decisions worker on, and again if it is gone. */
import type { Client } from '@temporalio/client';
import type { Log } from '../activities/platform/log.js';
import { decisionsQueue, sealsId } from '../workflows/ids.js';
import { pause } from './run.js';

const every = 30_000;
const againMs = 2_000;
const answerMs = 5_000;

/** Until `stop`; tries again for as long as Temporal is away. Of many workers that ask, one starts it. */
export async function keepSealing(client: Client, log: Log, stop: AbortSignal): Promise<void> {
  let isKept = true;
  while (!stop.aborted) {
    try {
      await client.withDeadline(Date.now() + answerMs, () =>
        client.workflow.start('seals', {
          workflowId: sealsId,
          taskQueue: decisionsQueue,
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        }),
      );
      isKept = true;
    } catch (error) {
      if (stop.aborted) return;
      if (isKept) log.warn({ err: error }, 'the sealing of the audit could not be looked after; it is tried again');
      isKept = false;
    }
    await pause(isKept ? every : againMs, stop);
  }
}
