/**
 * Compares what stands at one target with what grants owe, and asks running grants whether they may go on.
 *
 * 1. An account stays only if its own grant owes it. A grant that is gone, by whatever way, owes nothing.
 * 2. Nothing is removed because a list of grants is late: lists only say whom to ask.
 * 3. What the target answers counts with its connector's receipt alone: without one, nothing is explained, missing or gone.
 * 4. One pass is bounded: what it could not do, the next one does. Schedules start them, one at a time for a target.
 */
import {
  ApplicationFailure,
  condition,
  log,
  proxyActivities,
  setCurrentDetails,
  sleep,
  TemporalFailure,
  workflowInfo,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { Keys, Listing, Reconciles, Removal, StandingAccount, Stray, Undos } from '../activities/contract.js';
import { grantIdsFrom, grantPageFrom, listingFrom, removalFrom, signalledFrom } from './answers.js';
import { digest } from './domain/digest.js';
import { readBelieved, type Believed } from './domain/note.js';
import type { Instant, Ms } from './domain/time.js';
import { claimed } from './domain/signature.js';
import { decisionsQueue, reconcileTarget, undoQueue } from './ids.js';
import { whyUnproved } from './receipts.js';

export interface Reconciled {
  standing: number;
  strays: number;
  missing: number;
}

const retry = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;
const bounds: ActivityOptions = { startToCloseTimeout: '20s', scheduleToCloseTimeout: '2m', retry };

const { believed, unexplained, expected, active, reportMissing, reportStray, reassessPage } = proxyActivities<
  Reconciles & Keys
>({
  ...bounds,
  taskQueue: decisionsQueue,
});

/** How many grants are asked in one activity. */
const batch = 100;
/** The server takes 2,000 activities of a workflow at a time, and a turn has to verify the receipts that came since the last. */
const strayRemovalsMax = 100;
/** Whoever can poll the queue may answer in the connector's place; it is asked again so often. */
const listTriesMax = 5;
/** An old list, kept by somebody, is none; clocks differ by less. */
const listAgeMs: Ms = 60_000;

/** One target, and whose receipts count there. */
interface Place {
  target: string;
  trusted: Believed;
}

/** The target is in the id that the schedule gave: a schedule starts without arguments. */
export function reconcile(): Promise<Reconciled> {
  return ending(pass);
}

async function pass(): Promise<Reconciled> {
  const target = reconcileTarget(workflowInfo().workflowId);
  if (target === undefined) {
    throw ApplicationFailure.nonRetryable('The id of a reconcile workflow is reconcile/<target>.', 'invalid');
  }
  const trusted = readBelieved(await believed.executeWithOptions({ summary: 'whose receipts count' }, []));
  if (trusted === undefined) throw ApplicationFailure.nonRetryable('No keys are pinned for receipts.', 'bad-receipt');
  const place: Place = { target, trusted };
  const standing = new Set<string>();
  const removals: Promise<boolean>[] = [];
  let underWay = 0;
  for await (const page of pages(place)) {
    for (const { grantId } of page.standing) standing.add(grantId);
    for (const stray of await unexplainedOf(target, page.standing)) {
      await condition(() => underWay < strayRemovalsMax);
      underWay += 1;
      removals.push(removeStray(place, stray, page.receipt).finally(() => (underWay -= 1)));
    }
  }
  const missing = await reportAllMissing(place, standing);
  const strays = (await Promise.all(removals)).filter(Boolean).length;
  const found = { standing: standing.size, strays, missing };
  setCurrentDetails(
    `At **${target}** stood ${found.standing} accounts; ${strays} that no grant explains, ${missing} missing.`,
  );
  return found;
}

/** What of ours stands at the target, in pages, so that no answer outgrows a payload. */
async function* pages(place: Place): AsyncGenerator<Listing> {
  let after = '';
  for (;;) {
    const page = await provedPage(place, after);
    const last = page.standing.map(({ grantId }) => grantId).at(-1);
    if (last === undefined) return;
    yield page;
    if (!(last > after)) return;
    after = last;
  }
}

async function provedPage({ target, trusted }: Place, after: string): Promise<Listing> {
  const { list } = onUndoQueue(target);
  let because: string | undefined;
  for (let tries = 0; tries < listTriesMax; tries += 1) {
    const askedAt = Date.now();
    const asked = await list.executeWithOptions({ summary: `list at ${target}` }, [{ target, after }]);
    const page = listed(asked);
    because = page ? whyUnlisted(page, after, askedAt, { target, trusted }) : 'It is no list.';
    if (page && because === undefined) return page;
    if (tries === 0) log.error('a list of what stands was not proved by its receipt', { target, because });
  }
  throw ApplicationFailure.nonRetryable(`Nobody proved what stands at ${target}: ${because}`, 'bad-receipt');
}

/** Any worker of the namespace may have answered; the connector is asked again. */
function listed(answer: unknown): Listing | undefined {
  try {
    return listingFrom(answer);
  } catch {
    return undefined;
  }
}

function whyUnlisted(
  { standing, receipt }: Listing,
  after: string,
  askedAt: Instant,
  { target, trusted }: Place,
): string | undefined {
  const { installation, receipts } = trusted;
  const page = { after, count: standing.length, standingDigest: digest({ standing }) };
  const because = whyUnproved({ receipt, says: { kind: 'listed', installation, target, ...page } }, receipts);
  if (because !== undefined) return because;
  const { at } = claimed(receipt);
  const isFresh = typeof at === 'number' && at > askedAt - listAgeMs && at < Date.now() + listAgeMs;
  return isFresh ? undefined : 'It was signed at another time, or the clocks of connector and Temporal differ.';
}

async function unexplainedOf(target: string, accounts: StandingAccount[]): Promise<StandingAccount[]> {
  const question = { target, pass: workflowInfo().runId, grantIds: accounts.map(({ grantId }) => grantId) };
  const answer = await unexplained.executeWithOptions({ summary: 'whose accounts are these' }, [question]);
  const found = new Set(grantIdsFrom(answer));
  return accounts.filter(({ grantId }) => found.has(grantId));
}

/** Was it a stray? Never rejects: one that resists must neither keep the others standing nor hide what is missing. */
async function removeStray(place: Place, { grantId, account }: StandingAccount, listed: string): Promise<boolean> {
  const { target } = place;
  const stray: Stray = { target, grantId, account, listed };
  try {
    const removal = await provedRemoval(place, grantId);
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

async function provedRemoval({ target, trusted }: Place, grantId: string): Promise<Removal> {
  const { remove } = onUndoQueue(target);
  const answer = await remove.executeWithOptions({ summary: `remove a stray at ${target}` }, [{ grantId, target }]);
  const { remarks: _, receipt, ...said } = removalFrom(answer);
  const claim = { receipt, says: { kind: 'removed', installation: trusted.installation, target, ...said, grantId } };
  const because = whyUnproved(claim, trusted.receipts);
  if (because === undefined) return removalFrom(answer);
  throw ApplicationFailure.nonRetryable(because, 'bad-receipt');
}

async function reportAllMissing(place: Place, standing: ReadonlySet<string>): Promise<number> {
  const { target } = place;
  const candidates: string[] = [];
  let page: string | undefined;
  do {
    const answer = grantPageFrom(
      await expected.executeWithOptions({ summary: 'who should stand' }, [
        { target, pass: workflowInfo().runId, page },
      ]),
    );
    candidates.push(...answer.grantIds.filter((grantId) => !standing.has(grantId)));
    page = answer.next;
  } while (page !== undefined);

  const suspects: string[] = [];
  for (let start = 0; start < candidates.length; start += batch) {
    const grantIds = candidates.slice(start, start + batch);
    suspects.push(...grantIdsFrom(await active.executeWithOptions({ summary: 'which are active' }, [{ grantIds }])));
  }
  if (suspects.length === 0) return 0;

  // A grant may have become active since the first look, so it must be missing in one that began after it was.
  const now = new Set<string>();
  for await (const page of pages(place)) for (const { grantId } of page.standing) now.add(grantId);
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

/**
 * After a change of the policy, and every hour: the grants whose subject is no longer eligible are told to look. After a change
 * of the pinned keys every one is (`everyone`), since each knows by itself who signed for it.
 */
export function reassess(input?: { everyone?: boolean }): Promise<{ signalled: number }> {
  return ending(() => askAll(input));
}

async function askAll(input?: { everyone?: boolean }): Promise<{ signalled: number }> {
  const everyone = input?.everyone === true;
  // A grant that was started just before shows in lists a moment later.
  await sleep('2s', { summary: 'let lists catch up' });
  let signalled = 0;
  let page: string | undefined;
  for (;;) {
    const answer = signalledFrom(
      // As long as the pass itself may take: nobody else asks these.
      await reassessPage.executeWithOptions({ summary: 'ask a page of grants', scheduleToCloseTimeout: '30m' }, [
        { page, everyone },
      ]),
    );
    signalled += answer.signalled;
    page = answer.next;
    if (page === undefined) break;
    // At most a hundred grants a second: nobody waits for this, and grants have better to do.
    await sleep('1s', { summary: 'leave room for others' });
  }
  return { signalled };
}

/** A plain error would repeat the turn until the pass times out, and keep the next pass from starting. */
async function ending<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TemporalFailure) throw error;
    const because = error instanceof Error ? error.message : String(error);
    throw ApplicationFailure.nonRetryable(`The pass could not go on: ${because}`, 'internal');
  }
}
