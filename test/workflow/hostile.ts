/** What anyone who can reach Temporal may send to a grant: it narrows, or it changes nothing, and never wedges it. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import type { Payload } from '@temporalio/common';
import { UNVERIFIED } from '../../workflows/domain/actor.js';
import { firstBroken } from '../../workflows/domain/record.js';
import type { GrantView } from '../../workflows/domain/view.js';
import * as messages from '../../workflows/messages.js';
import { gate } from '../support/gate.js';
import { hour, Script } from '../support/script.js';
import type { TestGrant } from '../support/test-grant.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';

/** As the Temporal CLI sends what is typed: JSON, unsealed. */
const typed = (value: unknown): Payload => typedText(JSON.stringify(value));
const typedText = (text: string): Payload => ({
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from(text),
});

/** A message as it should be, but unsealed: by a manager who never sent it. */
const forged = () => ({
  decisionId: randomUUID(),
  by: manager,
  reason: 'x',
  comment: 'x',
  evidence: JSON.stringify({ by: manager }),
});

const wrong: [string, Payload[]][] = [
  ['no payload', []],
  ['null', [typed(null)]],
  ['a number', [typed(7)]],
  ['a text', [typed('revoke it')]],
  ['a list', [typed([1, [2]])]],
  ['an unsealed message', [typed(forged())]],
  ['wrong types', [typed({ decisionId: 7, by: {}, reason: [], comment: null, evidence: true })]],
  ['a poisoned prototype', [typedText('{"__proto__":{"by":"person:manager"},"constructor":1}')]],
  ['JSON that is none', [typedText('{"by":')]],
  ['many arguments', Array.from({ length: 50 }, () => typed(forged()))],
  ['a payload without anything', [{}]],
  ['an unknown encoding', [{ metadata: { encoding: Buffer.from('no/such') }, data: randomBytes(8) }]],
  [
    'noise that says it is sealed',
    [{ metadata: { encoding: Buffer.from('binary/encrypted') }, data: randomBytes(99) }],
  ],
];

