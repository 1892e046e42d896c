/**
 * Compares what stands at one target with what grants owe, and asks running grants whether they may go on.
 *
 * 1. An account stays only if its own grant owes it. A grant that is gone, by whatever way, owes nothing.
 * 2. Nothing is removed because a list of grants is late: lists only say whom to ask.
 * 3. One pass is bounded: what it could not do, the next one does. Schedules start them, one at a time for a target.
 */
import {
  ApplicationFailure,
  log,
  proxyActivities,
  setCurrentDetails,
  sleep,
  workflowInfo,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { Reconciles, StandingAccount, Stray, Undos } from '../activities/contract.js';
import { decisionsQueue, reconcileTarget, undoQueue } from './ids.js';

export interface Reconciled {
  standing: number;
  strays: number;
  missing: number;
}

const retry = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;
const bounds: ActivityOptions = { startToCloseTimeout: '20s', scheduleToCloseTimeout: '2m', retry };

const { unexplained, expected, active, reportMissing, reportStray, reassessPage } = proxyActivities<Reconciles>({
  ...bounds,
  taskQueue: decisionsQueue,
});

/** How many grants are asked in one activity. */
const batch = 100;

/** The target is in the id that the schedule gave: a schedule starts without arguments. */
export async function reconcile(): Promise<Reconciled> {
  const target = reconcileTarget(workflowInfo().workflowId);
  if (target === undefined) {
    throw ApplicationFailure.nonRetryable('The id of a reconcile workflow is reconcile/<target>.', 'invalid');
  }
  const standing = new Set<string>();
  const removals: Promise<boolean>[] = [];
  for await (const page of pages(target)) {
    for (const { grantId } of page) standing.add(grantId);
    for (const stray of await unexplainedOf(page)) removals.push(removeStray(target, stray));
  }
  const missing = await reportAllMissing(target, standing);
  const strays = (await Promise.all(removals)).filter(Boolean).length;
  const found = { standing: standing.size, strays, missing };
  setCurrentDetails(
    `At **${target}** stood ${found.standing} accounts; ${strays} that no grant explains, ${missing} missing.`,
  );
  return found;
}

/** What of ours stands at the target, in pages, so that no answer outgrows a payload. */
async function* pages(target: string): AsyncGenerator<StandingAccount[]> {
  const { list } = onUndoQueue(target);
  let after: string | undefined;
  for (;;) {
    const answer = await list.executeWithOptions({ summary: `list at ${target}` }, [{ target, after }]);
    const page = after === undefined ? answer : answer.filter(({ grantId }) => grantId > (after ?? ''));
    const last = page
      .map(({ grantId }) => grantId)
      .sort()
      .at(-1);
    if (last === undefined) return;
    yield page;
    after = last;
  }
}

async function unexplainedOf(accounts: StandingAccount[]): Promise<StandingAccount[]> {
  const grantIds = accounts.map(({ grantId }) => grantId);
  const found = new Set(await unexplained.executeWithOptions({ summary: 'whose accounts are these' }, [{ grantIds }]));
  return accounts.filter(({ grantId }) => found.has(grantId));
}

/** Was it a stray? Never rejects: one that resists must neither keep the others standing nor hide what is missing. */
async function removeStray(target: string, { grantId, account }: StandingAccount): Promise<boolean> {
  const stray: Stray = { target, grantId, account };
  try {
    const { remove } = onUndoQueue(target);
    const removal = await remove.executeWithOptions({ summary: `remove a stray at ${target}` }, [{ grantId, target }]);
    // The grant itself, or the sweep, was quicker: then it was no stray.
    if (!removal.wasPresent) return false;
    stray.removal = removal;
  } catch (error) {
    log.error('a stray could not be removed; the next pass tries again', { target, grantId, error });
  }
  try {
    await reportStray.executeWithOptions({ summary: 'report the stray' }, [stray]);
  } catch (error) {
    // The first attempt has written the log and the metric; the next pass must not wait for a mail server.
    log.error('a stray was not reported to all', { target, grantId, error });
  }
  return true;
}

async function reportAllMissing(target: string, standing: ReadonlySet<string>): Promise<number> {
  const candidates: string[] = [];
  let page: string | undefined;
  do {
    const answer = await expected.executeWithOptions({ summary: 'who should stand' }, [{ target, page }]);
    candidates.push(...answer.grantIds.filter((grantId) => !standing.has(grantId)));
    page = answer.next;
  } while (page !== undefined);

  const suspects: string[] = [];
  for (let start = 0; start < candidates.length; start += batch) {
    const grantIds = candidates.slice(start, start + batch);
    suspects.push(...(await active.executeWithOptions({ summary: 'which are active' }, [{ grantIds }])));
  }
  if (suspects.length === 0) return 0;

  // A grant may have become active since the first look, so it must be missing in one that began after it was.
  const now = new Set<string>();
  for await (const accounts of pages(target)) for (const { grantId } of accounts) now.add(grantId);
  const missing = suspects.filter((grantId) => !now.has(grantId));
  for (const grantId of missing) {
    await reportMissing.executeWithOptions({ summary: 'report a missing account' }, [{ grantId }]);
  }
  return missing.length;
}

/** Behind the removals that grants ask for themselves, which have the usual priority of 3. */
function onUndoQueue(target: string) {
  return proxyActivities<Undos>({ ...bounds, taskQueue: undoQueue(target), priority: { priorityKey: 4 } });
}

/** After a change of the policy, and every hour: the grants whose subject is no longer eligible are told to look. */
export async function reassess(): Promise<{ signalled: number }> {
  // A grant that was started just before shows in lists a moment later.
  await sleep('2s', { summary: 'let lists catch up' });
  let signalled = 0;
  let page: string | undefined;
  for (;;) {
    const answer = await reassessPage.executeWithOptions({ summary: 'ask a page of grants' }, [{ page }]);
    signalled += answer.signalled;
    page = answer.next;
    if (page === undefined) break;
    // At most a hundred grants a second: nobody waits for this, and grants have better to do.
    await sleep('1s', { summary: 'leave room for others' });
  }
  return { signalled };
}
