/** The life of a grant on the real server: each test ends by replaying the history it made. */
import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/common';
import { firstBroken } from '../../workflows/domain/record.js';
import { hour, rule, Script, silence, step } from '../support/script.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';
const owner = 'person:owner';

describe('a grant', () => {
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  /** A grant that is in use. */
  async function active(script = new Script()) {
    const it = await world.grant(script);
    await it.shows({ state: 'APPROVAL_AWAITED' });
    await it.approve({ by: manager });
    await it.shows({ state: 'ACTIVE' });
    return it;
  }

  describe('from request to proven removal', () => {
    it('is asked for, approved, active, over and proved gone, in at most 80 events', async () => {
      const script: Script = new Script({
        provision: async ({ grantId }) => {
          script.standing = true;
          return script.account(grantId, Date.now() + 1_500);
        },
      });
      const it = await active(script);
      assert.ok(it.script.standing);
      const view = await it.ends();
      assert.equal(view.state, 'ENDED');
      assert.ok(!it.script.standing);
      assert.ok(view.removalVerifiedTime);
      const { historyLength: events } = await it.handle.describe();
      assert.ok(events <= 80, `it has ${events} events`);
    });

    it('runs without a hook of the SDK into each of its promises, which took a third of a replay', async () => {
      const it = await world.awaited();
      assert.equal(await it.handle.query<string>('__stack_trace'), '');
    });

    it('passes without approval only when risk and ceiling both allow it', async () => {
      const it = await world.grant(new Script({ rule: rule({ automatic: true }) }));
      const view = await it.shows({ state: 'ACTIVE' });
      assert.equal(view.automatic, true);
      await it.narrow('revoke', 'person:security');
      assert.equal((await it.ends()).state, 'REVOKED');
    });

    it('asks people when the ceiling does not answer within 3 s', async () => {
      world.ceilings.set('silent/read', silence);
      const it = await world.grant(new Script({ rule: rule({ automatic: true }) }), { entitlement: 'silent/read' });
      await it.shows({ state: 'APPROVAL_AWAITED', automatic: false });
      await it.narrow('withdraw', 'person:engineer');
      assert.equal((await it.ends()).state, 'WITHDRAWN');
    });

    it('is refused at once what the ceiling would refuse later', async () => {
      world.ceilings.set('low/read', async () => ({ allows: false, because: 'It allows at most 1 hour.' }));
      const it = await world.grant(new Script(), { entitlement: 'low/read' });
      const view = await it.ends();
      assert.equal(view.state, 'DENIED');
      assert.equal(view.ending?.reason, 'It allows at most 1 hour.');
      assert.ok(!it.script.calls.includes('provision'));
    });

    it('is denied when assessment says no, with its reason', async () => {
      const assess = async () => ({ verdict: 'deny', code: 'not-eligible', because: 'Not for contractors.' }) as const;
      const view = await (await world.grant(new Script({ assess }))).ends();
      assert.equal(view.state, 'DENIED');
      assert.deepEqual([view.ending?.code, view.ending?.reason], ['not-eligible', 'Not for contractors.']);
    });

    it('keeps one unbroken record of everything that happened', async () => {
      const it = await active();
      await it.narrow('revoke', owner);
      await it.ends();
      const record = await it.record();
      assert.equal(firstBroken(record), undefined);
      const types = record.map(({ type }) => type);
      assert.deepEqual(types, [
        'requested',
        'assessed',
        'step-opened',
        'approved',
        'step-completed',
        'activation-started',
        'activated',
        'revoked',
        'removal-started',
        'removed',
        'closed',
      ]);
    });
  });

  describe('in the Temporal UI', () => {
    it('is a story: what each activity and timer is for, what is owed now, and ids to search by', async () => {
      const it = await active();
      const { searchAttributes } = await it.handle.describe();
      const { GrantState, Approvers, RiskScore, ExpireTime, ChangedAt, RevocationOverdue } = searchAttributes;
      assert.deepEqual([GrantState, Approvers, RiskScore, RevocationOverdue], [['ACTIVE'], undefined, [20], [false]]);
      assert.ok(ExpireTime?.[0] instanceof Date && ChangedAt?.[0] instanceof Date);
      assert.match(await it.details(), /^\*\*ACTIVE\*\* since .*\n.*\n.*ends .*\n.*owed: removal at orders-db/s);
      await it.skip(hour);
      await it.ends();
      const told = await it.summaries();
      for (const summary of [
        'assess',
        'may they approve?',
        'provision at orders-db',
        'end of access',
        'remove at orders-db',
      ]) {
        assert.ok(told.includes(summary), `no "${summary}" in ${told.join(', ')}`);
      }
      assert.match(await it.details(), /^\*\*ENDED\*\*.*removal read back/s);
    });
  });

  describe('decided by people', () => {
    it('needs the quorum of every step, in order', async () => {
      const flow = { name: 'heavy', steps: [step([manager]), step(['group:db-owners'], { needed: 2 })] };
      const it = await world.grant(new Script({ rule: rule({ flow }) }));
      await it.shows({ state: 'APPROVAL_AWAITED', asked: [manager] });
      await it.approve({ by: manager });
      await it.shows({ asked: [manager, 'group:db-owners'] });
      await it.approve({ by: owner });
      assert.equal((await it.view())?.state, 'APPROVAL_AWAITED');
      await it.approve({ by: 'person:second-owner' });
      await it.shows({ state: 'ACTIVE' });
      await it.narrow('withdraw', 'person:engineer');
      assert.equal((await it.ends()).state, 'WITHDRAWN');
    });

    it('are asked at once when the assessment says whom', async () => {
      const script = new Script({
        rule: rule({ flow: { name: 'quick', steps: [step([manager], { expireAfterMs: hour })] } }),
      });
      const it = await world.grant(script);
      await it.shows({ state: 'APPROVAL_AWAITED', asked: [manager] });
      assert.ok(!script.calls.includes('openStep'));
      await it.skip(hour);
      assert.equal((await it.ends()).state, 'EXPIRED');
    });

    it('takes a deny while an approval is being judged, and the deny wins', async () => {
      let answer = (): void => undefined;
      const asked = new Promise<void>((resolve) => (answer = resolve));
      const script: Script = new Script({ judge: async (input) => asked.then(() => script.judge(input)) });
      const it = await world.grant(script);
      await it.shows({ state: 'APPROVAL_AWAITED' });
      const decisionId = '00000000-0000-4000-8000-000000000002';
      const evidence = JSON.stringify({ by: manager });
      await it.handle.signal('approve', { decisionId, by: manager, comment: '', evidence });
      await until(() => script.calls.includes('judge'));
      assert.equal((await it.narrow('deny', owner)).result, 'applied');
      answer();
      assert.equal((await it.ends()).state, 'DENIED');
      assert.ok(!script.calls.includes('provision'));
    });

    it('ends with one deny', async () => {
      const it = await world.grant(new Script());
      await it.shows({ state: 'APPROVAL_AWAITED' });
      assert.equal((await it.narrow('deny', manager)).result, 'applied');
      const view = await it.ends();
      assert.equal(view.state, 'DENIED');
      assert.ok(!it.script.calls.includes('provision'));
    });

    it('answers a second click, a late decision, a wrong approver and a repeated id each with its own outcome', async () => {
      const flow = { name: 'heavy', steps: [step([manager], { needed: 2 })] };
      const it = await world.grant(new Script({ rule: rule({ flow }) }));
      await it.shows({ state: 'APPROVAL_AWAITED' });
      const first = await it.approve({ by: manager }, '00000000-0000-4000-8000-000000000001');
      assert.equal(first.result, 'applied');
      const repeated = await it.approve({ by: manager }, '00000000-0000-4000-8000-000000000001');
      assert.deepEqual(repeated, first);
      assert.equal((await it.approve({ by: manager })).result, 'already-decided');
      assert.equal((await it.approve({ by: 'person:other', human: manager })).result, 'same-human');
      assert.equal((await it.approve({ by: 'person:engineer' })).result, 'own-request');
      assert.equal((await it.approve({ by: 'person:stranger', refuse: 'not-an-approver' })).result, 'not-an-approver');
      assert.equal((await it.narrow('deny', manager)).result, 'applied');
      assert.equal((await it.ends()).state, 'DENIED');
      assert.equal((await it.record()).filter(({ type }) => type === 'decision-refused').length, 4);
    });

    it('no longer counts a vote whose holder lost the role before quorum', async () => {
      const flow = { name: 'heavy', steps: [step(['group:db-owners'], { needed: 2 })] };
      const it = await world.grant(new Script({ rule: rule({ flow }) }));
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.approve({ by: owner });
      await it.approve({ by: 'person:second-owner', standing: [] });
      assert.equal((await it.view())?.state, 'APPROVAL_AWAITED');
      await it.approve({ by: 'person:third-owner', standing: ['person:second-owner'] });
      await it.shows({ state: 'ACTIVE' });
      await it.narrow('revoke', owner);
      await it.ends();
    });

    it('takes the shorter duration of an approval, and refuses a longer one', async () => {
      const it = await world.grant(new Script());
      await it.shows({ state: 'APPROVAL_AWAITED' });
      assert.equal((await it.approve({ by: manager, durationMs: 2 * hour })).result, 'duration-not-shorter');
      await it.approve({ by: manager, durationMs: hour / 2 });
      await it.shows({ state: 'ACTIVE', grantedDurationMs: hour / 2 });
      await it.narrow('revoke', owner);
      await it.ends();
    });

    it('answers not-judged when the decision cannot be checked within 2 s, and nothing was widened', async () => {
      const it = await world.grant(new Script({ judge: silence }));
      await it.shows({ state: 'APPROVAL_AWAITED' });
      assert.equal((await it.approve({ by: manager })).result, 'not-judged');
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.narrow('deny', manager);
      assert.equal((await it.ends()).state, 'DENIED');
    });
  });

  describe('in time', () => {
    it('reminds, escalates to more approvers and then ends the request, and never approves', async () => {
      const clocks = { remindAfterMs: hour, escalateAfterMs: 2 * hour, expireAfterMs: 4 * hour, escalateTo: [owner] };
      const it = await world.grant(
        new Script({ rule: rule({ flow: { name: 'slow', steps: [step([manager], clocks)] } }) }),
      );
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.skip(hour + 1_000);
      await until(() => it.script.told.some(({ news }) => news.some(({ kind }) => kind === 'reminded')));
      await it.skip(hour);
      await it.shows({ conditions: ['escalated'], asked: [manager, owner] });
      await it.skip(2 * hour);
      assert.equal((await it.ends()).state, 'EXPIRED');
      assert.ok(!it.script.calls.includes('provision'));
    });

    it('is denied when nobody is left who may decide', async () => {
      const openStep = async () => ({ selectors: [], usedFallback: true, expireAt: Date.now() + hour });
      const view = await (await world.grant(new Script({ openStep }))).ends();
      assert.equal(view.state, 'DENIED');
      assert.match(view.ending?.reason ?? '', /Nobody is left/);
    });

    it('starts when scheduled, after a second assessment', async () => {
      const it = await world.grant(new Script(), { scheduledActivationTime: Date.now() + 6 * hour });
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.approve({ by: manager });
      await it.shows({ state: 'SCHEDULED' });
      assert.ok(!it.script.calls.includes('provision'));
      await it.skip(6 * hour);
      await it.shows({ state: 'ACTIVE' });
      assert.ok(it.script.calls.includes('stillEligible'));
      await it.skip(hour);
      assert.equal((await it.ends()).state, 'ENDED');
    });

    it('does not start for someone who lost eligibility while it was scheduled', async () => {
      const script: Script = new Script({ stillEligible: async () => script.eligible(false, 'Left the team.') });
      const it = await world.grant(script, { scheduledActivationTime: Date.now() + hour });
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.approve({ by: manager });
      await it.shows({ state: 'SCHEDULED' });
      await it.skip(hour);
      const view = await it.ends();
      assert.deepEqual([view.state, view.ending?.code], ['REVOKED', 'lost-eligibility']);
      assert.ok(!it.script.calls.includes('provision'));
    });

    it('ends sooner when a changed policy takes eligibility away', async () => {
      let eligible = true;
      const script: Script = new Script({ stillEligible: async () => script.eligible(eligible, 'policy') });
      const it = await active(script);
      eligible = false;
      await it.handle.signal('reassess');
      const view = await it.ends();
      assert.deepEqual([view.state, view.ending?.code], ['REVOKED', 'lost-eligibility']);
    });
  });

  describe('extended', () => {
    it('moves its end without approval up to the limit, and never past the maximum', async () => {
      const it = await active();
      const before = (await it.view())?.expireTime ?? 0;
      assert.equal((await it.extend({ by: 'person:engineer', totalMs: 9 * hour })).result, 'extension-too-long');
      assert.equal((await it.extend({ by: 'person:stranger', totalMs: 2 * hour })).result, 'forbidden');
      assert.equal((await it.extend({ by: 'person:engineer', totalMs: 2 * hour })).result, 'applied');
      await until(async () => ((await it.view())?.expireTime ?? 0) > before);
      await it.shows({ state: 'ACTIVE', grantedDurationMs: 2 * hour, conditions: [] });
      await it.skip(4 * hour);
      assert.equal((await it.ends()).state, 'ENDED');
    });

    it('is asked of approvers again beyond the limit; a deny ends only the extension', async () => {
      const it = await active();
      await it.extend({ by: 'person:engineer', totalMs: 3 * hour });
      await it.shows({ state: 'ACTIVE', conditions: ['extensionPending'] });
      await until(async () => (await it.view())?.step?.asked.length);
      await it.narrow('deny', manager);
      await it.shows({ state: 'ACTIVE', conditions: [] });
      assert.ok(!it.script.calls.includes('setEnd'));
      await it.extend({ by: 'person:engineer', totalMs: 3 * hour });
      await until(async () => (await it.view())?.step?.asked.length);
      assert.equal((await it.approve({ by: manager })).result, 'applied');
      await it.shows({ state: 'ACTIVE', grantedDurationMs: 3 * hour });
      await it.narrow('revoke', owner);
      assert.equal((await it.ends()).state, 'REVOKED');
    });

    it('leaves the end where it was when the target refuses to move it', async () => {
      const setEnd = () => Promise.reject(ApplicationFailure.nonRetryable('It cannot.', 'target-refused'));
      const it = await active(new Script({ setEnd }));
      const before = (await it.view())?.expireTime;
      await it.extend({ by: 'person:engineer', totalMs: 2 * hour });
      await until(async () => (await it.record()).some(({ type }) => type === 'extension-ended'));
      await it.skip(hour);
      const view = await it.ends();
      assert.deepEqual([view.state, view.expireTime], ['ENDED', before]);
    });
  });
});
