/** A lost credential on the real server: another one for the same account, to the subject alone, five times at most. */
import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/common';
import type { Order } from '../../activities/contract.js';
import { renewalsMax } from '../../workflows/domain/renewal.js';
import { receipts, rule, Script, silence, type Activities } from '../support/script.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const subject = 'person:engineer';

describe('a lost credential', () => {
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  /** A grant whose credential was handed over. */
  async function collected(more: Partial<Activities> = {}) {
    const it = await world.grant(new Script({ rule: rule({ automatic: true }), ...more }));
    await it.shows({ state: 'ACTIVE' });
    assert.equal(await it.collect(), 'sealed');
    return it;
  }

  it('is replaced by a new one, handed over once under a new collectId', async () => {
    const orders: Order[] = [];
    const script: Script = new Script({
      rule: rule({ automatic: true }),
      renew: async (order) => {
        orders.push(order);
        return script.renew(order);
      },
    });
    const it = await world.grant(script);
    const before = await it.shows({ state: 'ACTIVE' });
    const first = '00000000-0000-4000-8000-000000000001';
    await it.collect(first);
    assert.equal((await it.renew({ by: subject })).result, 'applied');
    const after = await it.shows({ credential: 'waiting', renewal: undefined });
    assert.equal(orders[0]?.renewal, JSON.stringify({ by: subject }));
    assert.equal(after.expireTime, before.expireTime);
    assert.equal(after.account, before.account);

    const second = await it.collect();
    assert.equal(second, 'sealed anew');
    assert.equal(await it.collect(first), 'sealed', 'the first answer is no longer the first answer');
    await assert.rejects(it.collect());
    await it.narrow('withdraw', subject);
    await it.ends();
    const kinds = (await it.record()).map(({ type }) => type);
    assert.deepEqual(
      kinds.filter((kind) => kind.startsWith('renew') || kind === 'credential-collected'),
      ['credential-collected', 'renewal-asked', 'renewed', 'credential-collected'],
    );
  });

  it('is renewed for the subject alone', async () => {
    const it = await collected();
    const outcome = await it.renew({ by: 'person:manager' });
    assert.equal(outcome.result, 'not-the-subject');
    assert.ok(!it.script.calls.includes('renew'));
    await it.narrow('withdraw', subject);
    await it.ends();
  });

  it('is collected before it can be lost', async () => {
    const it = await world.grant(new Script({ rule: rule({ automatic: true }) }));
    await it.shows({ state: 'ACTIVE' });
    assert.equal((await it.renew({ by: subject })).result, 'not-now');
    await it.narrow('withdraw', subject);
    await it.ends();
  });

  it(`is renewed ${renewalsMax} times at most`, async () => {
    const it = await collected();
    for (let turn = 0; turn < renewalsMax; turn += 1) {
      assert.equal((await it.renew({ by: subject })).result, 'applied');
      await it.shows({ credential: 'waiting' });
      await it.collect();
    }
    assert.equal((await it.renew({ by: subject })).result, 'not-now');
    await it.narrow('withdraw', subject);
    await it.ends();
  });

  it('leaves the grant as it was when the target refuses, says why, and may be tried again', async () => {
    let fails = true;
    const script: Script = new Script({
      rule: rule({ automatic: true }),
      renew: async (order) => {
        if (fails) throw ApplicationFailure.nonRetryable('The target will not.', 'target-refused');
        return script.renew(order);
      },
    });
    const it = await world.grant(script);
    const before = await it.shows({ state: 'ACTIVE' });
    await it.collect();
    const decisionId = '00000000-0000-4000-8000-000000000002';
    await it.renew({ by: subject }, decisionId);
    const view = await it.shows({ renewal: { decisionId, failed: 'The target will not.' } });
    assert.deepEqual([view.state, view.credential, view.expireTime], ['ACTIVE', 'collected', before.expireTime]);
    fails = false;
    await it.renew({ by: subject });
    await it.shows({ credential: 'waiting', renewal: undefined });
    await it.narrow('withdraw', subject);
    await it.ends();
  });

  const lies: [what: string, renew: (grantId: string, script: Script) => ReturnType<Activities['renew']>][] = [
    ['is not proved by a receipt', async (grantId, script) => ({ ...script.account(grantId, 1), receipt: 'none' })],
    ['comes with the receipt of something else', async (grantId, script) => script.account(grantId, 1)],
    [
      'is of another account',
      async (grantId, script) =>
        receipts.made(grantId, { ...script.account(grantId, 1), account: 'other', sealedCredential: 'x' }, 'renewed'),
    ],
    [
      'is of another system',
      async (grantId, script) =>
        receipts.made(
          grantId,
          { ...script.account(grantId, 1), targetIdentity: 'other', sealedCredential: 'x' },
          'renewed',
        ),
    ],
  ];
  for (const [what, renew] of lies) {
    it(`is not replaced by one that ${what}`, async () => {
      const script: Script = new Script({
        rule: rule({ automatic: true }),
        renew: async ({ grantId }) => renew(grantId, script),
      });
      const it = await world.grant(script);
      await it.shows({ state: 'ACTIVE' });
      await it.collect();
      const decisionId = '00000000-0000-4000-8000-000000000003';
      await it.renew({ by: subject }, decisionId);
      await until(async () => (await it.record()).some(({ type }) => type === 'renewal-failed'), { what: 'a failure' });
      await it.shows({ credential: 'collected', state: 'ACTIVE' });
      await it.narrow('withdraw', subject);
      const view = await it.ends();
      assert.equal(view.state, 'WITHDRAWN');
      const types = (await it.record()).map(({ type }) => type);
      assert.ok(!types.includes('renewed'));
    });
  }

  it('never holds up the end: narrowing does not wait for a renewal that hangs', async () => {
    const it = await collected({ renew: silence });
    const decisionId = '00000000-0000-4000-8000-000000000004';
    await it.renew({ by: subject }, decisionId);
    await it.shows({ renewal: { decisionId } });
    assert.equal((await it.renew({ by: subject })).result, 'not-now');
    const started = Date.now();
    await it.narrow('revoke', 'person:security');
    assert.equal((await it.ends()).state, 'REVOKED');
    assert.ok(Date.now() - started < 8_000);
    assert.ok(!it.script.standing);
  });

  it('is not renewed once the grant is over', async () => {
    const it = await collected({ remove: silence });
    await it.narrow('revoke', 'person:security');
    await it.shows({ state: 'REVOKING' });
    assert.equal((await it.renew({ by: subject })).result, 'already-over');
    assert.ok(!it.script.calls.includes('renew'));
    await it.handle.terminate('the test is over');
  });
});
