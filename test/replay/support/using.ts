/** Lives with access: activated, extended, renewed, reassessed, in an emergency, or never activated at all. */
import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/common';
import { accepted, beingSetUp } from '../../support/being-set-up.js';
import { receiptSigner } from '../../support/receipts.js';
import { hour, receipts, rule, Script } from '../../support/script.js';
import { installation } from '../../support/statements.js';
import { until } from '../../support/until.js';
import type { WorkflowWorld } from '../../support/workflow-world.js';
import type { TestGrant } from '../../support/test-grant.js';
import { asksApprovers, engineer, manager, minute, records, refuses, security, unknown, type Lives } from './life.js';

const automatic = (more: ConstructorParameters<typeof Script>[0] = {}): Script =>
  new Script({ rule: rule({ automatic: true }), ...more });

async function scheduled(world: WorkflowWorld, script = new Script()): Promise<TestGrant> {
  const it = await world.awaited(script, { scheduledActivationTime: Date.now() + 6 * hour });
  await it.approve({ by: manager });
  await it.shows({ state: 'SCHEDULED' });
  return it;
}

async function breaksGlass(world: WorkflowWorld): Promise<TestGrant> {
  const emergency = { longestMs: hour, reviewers: ['group:security'] };
  const it = await world.grant(new Script({ rule: rule({ emergency }) }), { emergency: true });
  await it.shows({ state: 'ACTIVE' });
  return it;
}

