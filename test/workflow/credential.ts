/** The handing over of a credential on the real server: to the subject alone, once, and as soon as the access is there. */
import assert from 'node:assert/strict';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { accepted, beingSetUp } from '../support/being-set-up.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';

describe('the credential', () => {
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  it('is handed to the subject alone, once; the same collectId gets the same answer', async () => {
    const it = await world.active();
    const collect = (collectId: string, by: string) =>
      it.handle.executeUpdate('collect', { updateId: `${collectId}/${by}`, args: [{ collectId, by }] });
    await assert.rejects(collect('one', manager));
    const first = await collect('one', 'person:engineer');
    assert.deepEqual(
      await it.handle.executeUpdate('collect', { args: [{ collectId: 'one', by: 'person:engineer' }] }),
      first,
    );
    await assert.rejects(collect('two', 'person:engineer'));
    await it.shows({ credential: 'collected' });
    await it.narrow('withdraw', 'person:engineer');
    assert.equal((await it.ends()).state, 'WITHDRAWN');
  });

  it('is had in the moment that the access is there by whoever came while it was set up, told in one', async () => {
    const { it, gate } = await beingSetUp(world);
    const credential = it.collect();
    await until(async () => (await accepted(it)) === 1, { what: 'a call that waits' });
    await assert.rejects(
      it.handle.executeUpdate('collect', { args: [{ collectId: 'mine', by: manager }] }),
      (error) => error instanceof WorkflowUpdateFailedError && /subject alone/.test(String(error.cause)),
    );
    gate.open();
    assert.equal(await credential, 'sealed');
    const told = () => it.script.told.filter(({ view }) => view.state === 'ACTIVE').map(({ view }) => view.credential);
    await until(() => told().length > 0, { what: 'the access to be told' });
    assert.deepEqual(told(), ['collected']);
    await it.narrow('withdraw', 'person:engineer');
    assert.equal((await it.ends()).state, 'WITHDRAWN');
  });

  it('is waited for two seconds by whoever came too early, and is theirs later', async () => {
    const { it, gate } = await beingSetUp(world);
    await assert.rejects(it.collect(), WorkflowUpdateFailedError);
    gate.open();
    await it.shows({ state: 'ACTIVE', credential: 'waiting' });
    assert.equal(await it.collect(), 'sealed');
    await it.narrow('withdraw', 'person:engineer');
    assert.equal((await it.ends()).state, 'WITHDRAWN');
  });

  it('is refused to whoever waits for it when the grant is over before', async () => {
    const { it, gate } = await beingSetUp(world);
    const refused = assert.rejects(it.collect(), WorkflowUpdateFailedError);
    await until(async () => (await accepted(it)) === 1, { what: 'a call that waits' });
    await it.narrow('revoke', manager);
    gate.open();
    await refused;
    assert.equal((await it.ends()).state, 'REVOKED');
  });
});
