/** What reconcile works among, on the real Temporal: grants in any state, and targets with a connector that signs. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection, ScheduleNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Removed } from '../../activities/connectors/connector.js';
import type { Listing, StandingAccount, Stray, Undos } from '../../activities/contract.js';
import { signAs } from '../../activities/platform/jws.js';
import { createLog } from '../../activities/platform/log.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { createReconciles, type ReconcileDeps } from '../../activities/reconciles.js';
import { digest } from '../../workflows/domain/digest.js';
import { receiptType } from '../../workflows/domain/receipt.js';
import type { Request } from '../../workflows/domain/request.js';
import type { GrantState } from '../../workflows/domain/states.js';
import type { GrantView } from '../../workflows/domain/view.js';
import { decisionsQueue, grantWorkflowId, reassessId, reconcileWorkflowId, undoQueue } from '../../workflows/ids.js';
import type { Reconciled } from '../../workflows/reconcile.js';
import { standInBundle } from './bundle.js';
import { change } from './change.js';
import { Replayer } from './replayer.js';
import { temporal } from './services.js';
import { privateKey } from './signer.js';
import { until } from './until.js';
import { patience } from '../../workers/bundle.js';

const keys = { current: 'test', keys: { test: randomBytes(32) } };
const hour = 3_600_000;

export type ReconcileWorld = Awaited<ReturnType<typeof reconcileWorld>>;

/** With the decisions worker at work. */
export async function reconcileWorld() {
  const { address, namespace } = await temporal();
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'mark') });
  const bundle = await standInBundle();
  const replayer = new Replayer({ workflowBundle: bundle, dataConverter: dataConverter(keys) });
  const receiptKey = await privateKey('Ed25519');
  const workers: { worker: Worker; running: Promise<void> }[] = [];
  const started: WorkflowHandle[] = [];
  const targets: string[] = [];
  const reported: Stray[] = [];
  const ineligible = new Set<string>();
  /** Whose eligibility cannot be said when it is asked for next. */
  const unsure = new Set<string>();
  /** What somebody else on the queue `decisions` answers, by the name of the activity. */
  const answers = new Map<string, unknown>();

  const { kid = '', x = '' } = receiptKey;
  const deps = {
    client,
    notes: { stray: async () => undefined },
    notify: { stray: async (stray: Stray) => void reported.push(stray) },
    reads: {
      stillEligible: async ({ request: { grantId } }: { request: Request }) => {
        if (unsure.delete(grantId)) throw new Error('The policy is not there just now.');
        return { eligible: !ineligible.has(grantId), because: '', receiptKeys: [] };
      },
    },
    log: createLog('test', 'fatal'),
  } satisfies ReconcileDeps;
  const reconciles = createReconciles(deps);
  const believed = async () => ({ installation: 'test', api: [], receipts: [{ kid, x, targets }] });
  const activities = Object.entries({ ...reconciles, believed }).map(([name, activity]) => {
    const answer = async (input: never) => (answers.has(name) ? answers.get(name) : activity(input));
    return [name, answer] as const;
  });
  await work({
    taskQueue: decisionsQueue,
    workflowBundle: bundle,
    activities: Object.fromEntries<(input: never) => Promise<unknown>>(activities),
  });

  async function work(options: Omit<Parameters<typeof Worker.create>[0], 'connection'>): Promise<void> {
    const worker = await Worker.create({
      connection: native,
      namespace,
      dataConverter: dataConverter(keys),
      ...patience,
      ...options,
    });
    workers.push({ worker, running: worker.run() });
  }

  /** A target of its own for each test: accounts in memory, behind a real undo queue, with a connector that signs. */
  async function newTarget(over: Partial<Found> = {}, lying: Partial<Undos> = {}) {
    const name = `t-${randomUUID()}`;
    targets.push(name);
    const accounts = new Set<string>();
    const lists: number[] = [];
    const found: Found = {
      async list({ after = '' }) {
        const page = [...accounts].filter((id) => id > after).sort();
        lists.push(page.length);
        return page.slice(0, 100).map(standing);
      },
      async remove({ grantId }) {
        return removal(grantId, accounts.delete(grantId));
      },
      ...over,
    };
    const undos: Undos = {
      list: async (input) => listing(name, input.after ?? '', await found.list(input)),
      remove: async (input) => {
        const removed = await found.remove(input);
        const { remarks: _, ...said } = removed;
        return { ...removed, receipt: await sign({ kind: 'removed', target: name, ...said }) };
      },
      ...lying,
    };
    await work({ taskQueue: undoQueue(name), activities: { ...undos } });
    return { name, accounts, lists };
  }

  const sign = (said: object, key = receiptKey): Promise<string> =>
    signAs(receiptType, { installation: 'test', at: Date.now(), ...said }, key);

  async function listing(target: string, after: string, accounts: StandingAccount[], change = {}): Promise<Listing> {
    const page = { after, count: accounts.length, standingDigest: digest({ standing: accounts }) };
    return { standing: accounts, receipt: await sign({ kind: 'listed', target, ...page, ...change }) };
  }

  async function startGrant(target: string, state: GrantState, view: Partial<GrantView> = {}, sealedWith = client) {
    const { request, view: shown } = change({ view: { state, target, ...view } });
    const handle = await sealedWith.workflow.start('grant', {
      workflowId: grantWorkflowId(request.grantId),
      taskQueue: decisionsQueue,
      args: [shown],
      memo: { request, view: shown },
    });
    started.push(handle);
    return { handle, grantId: request.grantId };
  }

  /** One pass, as a schedule would start it, replayed when it is done. */
  async function pass(target: string): Promise<Reconciled> {
    const handle = await startPass(target);
    const result = await handle.result();
    const history = await handle.fetchHistory();
    await replayer.replay(history, handle.workflowId);
    return result;
  }

  const startPass = (target: string) =>
    client.workflow.start<() => Promise<Reconciled>>('reconcile', {
      workflowId: `${reconcileWorkflowId(target)}-2026-11-22T14:15:00Z`,
      taskQueue: decisionsQueue,
    });

  const signals = async (handle: WorkflowHandle): Promise<unknown> => (await handle.describe()).memo?.came;
  /** Until visibility shows so many grants running for a target, which each says itself in its first turn. */
  const listed = (target: string, count: number) =>
    until(
      async () => (await client.workflow.count(`Target = '${target}' AND ExecutionStatus = 'Running'`)).count >= count,
      {
        what: 'visibility',
      },
    );

  /** Until visibility shows none of these grants running. */
  const showsOver = (grantIds: string[]) => {
    const ids = grantIds.map((grantId) => `'${grantWorkflowId(grantId)}'`).join(', ');
    const query = `WorkflowId IN (${ids}) AND ExecutionStatus = 'Running'`;
    return until(async () => (await client.workflow.count(query)).count === 0, { what: 'visibility' });
  };

  /** During `work`: the ids of the workflows that are asked about themselves, and how many lists are read. */
  async function askedDuring(work: () => Promise<unknown>): Promise<{ described: string[]; lists: number }> {
    const service = connection.workflowService;
    const describe = service.describeWorkflowExecution.bind(service);
    const list = service.listWorkflowExecutions.bind(service);
    const asked = { described: Array<string>(), lists: 0 };
    service.describeWorkflowExecution = ((...[about, ...rest]: Parameters<typeof describe>) => {
      asked.described.push(about.execution?.workflowId ?? '');
      return describe(about, ...rest);
    }) as typeof describe;
    service.listWorkflowExecutions = ((...given: Parameters<typeof list>) => {
      asked.lists += 1;
      return list(...given);
    }) as typeof list;
    try {
      await work();
    } finally {
      service.describeWorkflowExecution = describe;
      service.listWorkflowExecutions = list;
    }
    return asked;
  }

  /** What the activities of reconcile do while visibility answers nothing. */
  function withoutLists() {
    const list = (): never => {
      throw new Error('Visibility is away.');
    };
    const workflow = Object.create(client.workflow, { list: { value: list } }) as Client['workflow'];
    return createReconciles({ ...deps, client: Object.create(client, { workflow: { value: workflow } }) as Client });
  }

  /** Nothing of one test stays for the next. */
  async function clear(): Promise<void> {
    await Promise.all(started.splice(0).map((handle) => handle.terminate('the test is over').catch(() => undefined)));
    reported.length = 0;
    ineligible.clear();
    unsure.clear();
    answers.clear();
  }

  async function stop(): Promise<void> {
    for (const { worker } of workers) worker.shutdown();
    await Promise.all(workers.map(({ running }) => running));
    await client.schedule.getHandle(reassessId).delete().catch(ignoreMissing);
    await replayer.close();
    await native.close();
    await connection.close();
  }

  return {
    client,
    connection,
    namespace,
    started,
    reported,
    ineligible,
    unsure,
    answers,
    newTarget,
    sign,
    listing,
    startGrant,
    pass,
    startPass,
    signals,
    listed,
    showsOver,
    askedDuring,
    withoutLists,
    clear,
    stop,
  };
}

/** What the connector finds and does; its receipts are signed around it. */
interface Found {
  list(input: { target: string; after?: string }): Promise<StandingAccount[]>;
  remove(input: { grantId: string; target: string }): Promise<Removed>;
}

export function standing(grantId: string) {
  return {
    grantId,
    account: `daypass_${grantId}`,
    endsAt: Date.now() + hour,
    evidenceDigest: 'd',
    targetIdentity: 't',
    signedBy: ['k'],
  };
}

export function removal(grantId: string, wasPresent: boolean) {
  const now = Date.now();
  return {
    grantId,
    account: `daypass_${grantId}`,
    removedAt: now,
    verifiedAt: now,
    wasPresent,
    sessionsEnded: 0,
    targetIdentity: 't',
    remarks: [],
  };
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof ScheduleNotFoundError)) throw error;
}
