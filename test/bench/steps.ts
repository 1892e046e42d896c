/** What happened between an approval and the first login, step by step: the grant's own history, and what was seen outside. */
import { Connection } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import type { System } from '../support/system.js';
import { grantWorkflowId } from '../../workflows/ids.js';
import type { Approved } from './one-grant.js';
import { ms, percentile, type Table } from './table.js';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** Milliseconds by name, in the order in which they came. */
export type Steps = [name: string, took: number][];

export async function stepsOf(system: System, { grantId, ...seen }: Approved): Promise<Steps> {
  return steps(await eventsOf(system, grantId), seen);
}

/** The instant at which it was decided that access is given: what provides it is in the history from then on. */
export async function decidedAt(system: System, grantId: string): Promise<number> {
  const events = await eventsOf(system, grantId);
  const provision = events.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'provision',
  );
  return provision ? instantOf(provision) : Number.NaN;
}

async function eventsOf({ engine }: System, grantId: string): Promise<HistoryEvent[]> {
  const connection = await Connection.connect({ address: engine.address });
  try {
    const { history } = await connection.workflowService.getWorkflowExecutionHistory({
      namespace: engine.namespace,
      execution: { workflowId: grantWorkflowId(grantId) },
    });
    return history?.events ?? [];
  } finally {
    await connection.close();
  }
}

function steps(events: HistoryEvent[], seen: Omit<Approved, 'grantId'>): Steps {
  const from = events.findIndex((event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'approve');
  const marks: [name: string, at: number][] = [];
  const scheduled = new Map<string, string>();
  let tasks = 0;
  // While the target is asked, the call that waits for the access comes in, in a workflow task that nothing waits for.
  let isBeside = false;
  const isAsked = (): boolean => [...scheduled.values()].includes('provision');
  const isMade = (): boolean => marks.some(([name]) => name === 'connectors: provision');
  for (const event of events.slice(from)) {
    const at = instantOf(event);
    const activity = (id: unknown): string | undefined => scheduled.get(String(id));
    if (event.workflowExecutionSignaledEventAttributes) {
      marks.push(['API: who asks, the grant as it is, signature, signal', at]);
    } else if (event.activityTaskScheduledEventAttributes) {
      const { activityType } = event.activityTaskScheduledEventAttributes;
      // Told beside the story: nobody waits for its answer.
      if (activityType?.name !== 'tell') scheduled.set(String(event.eventId), activityType?.name ?? '');
    } else if (event.workflowTaskStartedEventAttributes) {
      isBeside = isAsked() && !isMade();
      if (isBeside) continue;
      tasks += 1;
      marks.push([`Temporal: workflow task ${tasks} reaches the worker`, at]);
    } else if (event.workflowTaskCompletedEventAttributes) {
      if (isBeside) continue;
      marks.push([`decisions: workflow task ${tasks}`, at]);
      if (scheduled.size === 2 && isMade()) break;
    } else if (event.activityTaskStartedEventAttributes) {
      const name = activity(event.activityTaskStartedEventAttributes.scheduledEventId);
      if (name) marks.push([`Temporal: ${name} reaches its worker`, at]);
    } else if (event.activityTaskCompletedEventAttributes) {
      const name = activity(event.activityTaskCompletedEventAttributes.scheduledEventId);
      if (name) marks.push([`${name === 'provision' ? 'connectors' : 'decisions'}: ${name}`, at]);
    }
  }
  marks.push(['the answer to whoever waits for the credential', seen.collectedAt]);
  marks.push(['target: first login', seen.loggedInAt]);
  let before = seen.approvedAt;
  return marks.map(([name, at]) => {
    const took = at - before;
    before = at;
    return [name, took];
  });
}

function instantOf({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1_000 + Number(eventTime?.nanos ?? 0) / 1e6;
}

/** Of those that went the common way; a worker that was slow makes another. */
export function stepsTable(all: Steps[]): Table {
  const ways = new Map<string, Steps[]>();
  for (const one of all) {
    const way = one.map(([name]) => name).join();
    ways.set(way, [...(ways.get(way) ?? []), one]);
  }
  const [common = []] = [...ways.values()].toSorted((one, other) => other.length - one.length);
  const total = percentile(
    common.map((one) => one.reduce((sum, [, took]) => sum + took, 0)),
    0.5,
  );
  const names = (common[0] ?? []).map(([name]) => name);
  return {
    title: 'Where the time goes, from the approval to the first login',
    columns: ['step', 'p50', 'p95', 'share of the median'],
    rows: names.map((name, index) => {
      const took = common.map((one) => one[index]?.[1] ?? Number.NaN);
      const median = percentile(took, 0.5);
      return [name, ms(median), ms(percentile(took, 0.95)), `${((median / total) * 100).toFixed(0)} %`];
    }),
    notes: [
      `From the histories of the ${common.length} of ${all.length} grants that went this way, and from outside; ${ms(total)} in all at the median.`,
    ],
  };
}