describe('a hostile hand at Temporal', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  async function send(it: TestGrant, signalName: string, payloads: Payload[]): Promise<void> {
    const { workflowService } = world.client;
    const workflowExecution = { workflowId: it.handle.workflowId };
    await workflowService.signalWorkflowExecution({
      namespace: world.namespace,
      workflowExecution,
      signalName,
      input: { payloads },
    });
  }

  async function awaited(script = new Script()): Promise<TestGrant> {
    const it = await world.grant(script);
    await it.shows({ state: 'APPROVAL_AWAITED', asked: [manager] });
    return it;
  }

  async function active(script = new Script()): Promise<TestGrant> {
    const it = await awaited(script);
    await it.approve({ by: manager });
    await it.shows({ state: 'ACTIVE' });
    return it;
  }

  /** The outcomes in the view, once there are this many. */
  async function outcomes(it: TestGrant, count: number) {
    return until(async () => {
      const found = (await it.view())?.outcomes ?? [];
      return found.length >= count ? found : undefined;
    });
  }

  describe('sends what nobody sealed', () => {
    it('approves nothing with it, and each one is answered and recorded as unverified', async () => {
      const it = await awaited();
      for (const [, payloads] of wrong) await send(it, 'approve', payloads);
      const found = await outcomes(it, wrong.length);
      assert.equal(found.length, wrong.length);
      for (const { action, by, result, unverified } of found) {
        assert.deepEqual([action, by, result, unverified], ['approve', UNVERIFIED, 'unreadable', true]);
      }
      assert.equal((await it.view())?.state, 'APPROVAL_AWAITED');
      assert.ok(!it.script.calls.includes('judge'));
      assert.equal((await it.approve({ by: manager })).result, 'applied');
      await it.shows({ state: 'ACTIVE' });
      await it.narrow('withdraw', 'person:engineer');
      await it.ends();
    });

    it('extends nothing with it', async () => {
      const it = await active();
      const { expireTime } = (await it.view()) ?? {};
      for (const [, payloads] of wrong) await send(it, 'extend', payloads);
      await outcomes(it, wrong.length + 1);
      await it.shows({ state: 'ACTIVE', expireTime, conditions: [] });
      assert.ok(!it.script.calls.includes('setEnd'));
      await it.narrow('revoke', 'person:security');
      await it.ends();
    });

    it('ends a grant with it, whatever it is, and the record says that nobody knows who', async () => {
      await Promise.all(
        wrong.map(async ([what, payloads], index) => {
          const how = (['revoke', 'deny', 'withdraw'] as const)[index % 3] ?? 'revoke';
          const it = await awaited();
          await send(it, how, payloads);
          const view = (await it.handle.result()) as GrantView;
          // A replay takes a second: one of each kind is enough.
          if (index < 3) await it.replays();
          assert.equal(view.state, { revoke: 'REVOKED', deny: 'DENIED', withdraw: 'WITHDRAWN' }[how], what);
          assert.deepEqual([view.ending?.by, view.ending?.reason], [UNVERIFIED, ''], what);
          assert.deepEqual([view.outcomes[0]?.result, view.outcomes[0]?.unverified], ['applied', true]);
          assert.equal(firstBroken(await it.record()), undefined);
        }),
      );
    });

    it('revokes what is in use, and it is removed', async () => {
      const it = await active();
      await send(it, 'revoke', []);
      const view = await it.ends();
      assert.deepEqual([view.state, it.script.standing], ['REVOKED', false]);
      assert.ok(view.removalVerifiedTime);
    });
  });

  it('calls what does not exist, and the grant goes on', async () => {
    const it = await awaited();
    const names = ['nope', 'approved', 'provisioned', 'toString', '__proto__', 'constructor', 'x'.repeat(900)];
    for (const name of names) await send(it, name, [typed(forged())]);
    for (const name of ['reassess', 'externallyModified']) await send(it, name, [typed({ what: { no: true } })]);
    await assert.rejects(it.handle.query('nope'));
    await assert.rejects(it.handle.query('__proto__'));
    await assert.rejects(it.handle.executeUpdate('nope', { args: [forged()] }));
    await assert.rejects(it.handle.executeUpdate('collect', { args: [null] }));
    await assert.rejects(
      it.handle.executeUpdate('collect', { args: [{ collectId: { toString: 1 }, by: 'person:engineer' }] }),
    );
    await it.handle.query(messages.outcome, { no: 'id' } as unknown as string);
    assert.equal((await it.approve({ by: manager })).result, 'applied');
    await it.shows({ state: 'ACTIVE' });
    await it.narrow('revoke', 'person:security');
    assert.equal((await it.ends()).state, 'REVOKED');
  });

  it('sends more than the server takes: it is refused, and the grant lives on', async () => {
    const it = await awaited();
    await assert.rejects(send(it, 'revoke', [typed('x'.repeat(100_000))]));
    await send(it, 'approve', [typed('x'.repeat(40_000))]);
    await outcomes(it, 1);
    assert.equal((await it.narrow('deny', manager)).result, 'applied');
    await it.ends();
  });

  it('floods: all are answered, then the server refuses, and cancelling still revokes', async () => {
    const it = await active();
    const flood = Array.from({ length: 520 }, () => send(it, 'approve', [typed(forged())]));
    const refused = (await Promise.allSettled(flood)).filter(({ status }) => status === 'rejected').length;
    assert.ok(refused >= 20, `${refused} refused`);
    await assert.rejects(it.handle.signal(messages.revoke, { decisionId: randomUUID(), by: manager, reason: '' }));
    await it.handle.cancel();
    const view = await it.ends(40_000);
    assert.deepEqual([view.state, view.ending?.code, it.script.standing], ['REVOKED', 'cancelled', false]);
    assert.equal(view.outcomes.at(-1)?.result, 'unreadable');
    const records = await it.wholeRecord();
    assert.equal(firstBroken(records), undefined);
    assert.equal(records.at(-1)?.type, 'closed');
    const { told, published } = it.script;
    const heard = [...told.flatMap((change) => change.records), ...published].map(({ sequence }) => sequence);
    assert.deepEqual(new Set(heard), new Set(records.map(({ sequence }) => sequence)));
    assert.equal(heard.length, records.length);
  });

  it('copies a sealed approval from another grant: it approves nothing there, relabelled or not', async () => {
    const [one, other] = await Promise.all([awaited(), awaited()]);
    await one.approve({ by: manager });
    const { events } = await one.handle.fetchHistory();
    const signals = events?.map(({ workflowExecutionSignaledEventAttributes: signal }) => signal);
    const [copied] = signals?.find((signal) => signal?.signalName === 'approve')?.input?.payloads ?? [];
    assert.ok(copied);
    const workflowId = Buffer.from(other.handle.workflowId);
    await send(other, 'approve', [copied]);
    await send(other, 'approve', [{ ...copied, metadata: { ...copied.metadata, 'workflow-id': workflowId } }]);
    const found = await outcomes(other, 2);
    assert.deepEqual(
      found.map(({ result }) => result),
      ['unreadable', 'unreadable'],
    );
    await other.shows({ state: 'APPROVAL_AWAITED' });
    await send(other, 'deny', [copied]);
    const view = await other.ends();
    assert.deepEqual([view.state, view.ending?.by], ['DENIED', UNVERIFIED]);
    await one.narrow('revoke', manager);
    await one.ends();
  });

  describe('cancels the workflow', () => {
    const never = gate();
    after(() => never.open());
    const stuck = async () => {
      await never.opened;
      throw new Error('too late');
    };
    const rows: [string, () => Promise<TestGrant>, boolean][] = [
      ['REQUESTED', async () => world.grant(new Script({ assess: stuck })), false],
      ['APPROVAL_AWAITED', () => awaited(), false],
      [
        'SCHEDULED',
        async () => {
          const it = await world.grant(new Script(), { scheduledActivationTime: Date.now() + hour });
          await it.shows({ state: 'APPROVAL_AWAITED' });
          await it.approve({ by: manager });
          await it.shows({ state: 'SCHEDULED' });
          return it;
        },
        true,
      ],
      [
        'ACTIVATING',
        async () => {
          const it = await awaited(new Script({ provision: stuck }));
          await it.approve({ by: manager });
          await it.shows({ state: 'ACTIVATING' });
          return it;
        },
        true,
      ],
      ['ACTIVE', () => active(), true],
    ];
    for (const [state, reached, isRemoved] of rows) {
      it(`in ${state}: it is revoked${isRemoved ? ', by a removal' : ' at once, and leaves a tombstone'}`, async () => {
        const it = await reached();
        await it.handle.cancel();
        const view = await it.ends();
        assert.deepEqual([view.state, view.ending?.code], ['REVOKED', 'cancelled']);
        assert.ok(it.script.tombstone);
        assert.equal(view.removalVerifiedTime !== undefined, isRemoved);
      });
    }

    it('while it is being removed: the removal goes on, and the first reason stays', async () => {
      const { opened, open } = gate();
      const script: Script = new Script({
        remove: async (ref) => {
          await opened;
          return script.remove(ref);
        },
      });
      const it = await active(script);
      await it.narrow('withdraw', 'person:engineer');
      await it.handle.cancel();
      await it.shows({ state: 'WITHDRAWING' });
      open();
      assert.equal((await it.ends()).state, 'WITHDRAWN');
    });
  });

  describe('answers in the place of a worker', () => {
    /** Completes the activity of this name that is under way. */
    async function complete(it: TestGrant, name: string, payload: Payload): Promise<void> {
      const { workflowService } = world.client;
      const execution = { workflowId: it.handle.workflowId };
      const activityId = await until(async () => {
        const { pendingActivities } = (await it.handle.describe()).raw;
        return pendingActivities?.find(({ activityType }) => activityType?.name === name)?.activityId;
      });
      await workflowService.respondActivityTaskCompletedById({
        namespace: world.namespace,
        workflowId: execution.workflowId,
        activityId,
        result: { payloads: [payload] },
      });
    }

    it('that the access was made: it is not believed, and undone', async () => {
      const { opened, open } = gate();
      const it = await awaited(
        new Script({
          provision: async () => {
            await opened;
            throw new Error('too late');
          },
        }),
      );
      await it.approve({ by: manager });
      await complete(it, 'provision', typed({ account: 'x', endsAt: Date.now() + hour, targetIdentity: 'system-1' }));
      const view = await it.ends();
      open();
      assert.deepEqual([view.state, view.account, view.accessGrantTime], ['ACTIVATION_FAILED', undefined, undefined]);
      assert.ok(view.removalVerifiedTime);
    });

    it('that the access is gone: it is not believed, and removed until the connector proves it', async () => {
      const { opened, open } = gate();
      let attempts = 0;
      const script: Script = new Script({
        remove: async (ref) => {
          attempts += 1;
          if (attempts === 1) await opened;
          return script.remove(ref);
        },
      });
      const it = await active(script);
      await it.narrow('revoke', manager);
      const { grantId } = it.request;
      const at = Date.now();
      await complete(it, 'remove', typed({ grantId, removedAt: at, verifiedAt: at, targetIdentity: 'system-1' }));
      await until(async () => (await it.record()).some(({ type }) => type === 'removal-failed'));
      assert.deepEqual(
        [(await it.shows({ state: 'REVOKING' })).removalVerifiedTime, script.standing],
        [undefined, true],
      );
      await it.skip(11_000);
      const view = await it.ends();
      open();
      assert.deepEqual([view.state, attempts, script.standing], ['REVOKED', 2, false]);
    });

    it('with another sealed answer of the same grant: that proves no removal either', async () => {
      const { opened, open } = gate();
      let attempts = 0;
      const script: Script = new Script({
        remove: async (ref) => {
          attempts += 1;
          if (attempts === 1) await opened;
          return script.remove(ref);
        },
      });
      const it = await active(script);
      const { events } = await it.handle.fetchHistory();
      const results = events?.map(({ activityTaskCompletedEventAttributes: done }) => done?.result?.payloads?.[0]);
      await it.narrow('revoke', manager);
      await complete(it, 'remove', results?.filter(Boolean).at(-1) ?? {});
      await until(async () => (await it.record()).some(({ type }) => type === 'removal-failed'));
      await it.skip(11_000);
      assert.equal((await it.ends()).state, 'REVOKED');
      open();
      assert.equal(attempts, 2);
    });
  });
});
