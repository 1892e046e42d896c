/**
 * Reconcile on the real Temporal: an account stays only if its own grant owes it, whatever became of that grant, and only what
 * the connector signed says what stands.
 */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from '@temporalio/common';
import { Client, Connection, ScheduleNotFoundError, type WorkflowHandle } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { Removed } from '../../activities/connectors/connector.js';
import type { Listing, StandingAccount, Stray, Undos } from '../../activities/contract.js';
import { signAs } from '../../activities/platform/jws.js';
import type { PrivateJwk } from '../../activities/platform/keys.js';
import { createLog } from '../../activities/platform/log.js';
import { dataConverter, failureConverterPath } from '../../activities/platform/temporal.js';
import { createReconciles } from '../../activities/reconciles.js';
import { ensureSchedules, reassessEveryone, reassessNow } from '../../workers/schedules.js';
import { digest } from '../../workflows/domain/digest.js';
import { receiptType } from '../../workflows/domain/receipt.js';
import type { GrantState } from '../../workflows/domain/states.js';
import { grantStates } from '../../workflows/domain/states.js';
import type { GrantView } from '../../workflows/domain/view.js';
import {
  decisionsQueue,
  grantIdFrom,
  grantWorkflowId,
  reassessId,
  reconcileWorkflowId,
  undoQueue,
} from '../../workflows/ids.js';
import type { Reconciled } from '../../workflows/reconcile.js';
// Quiet workers.
import '../support/bundle.js';
import { change } from '../support/change.js';
import { temporal } from '../support/services.js';
import { privateKey } from '../support/signer.js';
import { until } from '../support/until.js';

const workflowsPath = fileURLToPath(new URL('../support/workflows/reconciled.ts', import.meta.url));
const keys = { current: 'test', keys: { test: randomBytes(32) } };
const otherKeys = { current: 'other', keys: { other: randomBytes(32) } };
const hour = 3_600_000;

