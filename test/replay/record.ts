/**
 * Records one history per outcome, for the version in package.json: `npm run histories:record`, once at each release.
 *
 * A version that is recorded is never recorded again: a history that no longer replays is a missing `patched` in the
 * workflow. Only for a version that nobody runs yet may its folder be deleted and recorded anew.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { ApplicationFailure } from '@temporalio/common';
import type { GrantState } from '../../workflows/domain/states.js';
import { hour, receipts, rule, Script, step } from '../support/script.js';
import { stopServices } from '../support/services.js';
import type { TestGrant } from '../support/test-grant.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';
import { storedKeys, storedVersions, writeHistory, type History } from './stored.js';

const manager = 'person:manager';
const owner = 'person:owner';
const engineer = 'person:engineer';

type Life = (world: WorkflowWorld) => Promise<TestGrant>;

const awaited = async (world: WorkflowWorld, script = new Script()): Promise<TestGrant> => {
  const it = await world.grant(script);
  await it.shows({ state: 'APPROVAL_AWAITED', asked: [manager] });
  return it;
};

const active = async (world: WorkflowWorld, script = new Script()): Promise<TestGrant> => {
  const it = await awaited(world, script);
  await it.approve({ by: manager });
  await it.shows({ state: 'ACTIVE' });
  return it;
};

/** One life for each way to end, and for what changes the way. */
export const lives: Record<string, [GrantState, Life]> = {
  denied: [
    'DENIED',
    async (world) => {
      const it = await awaited(world);
      await it.narrow('deny', manager);
      return it;
    },
  ],
  'expired-after-escalation': [
    'EXPIRED',
    async (world) => {
      const clocks = { remindAfterMs: hour, escalateAfterMs: 2 * hour, expireAfterMs: 4 * hour, escalateTo: [owner] };
      const flow = { name: 'slow', steps: [step([manager], clocks)] };
      const it = await awaited(world, new Script({ rule: rule({ flow }) }));
      await it.skip(2 * hour + 1_000);
      await it.shows({ conditions: ['escalated'], asked: [manager, owner] });
      await it.skip(2 * hour);
      return it;
    },
  ],
  'activation-failed': [
    'ACTIVATION_FAILED',
    async (world) => {
      const provision = () => Promise.reject(ApplicationFailure.nonRetryable('It is not allowed.', 'target-refused'));
      const it = await awaited(world, new Script({ provision }));
      await it.approve({ by: manager });
      return it;
    },
  ],
  'ended-after-two-steps': [
    'ENDED',
    async (world) => {
      const flow = { name: 'heavy', steps: [step([manager]), step([owner], { needed: 2 })] };
      const it = await awaited(world, new Script({ rule: rule({ flow }) }));
      await it.approve({ by: manager });
      await it.shows({ asked: [manager, owner] });
      await it.approve({ by: manager });
      await it.approve({ by: owner, durationMs: hour / 2 });
      await it.approve({ by: 'person:second-owner' });
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  'ended-automatic': [
    'ENDED',
    async (world) => {
      const it = await world.grant(new Script({ rule: rule({ automatic: true }) }));
      await it.shows({ state: 'ACTIVE' });
      await it.handle.executeUpdate('collect', { args: [{ collectId: 'one', by: engineer }] });
      await it.skip(hour);
      return it;
    },
  ],
  'ended-scheduled': [
    'ENDED',
    async (world) => {
      const it = await world.grant(new Script(), { scheduledActivationTime: Date.now() + 6 * hour });
      await it.shows({ state: 'APPROVAL_AWAITED', asked: [manager] });
      await it.approve({ by: manager });
      await it.shows({ state: 'SCHEDULED' });
      await it.skip(6 * hour);
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  'ended-extended': [
    'ENDED',
    async (world) => {
      const it = await active(world);
      await it.extend({ by: engineer, totalMs: 2 * hour });
      await it.shows({ grantedDurationMs: 2 * hour });
      await it.extend({ by: engineer, totalMs: 3 * hour });
      await until(async () => (await it.view())?.step?.asked.length);
      await it.approve({ by: manager });
      await it.shows({ grantedDurationMs: 3 * hour });
      await it.skip(3 * hour);
      return it;
    },
  ],
  revoked: [
    'REVOKED',
    async (world) => {
      const it = await active(world);
      await it.narrow('revoke', 'person:security');
      return it;
    },
  ],
  'revoked-overdue': [
    'REVOKED',
    async (world) => {
      let other = true;
      const script: Script = new Script({
        remove: async (ref) => {
          const removal = await script.remove(ref);
          return other ? receipts.removed({ ...removal, targetIdentity: 'another' }) : removal;
        },
      });
      const it = await active(world, script);
      await it.narrow('revoke', 'person:security');
      await it.skip(61_000);
      await it.shows({ conditions: ['revocationOverdue'] });
      other = false;
      await it.skip(hour / 4);
      return it;
    },
  ],
  'revoked-ineligible': [
    'REVOKED',
    async (world) => {
      let eligible = true;
      const script: Script = new Script({ stillEligible: async () => script.eligible(eligible, 'policy') });
      const it = await active(world, script);
      eligible = false;
      await it.handle.signal('reassess');
      return it;
    },
  ],
  cancelled: [
    'REVOKED',
    async (world) => {
      const it = await active(world);
      await it.handle.cancel();
      return it;
    },
  ],
  'emergency-reviewed': [
    'WITHDRAWN',
    async (world) => {
      const emergency = { longestMs: hour, reviewers: ['group:security'] };
      const it = await world.grant(new Script({ rule: rule({ emergency }) }), { emergency: true });
      await it.shows({ state: 'ACTIVE' });
      await it.narrow('withdraw', engineer);
      await it.shows({ state: 'WITHDRAWN', conditions: ['emergency', 'reviewPending'] });
      await it.skip(24 * hour);
      await until(() => it.script.told.some(({ news }) => news.some(({ kind }) => kind === 'review-reminded')), {
        what: 'a reminder of the review',
      });
      await it.review({ by: 'person:security', verdict: 'justified' });
      return it;
    },
  ],
  'renewed-and-withdrawn': [
    'WITHDRAWN',
    async (world) => {
      const it = await active(world);
      await it.collect();
      await it.renew({ by: engineer });
      await it.shows({ credential: 'waiting' });
      await it.collect();
      await it.narrow('withdraw', engineer);
      return it;
    },
  ],
  withdrawn: [
    'WITHDRAWN',
    async (world) => {
      const it = await active(world);
      await it.narrow('withdraw', engineer);
      return it;
    },
  ],
};

async function record(): Promise<void> {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  if (storedVersions().includes(version)) {
    throw new Error(
      `Histories of ${version} are recorded. Raise the version, or delete the folder if nobody runs it yet.`,
    );
  }
  const world = await WorkflowWorld.start(storedKeys);
  try {
    const histories: [string, History][] = [];
    for (const [name, [state, life]] of Object.entries(lives)) {
      const it = await life(world);
      assert.equal((await it.ends()).state, state, name);
      histories.push([name, await it.handle.fetchHistory()]);
      process.stdout.write(`${version}/${name}: ${state}\n`);
    }
    // Written together, so that a version is recorded whole or not at all.
    for (const [name, history] of histories) await writeHistory(version, name, history);
  } finally {
    await world.stop();
  }
}

// Mocha loads this file with the others of its folder; only run by hand does it record.
if (process.argv[1] === import.meta.filename) void record().finally(stopServices);