export const using: Lives = {
  'ended-automatic': [
    'ENDED',
    async (world) => {
      const it = await world.grant(automatic());
      await it.shows({ state: 'ACTIVE' });
      await it.collect();
      await it.skip(hour);
      return it;
    },
  ],
  'collected-while-activating': [
    'WITHDRAWN',
    async (world) => {
      const { it, gate } = await beingSetUp(world);
      await assert.rejects(it.collect(), 'nobody waits longer than two seconds');
      const collected = it.collect();
      await until(async () => (await accepted(it)) === 2, { what: 'the second call waits' });
      gate.open();
      await collected;
      await it.narrow('withdraw', engineer);
      return it;
    },
  ],
  'ended-scheduled': [
    'ENDED',
    async (world) => {
      const it = await scheduled(world);
      await it.skip(6 * hour);
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  'scheduled-and-ineligible': [
    'REVOKED',
    async (world) => {
      const script: Script = new Script({ stillEligible: async () => script.eligible(false, 'Left the team.') });
      const it = await scheduled(world, script);
      await it.skip(6 * hour);
      return it;
    },
  ],
  'activation-failed': [
    'ACTIVATION_FAILED',
    async (world) => {
      const it = await world.awaited(new Script({ provision: refuses('It is not allowed.') }));
      await it.approve({ by: manager });
      return it;
    },
  ],
  'activation-failed-without-an-answer': [
    'ACTIVATION_FAILED',
    async (world) => {
      const script: Script = new Script({
        provision: async (order) => {
          await script.provision(order);
          throw unknown();
        },
      });
      const it = await world.awaited(script);
      await it.approve({ by: manager });
      await it.shows({ state: 'ACTIVATING' });
      await it.skip(6 * minute);
      return it;
    },
  ],
  'activation-unproved': [
    'ACTIVATION_FAILED',
    async (world) => {
      const script: Script = new Script({
        provision: async (order) => ({ ...(await script.provision(order)), receipt: '' }),
      });
      const it = await world.awaited(script);
      await it.approve({ by: manager });
      return it;
    },
  ],
  'activated-at-the-second-try': [
    'ENDED',
    async (world) => {
      let lost = 1;
      const script: Script = automatic({
        provision: async (order) => {
          const made = await script.provision(order);
          if (lost-- > 0) throw ApplicationFailure.create({ type: 'target-unavailable' });
          return made;
        },
      });
      const it = await world.grant(script);
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  'ended-extended': [
    'ENDED',
    async (world) => {
      const it = await world.active();
      await it.extend({ by: engineer, totalMs: 2 * hour });
      await it.shows({ grantedDurationMs: 2 * hour });
      await it.extend({ by: engineer, totalMs: 3 * hour });
      await asksApprovers(it);
      await it.approve({ by: manager });
      await it.shows({ grantedDurationMs: 3 * hour });
      await it.skip(4 * hour);
      return it;
    },
  ],
  'extension-denied-and-expired': [
    'ENDED',
    async (world) => {
      const it = await world.grant(automatic({ rule: rule({ automatic: true, maximumMs: 64 * hour }) }), {
        requestedDurationMs: 30 * hour,
      });
      await it.shows({ state: 'ACTIVE' });
      await it.extend({ by: engineer, totalMs: 40 * hour });
      await asksApprovers(it);
      await it.narrow('deny', manager);
      await it.shows({ state: 'ACTIVE', conditions: [] });
      await it.extend({ by: engineer, totalMs: 90 * hour });
      await it.extend({ by: engineer, totalMs: 41 * hour });
      await asksApprovers(it);
      await it.skip(24 * hour + 1_000);
      await it.shows({ conditions: [] });
      await it.skip(40 * hour);
      return it;
    },
  ],
  'extension-refused-by-the-target': [
    'ENDED',
    async (world) => {
      const it = await world.grant(automatic({ setEnd: refuses('It cannot.') }));
      await it.shows({ state: 'ACTIVE' });
      await it.extend({ by: engineer, totalMs: 2 * hour });
      await records(it, 'extension-ended');
      await it.skip(hour);
      return it;
    },
  ],
  'revoked-while-extended': [
    'REVOKED',
    async (world) => {
      const it = await world.grant(automatic());
      await it.shows({ state: 'ACTIVE' });
      await it.extend({ by: engineer, totalMs: 3 * hour });
      await asksApprovers(it);
      await it.narrow('revoke', security);
      return it;
    },
  ],
  'renewed-and-withdrawn': [
    'WITHDRAWN',
    async (world) => {
      const it = await world.active();
      await it.collect();
      await it.renew({ by: engineer });
      await it.shows({ credential: 'waiting' });
      await it.collect();
      await it.narrow('withdraw', engineer);
      return it;
    },
  ],
  'renewal-failed': [
    'ENDED',
    async (world) => {
      const it = await world.grant(automatic({ renew: refuses('The target will not.') }));
      await it.shows({ state: 'ACTIVE' });
      await it.collect();
      await it.renew({ by: engineer });
      await records(it, 'renewal-failed');
      await it.skip(hour);
      return it;
    },
  ],
  'policy-changed': [
    'ENDED',
    async (world) => {
      const it = await world.active();
      it.script.rule = rule({ policyVersion: 'p2', extension: { automaticUpToMs: 0, byApproval: false } });
      await it.handle.signal('reassess');
      await records(it, 'eligibility-checked');
      // It keeps the rules that it was approved under.
      await it.extend({ by: engineer, totalMs: 2 * hour });
      await it.shows({ grantedDurationMs: 2 * hour });
      await it.skip(4 * hour);
      return it;
    },
  ],
  'policy-unreadable': [
    'ENDED',
    async (world) => {
      const stillEligible = () => Promise.reject(ApplicationFailure.nonRetryable('no policy', 'internal'));
      const it = await world.grant(automatic({ stillEligible }));
      await it.shows({ state: 'ACTIVE' });
      await it.handle.signal('reassess');
      await until(() => it.script.calls.includes('stillEligible'), { what: 'the question' });
      await it.skip(hour);
      return it;
    },
  ],
  'revoked-ineligible': [
    'REVOKED',
    async (world) => {
      let eligible = true;
      const script: Script = new Script({ stillEligible: async () => script.eligible(eligible, 'policy') });
      const it = await world.active(script);
      eligible = false;
      await it.handle.signal('reassess');
      return it;
    },
  ],
  'externally-modified': [
    'ENDED',
    async (world) => {
      const it = await world.grant(automatic());
      await it.shows({ state: 'ACTIVE' });
      await it.handle.signal('externallyModified');
      await it.shows({ conditions: ['externallyModified'] });
      await it.skip(hour);
      return it;
    },
  ],
  'receipts-by-a-new-key': [
    'ENDED',
    async (world) => {
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
      const it = await world.awaited(script);
      script.receiptKeys = [receipts.key, rotated.key];
      await it.approve({ by: manager });
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  'receipts-by-an-unknown-key': [
    'ACTIVATION_FAILED',
    async (world) => {
      const stranger = receiptSigner(installation, 'orders-db');
      const script: Script = new Script({
        provision: async (order) => {
          const { receipt: _, ...made } = await script.provision(order);
          return stranger.made(order.grantId, made);
        },
      });
      const it = await world.awaited(script);
      await it.approve({ by: manager });
      return it;
    },
  ],
  'emergency-reviewed': [
    'WITHDRAWN',
    async (world) => {
      const it = await breaksGlass(world);
      await it.narrow('withdraw', engineer);
      await it.shows({ state: 'WITHDRAWN', conditions: ['emergency', 'reviewPending'] });
      await it.skip(24 * hour);
      await records(it, 'review-reminded');
      await it.review({ by: security, verdict: 'justified' });
      return it;
    },
  ],
  'emergency-not-justified': [
    'ENDED',
    async (world) => {
      const it = await breaksGlass(world);
      await it.approve({ by: manager });
      await it.review({ by: 'person:stranger', refuse: 'not-an-approver' });
      await it.skip(hour);
      await it.shows({ state: 'ENDED' });
      await it.review({ by: security, verdict: 'not-justified' });
      return it;
    },
  ],
  'emergency-refused': ['DENIED', (world) => world.grant(new Script(), { emergency: true })],
};
