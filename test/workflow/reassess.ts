/** Grants are asked to look again when their subject lost eligibility or the pinned keys changed, and no others are. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ensureSchedules, reassessEveryone, reassessNow } from '../../workers/schedules.js';
import { decisionsQueue, reassessId } from '../../workflows/ids.js';
import { deep } from '../support/deep.js';
import { fill } from '../support/fill.js';
import { reconcileWorld, type ReconcileWorld } from '../support/reconcile-world.js';
import { until } from '../support/until.js';

describe('reassess', function () {
  this.timeout(90_000);
  let world: ReconcileWorld;
  before(async () => {
    world = await reconcileWorld();
  });
  afterEach(() => world.clear());
  after(() => world.stop());

  it('asks the grants whose subject lost eligibility to look again, and leaves all others alone', async () => {
    const target = `t-${randomUUID()}`;
    const lost = await world.startGrant(target, 'ACTIVE');
    const waiting = await world.startGrant(target, 'APPROVAL_AWAITED');
    const fine = await world.startGrant(target, 'ACTIVE');
    const ending = await world.startGrant(target, 'REVOKING');
    for (const { grantId } of [lost, waiting, ending]) world.ineligible.add(grantId);
    await world.listed(target, 4);
    await ensureSchedules(world.client, []);
    await reassessNow(world.client);
    for (const { handle } of [lost, waiting]) {
      assert.deepEqual(await until(() => world.signals(handle), { what: 'the signal' }), {
        externallyModified: 0,
        reassess: 1,
      });
    }
    for (const { handle } of [fine, ending]) assert.equal(await world.signals(handle), undefined);
  });

  it('asks every running grant when the pinned keys change, once for each set of keys', async () => {
    const target = `t-${randomUUID()}`;
    const active = await world.startGrant(target, 'ACTIVE');
    const ending = await world.startGrant(target, 'REVOKING');
    await world.listed(target, 2);
    const keySet = someKeySet();
    const asked = async (): Promise<number> =>
      ((await world.signals(active.handle)) as { reassess: number })?.reassess ?? 0;
    await reassessEveryone(world.client, keySet, false);
    await until(async () => (await asked()) === 1, { what: 'the signal' });
    // A restart with the same keys asks nobody; a change back to them does.
    await reassessEveryone(world.client, keySet, false);
    await reassessEveryone(world.client, keySet, true);
    await until(async () => (await asked()) === 2, { what: 'the second signal' });
    assert.equal(await world.signals(ending.handle), undefined);
  });

  it('asks everyone anew when the keys change back while they are still being asked for them', async () => {
    const [active, keySet] = [await listedGrant(), someKeySet()];
    let pages = 0;
    const toJSON = () => ({ signalled: 0, next: `page ${(pages += 1)} of a pass that goes on` });
    world.answers.set('reassessPage', { toJSON });
    await reassessEveryone(world.client, keySet, false);
    await until(() => pages > 0, { what: 'a page of the first pass' });
    world.answers.clear();
    await reassessEveryone(world.client, keySet, true);
    await until(() => world.signals(active.handle), { what: 'the signal' });
  });

  it('asks again for a set of keys where the pass for it failed', async () => {
    const [active, keySet] = [await listedGrant(), someKeySet()];
    const ofKeys = `WorkflowId STARTS_WITH '${reassessId}/keys-' AND ExecutionStatus = 'Failed'`;
    const failed = async (): Promise<number> => (await world.client.workflow.count(ofKeys)).count;
    const before = await failed();
    world.answers.set('reassessPage', 'nonsense');
    await reassessEveryone(world.client, keySet, false);
    await until(async () => (await failed()) > before, { what: 'the pass fails' });
    world.answers.clear();
    await reassessEveryone(world.client, keySet, false);
    await until(() => world.signals(active.handle), { what: 'the signal' });
  });

  it('asks nobody twice where one of a page could not be asked at first', async () => {
    const target = `t-${randomUUID()}`;
    const grants = await Promise.all([1, 2, 3].map(() => world.startGrant(target, 'ACTIVE')));
    for (const { grantId } of grants) world.ineligible.add(grantId);
    world.unsure.add(grants[1]?.grantId ?? '');
    await world.listed(target, grants.length);
    await pass();
    assert.equal(world.unsure.size, 0);
    for (const { handle } of grants) {
      assert.deepEqual(await world.signals(handle), { externallyModified: 0, reassess: 1 });
    }
  });

  it('asks all others where one grant takes no more signals, and ends that one where its subject lost eligibility', async () => {
    const target = `t-${randomUUID()}`;
    const [full, other] = [await world.startGrant(target, 'ACTIVE'), await world.startGrant(target, 'ACTIVE')];
    await world.listed(target, 2);
    await fill(full.handle, 'of-nobody');
    await pass({ everyone: true });
    assert.deepEqual(await world.signals(other.handle), { externallyModified: 0, reassess: 1 });
    assert.equal(await isAskedToEnd(full.handle), false);
    world.ineligible.add(full.grantId);
    await pass();
    assert.equal(await isAskedToEnd(full.handle), true);
  });

  it('ends at once when somebody else answers nonsense', async () => {
    for (const answer of [undefined, 7, { signalled: 'all' }, { signalled: 0, next: 7 }, deep(2_800)]) {
      world.answers.set('reassessPage', answer);
      const options = { workflowId: `reassess/${randomUUID()}`, taskQueue: decisionsQueue };
      await assert.rejects(world.client.workflow.execute('reassess', options), WorkflowFailedError);
    }
  });

  /** A whole one, to its end. */
  const pass = (input?: { everyone: boolean }) =>
    world.client.workflow.execute('reassess', {
      workflowId: `reassess/${randomUUID()}`,
      taskQueue: decisionsQueue,
      args: input ? [input] : [],
    });

  async function listedGrant() {
    const target = `t-${randomUUID()}`;
    const active = await world.startGrant(target, 'ACTIVE');
    await world.listed(target, 1);
    return active;
  }
});

async function isAskedToEnd(handle: WorkflowHandle): Promise<boolean> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).some((event) => event.workflowExecutionCancelRequestedEventAttributes);
}

/** That nobody was asked about yet. */
const someKeySet = () => ({ keys: [{ kty: 'OKP', kid: randomUUID(), x: 'a' }] });
