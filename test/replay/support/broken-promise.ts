/** What to tell whoever changed a workflow so that a history no longer replays: which promise broke, where, and the way out. */
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import type { Stored } from '../stored.js';
import { patience } from '../../../workers/bundle.js';

/** The sentence about each history that breaks under this bundle, in their order; undefined for those that replay. */
export async function brokenPromises(
  workflowBundle: WorkflowBundleOption,
  stored: Stored[],
): Promise<(string | undefined)[]> {
  const found = new Map<Stored, string>();
  for (const dataConverter of new Set(stored.map((each) => each.dataConverter))) {
    const these = stored.filter((each) => each.dataConverter === dataConverter);
    let at = 0;
    for await (const { error } of Worker.runReplayHistories({ workflowBundle, dataConverter, ...patience }, these)) {
      const each = these[at++];
      if (each && error) found.set(each, brokenPromise(each, error));
    }
    if (at !== these.length) throw new Error(`Only ${at} of ${these.length} histories were replayed.`);
  }
  return stored.map((each) => found.get(each));
}

function brokenPromise({ version, name, workflowId, history }: Stored, { message }: Error): string {
  const events = history.events ?? [];
  const type = events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? workflowId;
  // Core says it in the middle of a nested dump.
  const because = /Nondeterminism error: ([^"]+)/.exec(message)?.[1] ?? message;
  return `${version}/${name} no longer replays${whereOf(because, events)}: ${because}
The promise: a \`${type}\` that ${version} started goes on under today's code, and what it owes is removed. Such runs would hang now.
What to do: put the change behind \`if (patched('<date of today>-<what>'))\` of @temporalio/workflow, and keep the old branch
for as long as test/replay/histories/${version} is there. That folder goes when nothing that ${version} started can be live
or looked at any more: after its longest grant and 90 days of retention. Then \`patched\` becomes \`deprecatePatch\`.
Only while nobody runs ${version} yet may its folder be deleted and recorded anew (npm run histories:record).`;
}

/** At which event, where Temporal says so: mostly by its number, else by what it was for. */
function whereOf(because: string, events: NonNullable<Stored['history']['events']>): string {
  const [, id] = /HistoryEvent\(id: (\d+)/.exec(because) ?? [];
  const [, activity] = /scheduled event '(\w+)'/.exec(because) ?? [];
  const at = events.find(
    ({ eventId, activityTaskScheduledEventAttributes: scheduled }) =>
      String(eventId) === id || (activity !== undefined && scheduled?.activityType?.name === activity),
  );
  return at ? ` from event ${String(at.eventId)} on` : '';
}
