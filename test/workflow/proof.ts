/** Nobody is believed without proof: not who types a signal, not who answers in the place of a worker, and not for ever. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { ApplicationFailure } from '@temporalio/common';
import { readCompose } from '../../workers/dev/compose.js';
import { findTemporal } from '../../workers/dev/find-temporal.js';
import { security } from '../../workflows/domain/tells.js';
import type { Provisioned, Removal } from '../../workflows/domain/target.js';
import { gate } from '../support/gate.js';
import { receiptSigner } from '../support/receipts.js';
import { hour, receipts, rule, Script } from '../support/script.js';
import { temporal } from '../support/services.js';
import { installation } from '../support/statements.js';
import type { TestGrant } from '../support/test-grant.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';
const engineer = 'person:engineer';
const run = promisify(execFile);

/** Of a connector of another zone, say: it can poll and answer, and nobody pinned its key for this target. */
const stranger = receiptSigner(installation, 'orders-db');

describe('proof', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  async function awaited(script = new Script()): Promise<TestGrant> {
    const it = await world.grant(script);
    await it.shows({ state: 'APPROVAL_AWAITED' });
    return it;
  }

  async function active(script = new Script()): Promise<TestGrant> {
    const it = await awaited(script);
    await it.approve({ by: manager });
    await it.shows({ state: 'ACTIVE' });
    return it;
  }

  const recorded = async (it: TestGrant, wanted: string) =>
    until(async () => (await it.record()).find(({ type }) => type === wanted), { what: `a record ${wanted}` });
  const alarms = ({ script }: TestGrant) =>
    script.told.flatMap(({ news }) => news).filter(({ kind }) => kind === 'evidence-refused');
  const count = ({ script }: TestGrant, name: string) => script.calls.filter((call) => call === name).length;

  describe('of a decision', () => {
    it('is not had by typing `temporal workflow signal --name approve`: nothing changes, it is recorded, and security hears of it', async () => {
      const command = await findTemporal(await readCompose(), () => undefined);
      const { address } = await temporal();
      const it = await awaited();
      const typed = (name: string, input: object) =>
        run(command, [
          ...['workflow', 'signal', '--address', address, '--namespace', world.namespace],
          ...['--workflow-id', it.handle.workflowId, '--name', name, '--input', JSON.stringify(input)],
        ]);
      const decision = { decisionId: randomUUID(), by: manager, comment: 'fine', evidence: 'trust me' };
      await typed('approve', decision);
      const refused = await recorded(it, 'decision-refused');
      assert.deepEqual(
        [refused.by, refused.detail.code, refused.detail.action],
        ['unverified:signal', 'unreadable', 'approve'],
      );
      assert.equal((await it.view())?.state, 'APPROVAL_AWAITED');
      await until(() => alarms(it).length > 0);
      assert.deepEqual(alarms(it), [{ kind: 'evidence-refused', to: [security] }]);
      assert.ok(!it.script.calls.includes('judge'));
      // Ending it needs no proof.
      await typed('revoke', { reason: 'stop' });
      assert.equal((await it.ends()).state, 'REVOKED');
      assert.ok(!it.script.calls.includes('provision'));
    });

    it('is not had by a message that is sealed well and signed badly; a flood of them is one alarm', async () => {
      const it = await awaited();
      for (let times = 0; times < 5; times += 1) {
        assert.equal((await it.approve({ by: manager, refuse: 'bad-evidence' })).result, 'bad-evidence');
      }
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.narrow('deny', manager);
      await it.ends();
      assert.equal(alarms(it).length, 1);
      assert.equal((await it.record()).filter(({ type }) => type === 'decision-refused').length, 5);
    });

    it('that the target misses is an alarm too, and what may stand is removed', async () => {
      const refuse = ApplicationFailure.nonRetryable('The ceiling wants 2 of owners to approve.', 'ceiling-refused');
      const it = await awaited(new Script({ provision: () => Promise.reject(refuse) }));
      await it.approve({ by: manager });
      const view = await it.ends();
      assert.deepEqual(
        [view.state, view.ending?.reason],
        ['ACTIVATION_FAILED', 'The ceiling wants 2 of owners to approve.'],
      );
      assert.equal((await recorded(it, 'activation-failed')).detail.code, 'ceiling-refused');
      assert.equal(alarms(it).length, 1);
    });

    it('is longer than any statement: it is refused unread', async () => {
      const it = await awaited();
      const decisionId = randomUUID();
      const evidence = JSON.stringify({ by: manager, padding: 'x'.repeat(20_000) });
      await it.handle.signal('approve', { decisionId, by: manager, comment: '', evidence });
      assert.equal((await it.outcome(decisionId)).result, 'unreadable');
      await it.narrow('deny', manager);
      await it.ends();
    });
  });

  describe('that access stands', () => {
    const lies: [string, (grantId: string, script: Script) => Provisioned][] = [
      ['without a receipt', (grantId, script) => ({ ...script.account(grantId, script.now() + hour), receipt: '' })],
      [
        'with the receipt of a stranger',
        (grantId, script) => stranger.made(grantId, { ...script.account(grantId, script.now() + hour) }),
      ],
      [
        'with a receipt for an earlier end',
        (grantId, script) => ({ ...script.account(grantId, script.now() + hour), endsAt: script.now() + 8 * hour }),
      ],
      [
        'with a receipt for another credential',
        (grantId, script) => ({ ...script.account(grantId, script.now() + hour), sealedCredential: 'of the attacker' }),
      ],
      [
        'with the receipt of another grant',
        (_, script) => script.account('0123456789abcdefghjkmnpqrs', script.now() + hour),
      ],
    ];
    for (const [how, lie] of lies) {
      it(`is not believed ${how}: it never becomes active, and is removed`, async () => {
        const script: Script = new Script({
          provision: async (order) => {
            await script.provision(order);
            return lie(order.grantId, script);
          },
        });
        const it = await awaited(script);
        await it.approve({ by: manager });
        const view = await it.ends();
        assert.deepEqual([view.state, view.accessGrantTime, script.standing], ['ACTIVATION_FAILED', undefined, false]);
        assert.equal((await recorded(it, 'activation-failed')).detail.code, 'bad-receipt');
        assert.ok(view.removalVerifiedTime);
        assert.equal(alarms(it).length, 1);
      });
    }

    it('longer is not believed either: the end stays, and the extension is over', async () => {
      const script: Script = new Script({
        setEnd: async ({ grantId }) => ({
          ...script.account(grantId, script.now() + hour),
          endsAt: script.now() + 8 * hour,
        }),
      });
      const it = await active(script);
      const { expireTime } = (await it.view()) ?? {};
      await it.extend({ by: engineer, totalMs: 2 * hour });
      const ended = await recorded(it, 'extension-ended');
      assert.equal(ended.detail.code, 'bad-receipt');
      await it.shows({ state: 'ACTIVE', expireTime, conditions: [] });
      await it.narrow('revoke', manager);
      await it.ends();
    });
  });

  describe('that access is gone', () => {
    it('is not had from anyone but the connector: the removal is done again until its receipt comes', async () => {
      const lies: ((removal: Removal) => Removal)[] = [
        (removal) => ({ ...removal, receipt: '' }),
        (removal) => stranger.removed(removal),
        (removal) => receipts.removed(removal, { wasPresent: !removal.wasPresent }),
        (removal) => receipts.removed(removal, { kind: 'swept' }),
      ];
      const tries = lies.length;
      const script: Script = new Script({
        remove: async (ref) => {
          const lie = lies.shift();
          return lie ? lie(script.removal(ref.grantId, { wasPresent: true })) : script.remove(ref);
        },
      });
      const it = await active(script);
      await it.narrow('revoke', manager);
      for (let failures = 1; failures <= tries; failures += 1) {
        await until(
          async () => (await it.record()).filter(({ type }) => type === 'removal-failed').length === failures,
        );
        assert.ok(script.standing);
        assert.equal((await it.view())?.state, 'REVOKING');
        await it.skip(10_500 * 2 ** (failures - 1));
      }
      const view = await it.ends();
      assert.deepEqual([view.state, script.standing], ['REVOKED', false]);
      // Two alarms at most: that it is late, and that somebody lies.
      assert.equal(alarms(it).length, 1);
    });

    it('costs nothing when the connector has a new key: it is looked up once, and known from then on', async () => {
      const rotated = receiptSigner(installation, 'orders-db');
      const script: Script = new Script({
        provision: async (order) => {
          const { receipt: _, ...made } = await script.provision(order);
          return rotated.made(order.grantId, made);
        },
        remove: async (ref) => {
          const { receipt: _, ...removal } = await script.remove(ref);
          return rotated.removed(removal);
        },
      });
      const it = await awaited(script);
      script.receiptKeys = [receipts.key, rotated.key];
      await it.approve({ by: manager });
      await it.shows({ state: 'ACTIVE' });
      assert.equal(count(it, 'stillEligible'), 1);
      await it.narrow('revoke', manager);
      const view = await it.ends();
      assert.deepEqual([view.state, count(it, 'stillEligible'), alarms(it)], ['REVOKED', 1, []]);
    });

    it('does not count by a key that was unpinned while the answer was on its way', async () => {
      const { opened, open } = gate();
      let attempts = 0;
      const script: Script = new Script({
        remove: async (ref) => {
          attempts += 1;
          if (attempts > 1) script.receiptKeys = [receipts.key];
          else await opened;
          return script.remove(ref);
        },
        stillEligible: async () => script.eligible(),
      });
      const it = await active(script);
      script.receiptKeys = [];
      await it.handle.signal('reassess');
      await recorded(it, 'eligibility-checked');
      await it.narrow('revoke', manager);
      await until(() => attempts > 0);
      open();
      const failed = await recorded(it, 'removal-failed');
      assert.equal(failed.detail.code, 'bad-receipt');
      await it.skip(11_000);
      assert.equal((await it.ends()).state, 'REVOKED');
    });
  });

  describe('that is worth nothing any more', () => {
    it('ends the grant: an unpinned key is lost eligibility, and everything it signed is asked about', async () => {
      const script: Script = new Script({
        stillEligible: async ({ evidence }) => {
          script.checked.push(...evidence);
          return script.eligible(false, 'A key that signed this grant is not pinned any more.');
        },
      });
      const it = await active(script);
      await it.handle.signal('reassess');
      const view = await it.ends();
      assert.deepEqual([view.state, view.ending?.code], ['REVOKED', 'lost-eligibility']);
      assert.match(view.ending?.reason ?? '', /not pinned any more/);
      const record = await it.record();
      const evidence = record.flatMap(({ detail }) => detail.evidence ?? []);
      assert.equal(evidence.length, 2);
      assert.deepEqual(script.checked, evidence);
    });

    it('keeps no workflow open: a dead target is waited for until the evidence ends, and nobody sees that', async () => {
      const never = ApplicationFailure.create({ type: 'target-unavailable', nextRetryDelay: '10h' });
      const script = new Script({ remove: () => Promise.reject(never) });
      const it = await world.grant(script, {}, { activateBy: Date.now() + hour });
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.narrow('deny', manager);
      const view = await it.shows({ state: 'DENIED', conditions: [] });
      await until(() => count(it, 'remove') > 0);
      assert.equal((await it.handle.describe()).status.name, 'RUNNING');
      assert.equal((await it.approve({ by: manager })).result, 'already-over');
      await it.skip(hour + 61_000);
      const last = await it.ends();
      assert.deepEqual([last.state, last.ending], [view.state, view.ending]);
    });
  });

  it('stands in the record: whoever has it can check every decision and every receipt offline', async () => {
    const it = await active(new Script({ rule: rule({ extension: { automaticUpToMs: 2 * hour, byApproval: true } }) }));
    await it.extend({ by: engineer, totalMs: 2 * hour });
    await recorded(it, 'extended');
    await it.narrow('revoke', manager);
    await it.ends();
    const record = await it.record();
    const proofs = record.map(({ type, detail }) => [
      type,
      detail.evidence ? 'evidence' : detail.receipt ? 'receipt' : '',
    ]);
    assert.deepEqual(
      proofs.filter(([, proof]) => proof),
      [
        ['requested', 'evidence'],
        ['approved', 'evidence'],
        ['activated', 'receipt'],
        ['extension-asked', 'evidence'],
        ['extended', 'receipt'],
        ['removed', 'receipt'],
      ],
    );
    assert.deepEqual(record[0]?.detail.request, it.request);
  });
});
