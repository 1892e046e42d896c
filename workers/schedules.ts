/** Keeps the schedules that Temporal runs for us: `reconcile/<target>` every minute, `reassess` every hour and after a change. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  WorkflowExecutionAlreadyStartedError,
  type Client,
  type ScheduleOptions,
} from '@temporalio/client';
import type { JwkSet, KeyWatch } from '../activities/platform/keys.js';
import type { Log } from '../activities/platform/log.js';
import type { PolicyWatch } from '../activities/policy/load.js';
import { digest } from '../workflows/domain/digest.js';
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

/**
 * Has every running grant look at who signed for it, once for each set of keys, so that a restart asks nobody again; `again` when
 * the set has just become this one: from the first grant on, since whoever was asked before may have looked at another.
 */
export async function reassessEveryone(client: Client, { keys }: JwkSet, again: boolean): Promise<void> {
  const pinned = keys
    .map(({ kid, x }) => ({ kid, x }))
    .sort((one, other) => (String(one.kid) < String(other.kid) ? -1 : 1));
  try {
    await client.workflow.start('reassess', {
      workflowId: `${reassessId}/keys-${digest({ pinned }).slice(0, 16)}`,
      taskQueue: decisionsQueue,
      args: [{ everyone: true }],
      workflowExecutionTimeout: '30m',
      workflowIdReusePolicy: again ? 'ALLOW_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
      workflowIdConflictPolicy: again ? 'TERMINATE_EXISTING' : 'FAIL',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
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

/**
 * Keeps them until `stop`, and has running grants asked after every change of policy or pinned keys; tries again for as long
 * as Temporal is away.
 */
export async function keepSchedules(
  client: Client,
  policy: Pick<PolicyWatch, 'current' | 'onChange'>,
  apiKeys: Pick<KeyWatch, 'current' | 'onChange'>,
  log: Log,
  stop: AbortSignal,
): Promise<void> {
  const changes = { policy: 0, keys: 0 };
  // Both may have changed while no worker was there to see it: the first round asks too.
  const asked = { policy: -1, keys: -1 };
  let wake = (): void => undefined;
  const noting = (what: keyof typeof changes) => () => {
    changes[what] += 1;
    wake();
  };
  const unsubscribe = [policy.onChange(noting('policy')), apiKeys.onChange(noting('keys'))];
  const isNew = (what: keyof typeof changes): boolean => changes[what] > asked[what];
  stop.addEventListener('abort', () => wake(), { once: true });
  while (!stop.aborted) {
    const seen = { ...changes };
    try {
      const targets = policy.current().targets();
      await client.withDeadline(Date.now() + answerMs, async () => {
        await ensureSchedules(
          client,
          targets.map(({ name }) => name),
        );
        if (isNew('policy')) await reassessNow(client);
        asked.policy = seen.policy;
        if (isNew('keys')) await reassessEveryone(client, apiKeys.current(), asked.keys >= 0);
        asked.keys = seen.keys;
      });
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (isNew('policy') || isNew('keys') || stop.aborted) resolve();
      });
    } catch (error) {
      if (stop.aborted) break;
      log.warn({ err: error, nextTryInMs: againMs }, 'schedules could not be kept');
      await sleep(againMs, undefined, { signal: stop }).catch(() => undefined);
    }
  }
  for (const end of unsubscribe) end();
}
