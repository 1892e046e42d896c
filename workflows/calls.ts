/** Every activity is bounded per attempt and in total, by class. Call sites name the class, never a time. */
import { proxyActivities } from '@temporalio/workflow';
import type { Changes, Judges, Reads, Tells, Undos } from '../activities/contract.js';
import { changeQueue, decisionsQueue, undoQueue } from './ids.js';

/** Quick questions. An hour in total, so that a restart of all workers denies nobody. */
export const read = proxyActivities<Reads>({
  taskQueue: decisionsQueue,
  startToCloseTimeout: '5s',
  scheduleToCloseTimeout: '1h',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '5s' },
});

/**
 * Signature and right of one decision: 2 s in total. No local activity: what a workflow's clock says when one is done differs
 * between a first run and its replay, and nothing narrowing would be taken while it runs.
 */
export const judge = proxyActivities<Judges>({
  taskQueue: decisionsQueue,
  startToCloseTimeout: '1s',
  scheduleToCloseTimeout: '2s',
  retry: { maximumAttempts: 2, initialInterval: '50ms' },
  // Somebody waits for the answer.
  priority: { priorityKey: 1 },
}).judge;

/** The connector's own limit. No answer within 3 s forbids what would pass automatically. */
export const ask = (target: string) =>
  proxyActivities<Pick<Changes, 'ceiling'>>({
    taskQueue: changeQueue(target),
    startToCloseTimeout: '3s',
    scheduleToCloseTimeout: '3s',
    retry: { maximumAttempts: 1 },
    // Answered from a file, and before what waits for the target: a burst must not cost anyone the automatic way.
    priority: { priorityKey: 1 },
  });

/** Makes or changes something at the target: an attempt that is lost with its worker is repeated after 10 s. */
export const change = (target: string) =>
  proxyActivities<Omit<Changes, 'ceiling'>>({
    taskQueue: changeQueue(target),
    startToCloseTimeout: '10s',
    scheduleToCloseTimeout: '5m',
    retry: { initialInterval: '250ms', backoffCoefficient: 2, maximumInterval: '15s' },
  });

const withoutEnd = {
  startToCloseTimeout: '10s',
  // So short that everything is gone 5 s after a target's return. How many come at once is the connector's to pace.
  retry: { initialInterval: '250ms', backoffCoefficient: 2, maximumInterval: '4s' },
} as const;

/** Removes and lists, on its own queue and without a total bound: removal never gives up. */
export const undo = (target: string) => proxyActivities<Undos>({ taskQueue: undoQueue(target), ...withoutEnd });

/** The same where nothing can stand: a flood of requests that are refused delays no removal. */
export const undoLater = (target: string) =>
  proxyActivities<Pick<Undos, 'remove'>>({ taskQueue: undoQueue(target), ...withoutEnd, priority: { priorityKey: 5 } });

/** Mail, live view and record. Never holds the story up; a closing grant waits up to a day for the last one. */
export const tell = proxyActivities<Tells>({
  taskQueue: decisionsQueue,
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '24h',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' },
});
