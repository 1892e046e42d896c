/** What breaks around a grant: it ends in the right state, nothing is left at the target, and nothing comes back. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import type { Removal } from '../../workflows/domain/target.js';
import { decisionsQueue } from '../../workflows/ids.js';
import * as messages from '../../workflows/messages.js';
import { gate } from '../support/gate.js';
import { hour, rule, Script, step } from '../support/script.js';
import type { TestGrant } from '../support/test-grant.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';
const engineer = 'person:engineer';
const minute = 60_000;

/** What a target says that will never do it, and what it says when it may have. */
const refused = () => ApplicationFailure.nonRetryable('It is not allowed there.', 'target-refused');
const unknown = () => ApplicationFailure.retryable('It is not there now.', 'target-unavailable');

describe('a grant among faults', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  const has = (it: TestGrant, wanted: string) =>
    until(async () => (await it.wholeRecord()).some(({ type }) => type === wanted), { what: `a record ${wanted}` });
  const count = (it: TestGrant, name: string) => it.script.calls.filter((call) => call === name).length;

  describe('while access is made', () => {
    it('ends as ACTIVATION_FAILED, with its removal proved, when the target refuses', async () => {
      const it = await world.awaited(new Script({ provision: () => Promise.reject(refused()) }));
      await it.approve({ by: manager });
      const view = await it.ends();
      assert.deepEqual([view.state, view.ending?.reason], ['ACTIVATION_FAILED', 'It is not allowed there.']);
      assert.ok(view.removalVerifiedTime);
      assert.equal(count(it, 'provision'), 1);
    });

    it('tries again while nobody knows whether it worked, and adopts what the target has', async () => {
      let attempts = 0;
      const script: Script = new Script({
        provision: async (order) => {
          const made = await script.provision(order);
          attempts += 1;
          if (attempts < 3) throw unknown();
          return made;
        },
      });
      const it = await world.active(script);
      assert.equal(attempts, 3);
      await it.narrow('revoke', manager);
      await it.ends();
    });

    it('ends as ACTIVATION_FAILED and removes what may have been made when it never gets an answer', async () => {
      const script: Script = new Script({
        provision: async (order) => {
          await script.provision(order);
          // Rarely, since skipped time has a bound on attempts.
          throw ApplicationFailure.create({ type: 'target-unavailable', nextRetryDelay: '100s' });
        },
      });
      const it = await world.awaited(script);
      await it.approve({ by: manager });
      await it.shows({ state: 'ACTIVATING' });
      await it.skip(6 * minute);
      const view = await it.ends();
      assert.deepEqual([view.state, script.standing], ['ACTIVATION_FAILED', false]);
      assert.ok(view.removalVerifiedTime && view.accessGrantTime === undefined);
    });

    it('is revoked meanwhile: it is removed at once, and a late answer changes nothing', async () => {
      const { opened, open } = gate();
      const script: Script = new Script({
        provision: async (order) => {
          await opened;
          // The tombstone stands: a connector refuses now.
          return script.provision(order);
        },
      });
      const it = await world.awaited(script);
      await it.approve({ by: manager });
      await until(() => count(it, 'provision') > 0);
      await it.narrow('revoke', manager);
      const view = await it.ends();
      open();
      assert.deepEqual([view.state, script.standing, view.accessGrantTime], ['REVOKED', false, undefined]);
      assert.ok(view.removalVerifiedTime);
    });

    it('is revoked meanwhile, and the answer comes before the removal: it never becomes active, and all is removed', async () => {
      const provisioning = gate();
      const removing = gate();
      const script: Script = new Script({
        provision: async (order) => {
          await provisioning.opened;
          return script.provision(order);
        },
        remove: async (ref) => {
          await removing.opened;
          return script.remove(ref);
        },
      });
      const it = await world.awaited(script);
      await it.approve({ by: manager });
      await until(() => count(it, 'provision') > 0);
      await it.narrow('revoke', manager);
      provisioning.open();
      await until(() => script.standing);
      removing.open();
      const view = await it.ends();
      assert.deepEqual([view.state, script.standing, view.accessGrantTime], ['REVOKED', false, undefined]);
    });
  });

  describe('while access is removed', () => {
    it('keeps removing while the target is down, says so after a minute, and ends when it is back', async () => {
      let down = true;
      const script: Script = new Script({ remove: (ref) => (down ? Promise.reject(unknown()) : script.remove(ref)) });
      const it = await world.active(script);
      await it.narrow('revoke', manager);
      await it.shows({ state: 'REVOKING', conditions: [] });
      await it.skip(61_000);
      await it.shows({ state: 'REVOKING', conditions: ['revocationOverdue'] }, 30_000);
      await until(() => script.told.some(({ news }) => news.some(({ kind }) => kind === 'removal-overdue')));
      assert.ok(script.standing);
      // Every 4 s once it has failed some times, so that little time is lost when the target is back.
      const tries = script.calls.filter((call) => call === 'remove').length;
      assert.ok(tries >= 15, `${tries} tries in a minute`);
      await it.skip(5 * minute);
      await it.shows({ state: 'REVOKING', conditions: ['revocationOverdue'] }, 30_000);
      down = false;
      await it.skip(minute);
      const view = await it.ends();
      assert.deepEqual([view.state, view.conditions, script.standing], ['REVOKED', [], false]);
    });

    it('tells of one that takes long after half a minute, dated by then, so that no seal passes it by', async () => {
      let down = true;
      const script: Script = new Script({ remove: (ref) => (down ? Promise.reject(unknown()) : script.remove(ref)) });
      const it = await world.active(script);
      const seen = async () =>
        (await it.handle.describe()).searchAttributes as { [name: string]: unknown[] | undefined };
      await it.narrow('revoke', manager);
      await it.shows({ state: 'REVOKING' });
      assert.deepEqual((await seen())['GrantState'], ['ACTIVE'], 'it was told at once');
      const revokedAt = (await it.record()).find(({ type }) => type === 'revoked')?.at ?? 0;
      await it.skip(31_000);
      await until(async () => (await seen())['GrantState']?.[0] === 'REVOKING');
      const [changedAt] = (await seen())['ChangedAt'] ?? [];
      assert.ok(changedAt instanceof Date && changedAt.getTime() >= revokedAt + 30_000);
      down = false;
      await it.skip(minute);
      assert.equal((await it.ends()).state, 'REVOKED');
    });

    it('does not believe another system than the one that holds the account', async () => {
      let other = true;
      const script: Script = new Script({
        remove: async (ref) => {
          if (!other) return script.remove(ref);
          return script.removal(ref.grantId, { targetIdentity: 'a restored copy' });
        },
      });
      const it = await world.active(script);
      await it.narrow('withdraw', engineer);
      await has(it, 'removal-failed');
      assert.equal((await it.shows({ state: 'WITHDRAWING' })).removalVerifiedTime, undefined);
      other = false;
      await it.skip(11_000);
      const view = await it.ends();
      assert.deepEqual([view.state, script.standing], ['WITHDRAWN', false]);
    });

    it('does not believe a proof about another grant, or one that proves nothing, however often it comes', async () => {
      const wrong: Partial<Removal>[] = [{ grantId: 'another' }, { verifiedAt: -1 }];
      const script: Script = new Script({
        remove: async (ref) => {
          const lie = wrong.shift();
          if (!lie) return script.remove(ref);
          return script.removal(ref.grantId, lie);
        },
      });
      const it = await world.active(script);
      await it.narrow('revoke', manager);
      for (const failures of [1, 2]) {
        await until(
          async () => (await it.record()).filter(({ type }) => type === 'removal-failed').length === failures,
        );
        assert.ok(script.standing);
        await it.skip(11_000 * 2 ** (failures - 1));
      }
      assert.equal((await it.ends()).state, 'REVOKED');
      assert.ok(!script.standing);
    });
  });

  describe('among its own machines', () => {
    it('waits for assessment, approvers and judge to come back, and goes on', async () => {
      const failing = new Map([
        ['assess', 2],
        ['openStep', 2],
        ['judge', 1],
      ]);
      const flaky = <Name extends 'assess' | 'openStep' | 'judge'>(name: Name) =>
        (async (input: Parameters<Script[Name]>[0]) => {
          const left = failing.get(name) ?? 0;
          failing.set(name, left - 1);
          if (left > 0) throw new Error(`${name} is restarting`);
          return (script[name] as (input: unknown) => Promise<unknown>)(input);
        }) as Script[Name];
      const script: Script = new Script({
        assess: flaky('assess'),
        openStep: flaky('openStep'),
        judge: flaky('judge'),
      });
      const it = await world.active(script);
      await it.narrow('revoke', manager);
      await it.ends();
    });

    it('is not held up by telling that fails, and closes once the last of it is out', async () => {
      let down = true;
      const script: Script = new Script({ tell: (change) => (down ? Promise.reject(unknown()) : script.tell(change)) });
      const it = await world.active(script);
      await it.narrow('revoke', manager);
      await it.shows({ state: 'REVOKED' });
      assert.equal((await it.handle.describe()).status.name, 'RUNNING');
      down = false;
      await it.skip(10 * minute);
      await it.ends();
      const told = script.told.flatMap(({ records }) => records);
      assert.equal(told.length, (await it.record()).length);
    });

    it('answers a decision that was being judged when the grant ended', async () => {
      const { opened, open } = gate();
      const script: Script = new Script({
        judge: async (input) => {
          await opened;
          return script.judge(input);
        },
      });
      const it = await world.awaited(script);
      const decisionId = randomUUID();
      const late = { decisionId, by: manager, comment: '', evidence: JSON.stringify({ by: manager }) };
      await it.handle.signal(messages.approve, late);
      await until(() => script.calls.includes('judge'));
      await it.narrow('deny', manager);
      open();
      const view = await it.ends();
      assert.equal(view.state, 'DENIED');
      // The deny came either while the judge was asked for the last time, or after it gave up.
      const result = view.outcomes.find((found) => found.decisionId === decisionId)?.result;
      assert.ok(result === 'already-over' || result === 'not-judged', String(result));
      assert.ok(!it.script.calls.includes('provision'));
    });

    it('takes every message twice as once', async () => {
      const it = await world.awaited(
        new Script({ rule: rule({ flow: { name: 'f', steps: [step([manager], { needed: 2 })] } }) }),
      );
      const twice = async (send: () => Promise<unknown>) => [await send(), await send()];
      const [one, two, three, four] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
      await twice(() => it.approve({ by: manager }, one));
      await twice(() => it.approve({ by: 'person:owner' }, two));
      await it.shows({ state: 'ACTIVE' });
      await twice(() => it.extend({ by: engineer, totalMs: 2 * hour }, three));
      await it.shows({ grantedDurationMs: 2 * hour });
      await twice(() => it.narrow('revoke', manager, four));
      const view = await it.ends();
      assert.deepEqual(
        view.outcomes.map(({ decisionId, result }) => [decisionId, result]),
        [one, two, three, four].map((id) => [id, 'applied']),
      );
      const once = ['provision', 'setEnd', 'remove'].map((name) => count(it, name));
      assert.deepEqual(once, [1, 1, 1]);
    });

    it('outlives its worker, and a lost cache', async () => {
      const it = await world.active();
      await world.stopDecisions();
      const extension = { decisionId: randomUUID(), by: engineer, comment: '' };
      await it.handle.signal(messages.extend, {
        ...extension,
        evidence: JSON.stringify({ by: engineer, totalMs: 2 * hour }),
      });
      await world.startDecisions();
      // A task that the old worker was given while it stopped is given again after its 10 s.
      await it.shows({ grantedDurationMs: 2 * hour }, 30_000);
      await it.narrow('revoke', manager);
      const view = await it.ends();
      assert.deepEqual([view.state, it.script.standing], ['REVOKED', false]);
    });
  });

  it('is the only one of its id, and is not started by anyone for another grant', async () => {
    const it = await world.awaited();
    const { workflowId } = it.handle;
    const start = {
      taskQueue: decisionsQueue,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
    } as const;
    const args = [{ request: it.request, evidence: 'x' }];
    await assert.rejects(world.client.workflow.start('grant', { ...start, workflowId, args }));
    await it.narrow('deny', manager);
    await it.ends();
    await assert.rejects(world.client.workflow.start('grant', { ...start, workflowId, args }));
    for (const wrong of [args, [], [null], [{ request: {} }]]) {
      const other = await world.client.workflow.start('grant', {
        ...start,
        workflowId: `grant/${randomUUID()}`,
        args: wrong,
      });
      await assert.rejects(other.result());
    }
  });
});