describe('reconcile', function () {
  this.timeout(90_000);
  let client: Client;
  let connection: Connection;
  let native: NativeConnection;
  let namespace: string;
  let bundle: WorkflowBundleWithSourceMap;
  const workers: { worker: Worker; running: Promise<void> }[] = [];
  const reported: Stray[] = [];
  const ineligible = new Set<string>();
  const targets: string[] = [];
  let receiptKey: PrivateJwk;

  before(async () => {
    const server = await temporal();
    namespace = server.namespace;
    connection = await Connection.connect({ address: server.address });
    native = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'mark') });
    bundle = await bundleWorkflowCode({ workflowsPath, failureConverterPath, logger: new DefaultLogger('WARN') });
    receiptKey = await privateKey('Ed25519');
    const { kid = '', x = '' } = receiptKey;
    const reconciles = createReconciles({
      client,
      notes: { stray: async () => undefined },
      notify: { stray: async (stray) => void reported.push(stray) },
      reads: {
        stillEligible: async ({ request }) => ({
          eligible: !ineligible.has(request.grantId),
          because: '',
          receiptKeys: [],
        }),
      },
      log: createLog('test', 'fatal'),
    });
    const believed = async () => ({ installation: 'test', api: [], receipts: [{ kid, x, targets }] });
    const activities = { ...reconciles, believed };
    await work({ taskQueue: decisionsQueue, workflowBundle: bundle, activities });
  });

  beforeEach(() => {
    reported.length = 0;
    ineligible.clear();
  });

  after(async () => {
    for (const { worker } of workers) worker.shutdown();
    await Promise.all(workers.map(({ running }) => running));
    await client.schedule.getHandle(reassessId).delete().catch(ignoreMissing);
    await native.close();
    await connection.close();
  });

  async function work(options: Omit<Parameters<typeof Worker.create>[0], 'connection'>): Promise<void> {
    const worker = await Worker.create({
      connection: native,
      namespace,
      dataConverter: dataConverter(keys),
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

  const started: WorkflowHandle[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((handle) => handle.terminate('the test is over').catch(() => undefined)));
  });

  /** One pass, as a schedule would start it, replayed when it is done. */
  async function pass(target: string): Promise<Reconciled> {
    const handle = await startPass(target);
    const result = await handle.result();
    const history = await handle.fetchHistory();
    const options = { workflowBundle: bundle, dataConverter: dataConverter(keys) };
    await Worker.runReplayHistory(options, history, handle.workflowId);
    return result;
  }

  const startPass = (target: string) =>
    client.workflow.start<() => Promise<Reconciled>>('reconcile', {
      workflowId: `${reconcileWorkflowId(target)}-2026-11-22T14:15:00Z`,
      taskQueue: decisionsQueue,
    });

  const signals = async (handle: WorkflowHandle): Promise<unknown> => (await handle.describe()).memo?.came;
  const listed = (target: string, count: number) =>
    until(
      async () => (await client.workflow.count(`Target = '${target}' AND ExecutionStatus = 'Running'`)).count >= count,
      {
        what: 'visibility',
      },
    );

  it('leaves the account of every grant that owes it, and removes all others', async () => {
    const target = await newTarget();
    const kept: string[] = [];
    for (const state of grantStates) {
      const { grantId } = await startGrant(target.name, state);
      target.accounts.add(grantId);
      if (['ACTIVATING', 'ACTIVE', 'REVOKING', 'WITHDRAWING'].includes(state)) kept.push(grantId);
    }
    const { strays } = await pass(target.name);
    assert.equal(strays, grantStates.length - 4);
    assert.deepEqual([...target.accounts].sort(), kept.sort());
  });

  it('removes the account of a grant that was terminated, cancelled, or never existed, and reports it', async () => {
    const target = await newTarget();
    const terminated = await startGrant(target.name, 'ACTIVE');
    await terminated.handle.terminate('by hand');
    const cancelled = await startGrant(target.name, 'ACTIVE');
    await cancelled.handle.cancel();
    await assert.rejects(cancelled.handle.result());
    const never = grantIdFrom(randomBytes(17));
    const all = [terminated.grantId, cancelled.grantId, never];
    for (const grantId of all) target.accounts.add(grantId);
    assert.deepEqual(await pass(target.name), { standing: 3, strays: 3, missing: 0 });
    assert.equal(target.accounts.size, 0);
    assert.deepEqual(reported.map(({ grantId }) => grantId).sort(), all.sort());
    assert.ok(reported.every(({ removal: gone, target: name }) => gone?.wasPresent === true && name === target.name));
  });

  it('is not fooled by another kind of workflow under the id of a grant', async () => {
    const target = await newTarget();
    const grantId = grantIdFrom(randomBytes(17));
    const { view } = change({ view: { state: 'ACTIVE', grantId, target: target.name } });
    const options = { workflowId: grantWorkflowId(grantId), taskQueue: 'nobody', args: [], memo: { view } };
    started.push(await client.workflow.start('something', options));
    target.accounts.add(grantId);
    assert.equal((await pass(target.name)).strays, 1);
  });

  // Taking away what cannot be read would end everybody's access when one process has an old key ring.
  it('leaves an account whose grant it cannot read, and goes on with the others', async () => {
    const target = await newTarget();
    const foreign = new Client({ connection, namespace, dataConverter: dataConverter(otherKeys) });
    const unreadable = await startGrant(target.name, 'ENDED', {}, foreign);
    const gone = grantIdFrom(randomBytes(17));
    target.accounts.add(unreadable.grantId).add(gone);
    assert.equal((await pass(target.name)).strays, 1);
    assert.deepEqual([...target.accounts], [unreadable.grantId]);
  });

  it('believes no memo that was not sealed for this very grant, and no grant that has shown nothing yet', async () => {
    const target = await newTarget();
    const plain = new Client({ connection, namespace });
    const grantId = grantIdFrom(randomBytes(17));
    const { view } = change({ view: { state: 'ACTIVE', grantId, target: target.name } });
    const options = { taskQueue: 'nobody', args: [] };
    const forged = { ...options, workflowId: grantWorkflowId(grantId), memo: { view } };
    started.push(await plain.workflow.start('grant', forged));
    const young = grantIdFrom(randomBytes(17));
    started.push(await client.workflow.start('grant', { ...options, workflowId: grantWorkflowId(young) }));
    target.accounts.add(grantId).add(young);
    assert.equal((await pass(target.name)).strays, 2);
  });

  it('does not call it a stray when the grant was quicker', async () => {
    const grantId = grantIdFrom(randomBytes(17));
    const target = await newTarget({ remove: async (ref) => removal(ref.grantId, false) });
    target.accounts.add(grantId);
    assert.equal((await pass(target.name)).strays, 0);
    assert.deepEqual(reported, []);
  });

  it('removes the others when one resists, and reports both', async () => {
    const resists = grantIdFrom(randomBytes(17));
    const gone = grantIdFrom(randomBytes(17));
    const target = await newTarget({
      remove: async ({ grantId }) => {
        if (grantId === resists) throw ApplicationFailure.nonRetryable('It owns a database.', 'target-refused');
        return removal(grantId, target.accounts.delete(grantId));
      },
    });
    target.accounts.add(resists).add(gone);
    assert.deepEqual(await pass(target.name), { standing: 2, strays: 2, missing: 0 });
    assert.deepEqual([...target.accounts], [resists]);
    const standing = reported.filter(({ removal: done }) => !done).map(({ grantId }) => grantId);
    assert.deepEqual(standing, [resists]);
    assert.equal(reported.length, 2);
  });

  it('works through hundreds of accounts in pages, with few activities', async () => {
    const target = await newTarget();
    for (let made = 0; made < 250; made += 1) target.accounts.add(grantIdFrom(randomBytes(17)));
    const kept = await startGrant(target.name, 'ACTIVE');
    target.accounts.add(kept.grantId);
    await listed(target.name, 1);
    assert.deepEqual(await pass(target.name), { standing: 251, strays: 250, missing: 0 });
    assert.deepEqual([...target.accounts], [kept.grantId]);
    assert.equal(target.lists.length, 4);
  });

  const lies: [what: string, tell: (target: string, after: string) => Promise<unknown>][] = [
    ['nothing at all', async () => undefined],
    ['a list without a receipt', async () => ({ standing: [standing(stranger)] })],
    [
      'a list that another key signed',
      async (target, after) => {
        const other = await privateKey('Ed25519');
        const page = { after, count: 0, standingDigest: digest({ standing: [] }) };
        return { standing: [], receipt: await sign({ kind: 'listed', target, ...page }, other) };
      },
    ],
    [
      'fewer accounts than were signed',
      async (target, after) => ({ ...(await listing(target, after, [standing(stranger)])), standing: [] }),
    ],
    ['the list of another target', (_, after) => listing(targets[0] ?? '', after, [])],
    ['the list of another installation', (target, after) => listing(target, after, [], { installation: 'other' })],
    ['the last page in place of the first', (target) => listing(target, 'zzz', [])],
    ['a list of an hour ago', (target, after) => listing(target, after, [], { at: Date.now() - hour })],
  ];
  const stranger = grantIdFrom(randomBytes(17));

  // Who can poll the queue answers in the connector's place: an empty list would end every grant's peace, a full one hide strays.
  for (const [what, tell] of lies) {
    it(`believes no answer but the connector's, and so removes and misses nothing: ${what}`, async () => {
      const target = await newTarget(
        {},
        { list: (({ target: name, after = '' }) => tell(name, after)) as Undos['list'] },
      );
      target.accounts.add(stranger);
      const active = await startGrant(target.name, 'ACTIVE', { expireTime: Date.now() + hour });
      await listed(target.name, 1);
      await assert.rejects((await startPass(target.name)).result());
      assert.deepEqual([[...target.accounts], reported], [[stranger], []]);
      assert.equal(await signals(active.handle), undefined);
    });
  }

  it('asks again when a stranger answered, and believes the connector', async () => {
    let lists = 0;
    const rogue: Pick<Undos, 'list'> = {
      list: async ({ target: name, after = '' }) => {
        lists += 1;
        return lists === 1
          ? { standing: [], receipt: 'a.b.c' }
          : listing(name, after, after ? [] : [standing(stranger)]);
      },
    };
    const mixed = await newTarget({}, rogue);
    mixed.accounts.add(stranger);
    assert.deepEqual(await pass(mixed.name), { standing: 1, strays: 1, missing: 0 });
    assert.deepEqual(
      reported.map(({ grantId }) => grantId),
      [stranger],
    );
  });

  it('does not believe that a stray is gone without a receipt, and says that it stands', async () => {
    const remove: Undos['remove'] = async ({ grantId }) => ({ ...removal(grantId, true), receipt: 'a.b.c' });
    const target = await newTarget({}, { remove });
    const stray = grantIdFrom(randomBytes(17));
    target.accounts.add(stray);
    assert.equal((await pass(target.name)).strays, 1);
    assert.deepEqual(
      reported.map((it) => [it.grantId, it.removal, typeof it.listed]),
      [[stray, undefined, 'string']],
    );
  });

  it('tells an active grant once that its account is missing', async () => {
    const target = await newTarget();
    const future = { expireTime: Date.now() + hour };
    const missing = await startGrant(target.name, 'ACTIVE', future);
    const standing = await startGrant(target.name, 'ACTIVE', future);
    target.accounts.add(standing.grantId);
    const quiet = [
      await startGrant(target.name, 'ACTIVE', { expireTime: Date.now() - 1 }),
      await startGrant(target.name, 'ACTIVE', { ...future, conditions: ['externallyModified'] }),
      await startGrant(target.name, 'ACTIVATING'),
      await startGrant(target.name, 'REVOKING', future),
      standing,
    ];
    await listed(target.name, 6);
    assert.deepEqual(await pass(target.name), { standing: 1, strays: 0, missing: 1 });
    const came = await until(() => signals(missing.handle), { what: 'the signal' });
    assert.deepEqual(came, { externallyModified: 1, reassess: 0 });
    for (const { handle } of quiet) assert.equal(await signals(handle), undefined);
  });

  it('does not call an account missing that appeared while it looked', async () => {
    let looks = 0;
    const grantIds: string[] = [];
    const target = await newTarget({
      list: async ({ after = '' }) => {
        looks += 1;
        return looks === 1 ? [] : grantIds.filter((id) => id > after).map(standing);
      },
    });
    const { grantId, handle } = await startGrant(target.name, 'ACTIVE', { expireTime: Date.now() + hour });
    grantIds.push(grantId);
    await listed(target.name, 1);
    assert.equal((await pass(target.name)).missing, 0);
    assert.equal(await signals(handle), undefined);
  });

  it('is started by its schedule, which knows the target by its own id alone', async () => {
    const target = await newTarget();
    const stray = grantIdFrom(randomBytes(17));
    target.accounts.add(stray);
    await ensureSchedules(client, [target.name]);
    const schedule = client.schedule.getHandle(reconcileWorkflowId(target.name));
    await schedule.pause('an operator looks into something');
    await ensureSchedules(client, [target.name]);
    const { state, policies, action } = await schedule.describe();
    assert.equal(state.paused, true);
    assert.equal(policies.overlap, 'SKIP');
    assert.equal(action.args?.length ?? 0, 0);
    await schedule.trigger();
    await until(() => target.accounts.size === 0, { what: 'the removal of the stray', withinMs: 30_000 });
    await schedule.delete();
  });

  it('asks the grants whose subject lost eligibility to look again, and leaves all others alone', async () => {
    const target = `t-${randomUUID()}`;
    const lost = await startGrant(target, 'ACTIVE');
    const waiting = await startGrant(target, 'APPROVAL_AWAITED');
    const fine = await startGrant(target, 'ACTIVE');
    const ending = await startGrant(target, 'REVOKING');
    for (const { grantId } of [lost, waiting, ending]) ineligible.add(grantId);
    await listed(target, 4);
    await ensureSchedules(client, []);
    await reassessNow(client);
    for (const { handle } of [lost, waiting]) {
      assert.deepEqual(await until(() => signals(handle), { what: 'the signal' }), {
        externallyModified: 0,
        reassess: 1,
      });
    }
    for (const { handle } of [fine, ending]) assert.equal(await signals(handle), undefined);
  });

  it('asks every running grant when the pinned keys change, once for each set of keys', async () => {
    const target = `t-${randomUUID()}`;
    const active = await startGrant(target, 'ACTIVE');
    const ending = await startGrant(target, 'REVOKING');
    await listed(target, 2);
    const keySet = { keys: [{ kty: 'OKP', kid: randomUUID(), x: 'a' }] };
    const asked = async (): Promise<number> => ((await signals(active.handle)) as { reassess: number })?.reassess ?? 0;
    await reassessEveryone(client, keySet, false);
    await until(async () => (await asked()) === 1, { what: 'the signal' });
    // A restart with the same keys asks nobody; a change back to them does.
    await reassessEveryone(client, keySet, false);
    await reassessEveryone(client, keySet, true);
    await until(async () => (await asked()) === 2, { what: 'the second signal' });
    assert.equal(await signals(ending.handle), undefined);
  });
});

/** What the connector finds and does; its receipts are signed around it. */
interface Found {
  list(input: { target: string; after?: string }): Promise<StandingAccount[]>;
  remove(input: { grantId: string; target: string }): Promise<Removed>;
}

function standing(grantId: string) {
  return {
    grantId,
    account: `daypass_${grantId}`,
    endsAt: Date.now() + hour,
    evidenceDigest: 'd',
    targetIdentity: 't',
    signedBy: ['k'],
  };
}

function removal(grantId: string, wasPresent: boolean) {
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
