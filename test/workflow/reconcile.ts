/** Reconcile on the real Temporal: an account stays only if its own grant owes it, whatever became of that grant. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { Client } from '@temporalio/client';
import { dataConverter } from '../../activities/platform/temporal.js';
import { isTurnOf } from '../../activities/reconciles.js';
import { ensureSchedules } from '../../workers/schedules.js';
import { grantStates } from '../../workflows/domain/states.js';
import { grantIdFrom, grantWorkflowId, reconcileWorkflowId } from '../../workflows/ids.js';
import { change } from '../support/change.js';
import { gate } from '../support/gate.js';
import { reconcileWorld, removal, standing, type ReconcileWorld } from '../support/reconcile-world.js';
import { until } from '../support/until.js';

const otherKeys = { current: 'other', keys: { other: randomBytes(32) } };
const hour = 3_600_000;

describe('reconcile', function () {
  this.timeout(90_000);
  let world: ReconcileWorld;
  before(async () => {
    world = await reconcileWorld();
  });
  afterEach(() => world.clear());
  after(() => world.stop());

  it('leaves the account of every grant that owes it, and removes all others', async () => {
    const target = await world.newTarget();
    const kept: string[] = [];
    for (const state of grantStates) {
      const { grantId } = await world.startGrant(target.name, state);
      target.accounts.add(grantId);
      if (['ACTIVATING', 'ACTIVE', 'REVOKING', 'WITHDRAWING'].includes(state)) kept.push(grantId);
    }
    const { strays } = await world.pass(target.name);
    assert.equal(strays, grantStates.length - 4);
    assert.deepEqual([...target.accounts].sort(), kept.sort());
  });

  it('removes the account of a grant that was terminated, cancelled, or never existed, and reports it', async () => {
    const target = await world.newTarget();
    const terminated = await world.startGrant(target.name, 'ACTIVE');
    await terminated.handle.terminate('by hand');
    const cancelled = await world.startGrant(target.name, 'ACTIVE');
    await cancelled.handle.cancel();
    await assert.rejects(cancelled.handle.result());
    await world.showsOver([terminated.grantId, cancelled.grantId]);
    const never = grantIdFrom(randomBytes(17));
    const all = [terminated.grantId, cancelled.grantId, never];
    for (const grantId of all) target.accounts.add(grantId);
    assert.deepEqual(await world.pass(target.name), { standing: 3, strays: 3, missing: 0 });
    assert.equal(target.accounts.size, 0);
    assert.deepEqual(world.reported.map(({ grantId }) => grantId).sort(), all.sort());
    assert.ok(
      world.reported.every(({ removal: gone, target: name }) => gone?.wasPresent === true && name === target.name),
    );
  });

  it('explains all accounts of a pass by one list, and asks only those grants themselves that it does not explain', async () => {
    const target = await world.newTarget();
    const owing = await Promise.all(Array.from({ length: 20 }, () => world.startGrant(target.name, 'ACTIVE')));
    const strays = Array.from({ length: 110 }, () => grantIdFrom(randomBytes(17)));
    for (const grantId of [...owing.map((each) => each.grantId), ...strays]) target.accounts.add(grantId);
    await world.listed(target.name, 20);
    const { described, lists } = await world.askedDuring(() => world.pass(target.name));
    assert.ok(target.lists.length > 1, 'the accounts came in one page');
    assert.equal(lists, 1);
    for (const grantId of strays) assert.ok(described.includes(grantWorkflowId(grantId)));
    // One in sixty has its turn in this minute.
    assert.ok(described.length < strays.length + 8, `${described.length} of 130 were asked`);
    assert.deepEqual([...target.accounts].sort(), owing.map((each) => each.grantId).sort());
  });

  it('takes another list for another pass', async () => {
    const target = await world.newTarget();
    const { grantId, handle } = await world.startGrant(target.name, 'ACTIVE');
    target.accounts.add(grantId);
    await world.listed(target.name, 1);
    assert.equal((await world.pass(target.name)).strays, 0);
    await handle.terminate('by hand');
    await world.showsOver([grantId]);
    assert.equal((await world.pass(target.name)).strays, 1);
  });

  it('asks each grant itself in one minute of every hour', () => {
    const grantId = grantIdFrom(randomBytes(17));
    const minutes = Array.from({ length: 60 }, (_, minute) => isTurnOf(grantId, Date.now() + minute * 60_000));
    assert.equal(minutes.filter(Boolean).length, 1);
  });

  it('asks every grant itself while lists are away', async () => {
    const target = await world.newTarget();
    const { grantId } = await world.startGrant(target.name, 'ACTIVE');
    const never = grantIdFrom(randomBytes(17));
    assert.deepEqual(
      await world.withoutLists().unexplained({ target: target.name, pass: 'p', grantIds: [grantId, never] }),
      [never],
    );
  });

  it('is not fooled by another kind of workflow under the id of a grant', async () => {
    const target = await world.newTarget();
    const grantId = grantIdFrom(randomBytes(17));
    const { view } = change({ view: { state: 'ACTIVE', grantId, target: target.name } });
    const options = { workflowId: grantWorkflowId(grantId), taskQueue: 'nobody', args: [], memo: { view } };
    world.started.push(await world.client.workflow.start('something', options));
    target.accounts.add(grantId);
    assert.equal((await world.pass(target.name)).strays, 1);
  });

  // Taking away what cannot be read would end everybody's access when one process has an old key ring.
  it('leaves an account whose grant it cannot read, and goes on with the others', async () => {
    const target = await world.newTarget();
    const foreign = new Client({
      connection: world.connection,
      namespace: world.namespace,
      dataConverter: dataConverter(otherKeys),
    });
    const unreadable = await world.startGrant(target.name, 'ENDED', {}, foreign);
    const gone = grantIdFrom(randomBytes(17));
    target.accounts.add(unreadable.grantId).add(gone);
    assert.equal((await world.pass(target.name)).strays, 1);
    assert.deepEqual([...target.accounts], [unreadable.grantId]);
  });

  it('believes no memo that was not sealed for this very grant, and no grant that has shown nothing yet', async () => {
    const target = await world.newTarget();
    const plain = new Client({ connection: world.connection, namespace: world.namespace });
    const grantId = grantIdFrom(randomBytes(17));
    const { view } = change({ view: { state: 'ACTIVE', grantId, target: target.name } });
    const options = { taskQueue: 'nobody', args: [] };
    const forged = { ...options, workflowId: grantWorkflowId(grantId), memo: { view } };
    world.started.push(await plain.workflow.start('grant', forged));
    const young = grantIdFrom(randomBytes(17));
    world.started.push(await world.client.workflow.start('grant', { ...options, workflowId: grantWorkflowId(young) }));
    target.accounts.add(grantId).add(young);
    assert.equal((await world.pass(target.name)).strays, 2);
  });

  it('does not call it a stray when the grant was quicker', async () => {
    const grantId = grantIdFrom(randomBytes(17));
    const target = await world.newTarget({ remove: async (ref) => removal(ref.grantId, false) });
    target.accounts.add(grantId);
    assert.equal((await world.pass(target.name)).strays, 0);
    assert.deepEqual(world.reported, []);
  });

  it('removes the others when one resists, and reports both', async () => {
    const resists = grantIdFrom(randomBytes(17));
    const gone = grantIdFrom(randomBytes(17));
    const target = await world.newTarget({
      remove: async ({ grantId }) => {
        if (grantId === resists) throw ApplicationFailure.nonRetryable('It owns a database.', 'target-refused');
        return removal(grantId, target.accounts.delete(grantId));
      },
    });
    target.accounts.add(resists).add(gone);
    assert.deepEqual(await world.pass(target.name), { standing: 2, strays: 2, missing: 0 });
    assert.deepEqual([...target.accounts], [resists]);
    const standing = world.reported.filter(({ removal: done }) => !done).map(({ grantId }) => grantId);
    assert.deepEqual(standing, [resists]);
    assert.equal(world.reported.length, 2);
  });

  it('works through hundreds of accounts in pages, with few activities', async () => {
    const target = await world.newTarget();
    for (let made = 0; made < 250; made += 1) target.accounts.add(grantIdFrom(randomBytes(17)));
    const kept = await world.startGrant(target.name, 'ACTIVE');
    target.accounts.add(kept.grantId);
    await world.listed(target.name, 1);
    assert.deepEqual(await world.pass(target.name), { standing: 251, strays: 250, missing: 0 });
    assert.deepEqual([...target.accounts], [kept.grantId]);
    assert.equal(target.lists.length, 4);
  });

  it('tells an active grant once that its account is missing', async () => {
    const target = await world.newTarget();
    const future = { expireTime: Date.now() + hour };
    const missing = await world.startGrant(target.name, 'ACTIVE', future);
    const standing = await world.startGrant(target.name, 'ACTIVE', future);
    target.accounts.add(standing.grantId);
    const quiet = [
      await world.startGrant(target.name, 'ACTIVE', { expireTime: Date.now() - 1 }),
      await world.startGrant(target.name, 'ACTIVE', { ...future, conditions: ['externallyModified'] }),
      await world.startGrant(target.name, 'ACTIVATING'),
      await world.startGrant(target.name, 'REVOKING', future),
      standing,
    ];
    await world.listed(target.name, 6);
    assert.deepEqual(await world.pass(target.name), { standing: 1, strays: 0, missing: 1 });
    const came = await until(() => world.signals(missing.handle), { what: 'the signal' });
    assert.deepEqual(came, { externallyModified: 1, reassess: 0 });
    for (const { handle } of quiet) assert.equal(await world.signals(handle), undefined);
  });

  it('does not call an account missing that appeared while it looked', async () => {
    let looks = 0;
    const grantIds: string[] = [];
    const target = await world.newTarget({
      list: async ({ after = '' }) => {
        looks += 1;
        return looks === 1 ? [] : grantIds.filter((id) => id > after).map(standing);
      },
    });
    const { grantId, handle } = await world.startGrant(target.name, 'ACTIVE', { expireTime: Date.now() + hour });
    grantIds.push(grantId);
    await world.listed(target.name, 1);
    assert.equal((await world.pass(target.name)).missing, 0);
    assert.equal(await world.signals(handle), undefined);
  });

  it('removes as many strays as there are, and no more than a hundred at a time', async () => {
    const { opened, open } = gate();
    const accounts = new Set(Array.from({ length: 130 }, () => grantIdFrom(randomBytes(17))));
    const page = (after: string) =>
      [...accounts]
        .sort()
        .filter((grantId) => grantId > after)
        .slice(0, 100);
    const target = await world.newTarget({
      list: async ({ after = '' }) => page(after).map(standing),
      remove: async ({ grantId }) => {
        await opened;
        return removal(grantId, accounts.delete(grantId));
      },
    });
    const pass = await world.startPass(target.name);
    const pending = async (): Promise<number> => {
      const { pendingActivities } = (await pass.describe()).raw;
      return (pendingActivities ?? []).filter(({ activityType }) => activityType?.name === 'remove').length;
    };
    try {
      await until(async () => (await pending()) >= 100, { what: 'a hundred removals', withinMs: 30_000 });
      assert.equal(await pending(), 100);
    } finally {
      // A pass that never ends would hold the world.
      open();
    }
    assert.equal((await pass.result()).strays, 130);
  });

  it('is started by its schedule, which knows the target by its own id alone', async () => {
    const target = await world.newTarget();
    const stray = grantIdFrom(randomBytes(17));
    target.accounts.add(stray);
    await ensureSchedules(world.client, [target.name]);
    const schedule = world.client.schedule.getHandle(reconcileWorkflowId(target.name));
    await schedule.pause('an operator looks into something');
    await ensureSchedules(world.client, [target.name]);
    const { state, policies, action } = await schedule.describe();
    assert.equal(state.paused, true);
    assert.equal(policies.overlap, 'SKIP');
    assert.equal(action.args?.length ?? 0, 0);
    await schedule.trigger();
    const pass = async () => (await schedule.describe()).info.recentActions.at(-1)?.action.workflow.workflowId;
    // To its end: no other test may meet it.
    const workflowId = await until(pass, { what: 'the pass', withinMs: 30_000 });
    await world.client.workflow.getHandle(workflowId).result();
    assert.equal(target.accounts.size, 0);
    await schedule.delete();
  });
});
