/** The activities of the audit's own workflows, each bounded as in calls.ts. */
import { proxyActivities } from '@temporalio/workflow';
import type { Keys, Resumes, Seals } from '../activities/contract.js';
import { decisionsQueue } from './ids.js';

const retry = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' } as const;

/** Without an end: nothing can be chained before they are answered, and messages wait. */
export const resume = proxyActivities<Resumes>({ taskQueue: decisionsQueue, startToCloseTimeout: '30s', retry });

/** What could not be had in five minutes is asked for again when it is needed. */
export const ask = proxyActivities<Keys & Seals>({
  taskQueue: decisionsQueue,
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '5m',
  retry,
});
