/** Keeps the schedules that Temporal runs for us: `reconcile/<target>` every minute, `reassess` every hour and after a change. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client, type ScheduleOptions } from '@temporalio/client';
import type { Log } from '../activities/platform/log.js';
import type { PolicyWatch } from '../activities/policy/load.js';
import { decisionsQueue, reassessId, reconcileWorkflowId } from '../workflows/ids.js';

/** Creates what is missing and renews the rest; a schedule that an operator paused stays paused. Repeating it changes nothing. */
export async function ensureSchedules(client: Client, targets: readonly string[]): Promise<void> {
  // After a pause of all workers one pass is enough, so nothing is caught up.
  await ensure(client, {
    ...scheduled('reassess', reassessId, '1h'),
    // A change during a pass needs a pass after it.
    policies: { overlap: ScheduleOverlapPolicy.BUFFER_ONE, catchupWindow: '1m' },
  });
  for (const target of targets) {
    await ensure(client, {
      ...scheduled('reconcile', reconcileWorkflowId(target), '1m'),
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
    });
  }
}

/** Starts a pass now, or after the one that is running. */
export async function reassessNow(client: Client): Promise<void> {
  await client.schedule.getHandle(reassessId).trigger(ScheduleOverlapPolicy.BUFFER_ONE);
}

/** Without arguments, since payloads of a schedule are sealed for another id than the one its runs have. */
function scheduled(type: string, workflowId: string, every: '1m' | '1h') {
  return {
    scheduleId: workflowId,
    spec: { intervals: [{ every }] },
    action: {
      type: 'startWorkflow',
      workflowType: type,
      workflowId,
      taskQueue: decisionsQueue,
      workflowExecutionTimeout: '30m',
    },
  } satisfies ScheduleOptions;
}

async function ensure(client: Client, options: ScheduleOptions): Promise<void> {
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { spec, action, policies } = options;
    await client.schedule.getHandle(options.scheduleId).update(({ state }) => ({ spec, action, policies, state }));
  }
}

/** Also the longest that the end of the process waits for this. */
const answerMs = 5_000;
const againMs = 2_000;

/** Keeps them until `stop`, and has running grants asked after every change; tries again for as long as Temporal is away. */
export async function keepSchedules(
  client: Client,
  policy: Pick<PolicyWatch, 'current' | 'onChange'>,
  log: Log,
  stop: AbortSignal,
): Promise<void> {
  let changes = 0;
  // The policy may have changed while no worker was there to see it: the first round asks too.
  let asked = -1;
  let wake = (): void => undefined;
  const unsubscribe = policy.onChange(() => {
    changes += 1;
    wake();
  });
  stop.addEventListener('abort', () => wake(), { once: true });
  while (!stop.aborted) {
    const seen = changes;
    try {
      const targets = policy.current().targets();
      await client.withDeadline(Date.now() + answerMs, async () => {
        await ensureSchedules(
          client,
          targets.map(({ name }) => name),
        );
        if (seen > asked) await reassessNow(client);
      });
      asked = seen;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (changes > seen || stop.aborted) resolve();
      });
    } catch (error) {
      if (stop.aborted) break;
      log.warn({ err: error, nextTryInMs: againMs }, 'schedules could not be kept');
      await sleep(againMs, undefined, { signal: stop }).catch(() => undefined);
    }
  }
  unsubscribe();
}
