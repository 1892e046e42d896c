/** Lives that are decided before any access: assessed, asked, escalated, denied, expired. */
import { randomUUID } from 'node:crypto';
import { hour, rule, Script, silence, step } from '../../support/script.js';
import { until } from '../../support/until.js';
import { asksApprovers, engineer, manager, owner, records, security, unknown, type Lives } from './life.js';

const slow = { remindAfterMs: hour, escalateAfterMs: 2 * hour, expireAfterMs: 4 * hour, escalateTo: [owner] };
const told = (script: Script, kind: string) =>
  until(() => script.told.some(({ news }) => news.some((each) => each.kind === kind)), { what: kind });

export const asking: Lives = {
  denied: [
    'DENIED',
    async (world) => {
      const it = await world.awaited();
      await it.narrow('deny', manager);
      return it;
    },
  ],
  'denied-at-once': [
    'DENIED',
    (world) => {
      const assess = async () => ({ verdict: 'deny', code: 'not-eligible', because: 'Not for contractors.' }) as const;
      return world.grant(new Script({ assess }));
    },
  ],
  'denied-by-the-ceiling': [
    'DENIED',
    (world) => {
      world.ceilings.set('low/read', async () => ({ allows: false, because: 'It allows at most 1 hour.' }));
      return world.grant(new Script(), { entitlement: 'low/read' });
    },
  ],
  'denied-with-nobody-left': [
    'DENIED',
    (world) => {
      const openStep = async () => ({ selectors: [], usedFallback: true, expireAt: Date.now() + hour });
      return world.grant(new Script({ openStep }));
    },
  ],
  'denied-with-the-target-away': [
    'DENIED',
    async (world) => {
      const script = new Script({ remove: () => Promise.reject(unknown()) });
      const it = await world.awaited(script, {}, { activateBy: Date.now() + hour });
      await it.narrow('deny', manager);
      await it.shows({ state: 'DENIED' });
      await it.skip(hour + 61_000);
      return it;
    },
  ],
  expired: [
    'EXPIRED',
    async (world) => {
      const it = await world.awaited();
      await it.skip(24 * hour);
      return it;
    },
  ],
  'expired-after-escalation': [
    'EXPIRED',
    async (world) => {
      const flow = { name: 'slow', steps: [step([manager], slow)] };
      const it = await world.awaited(new Script({ rule: rule({ flow }) }));
      await it.skip(hour + 1_000);
      await told(it.script, 'reminded');
      await it.skip(hour);
      await it.shows({ conditions: ['escalated'], asked: [manager, owner] });
      await it.skip(2 * hour);
      return it;
    },
  ],
  'escalated-twice': [
    'ENDED',
    async (world) => {
      const flow = { name: 'slow', steps: [step([manager], slow), step([security], slow)] };
      const it = await world.awaited(new Script({ rule: rule({ flow }) }));
      await it.skip(2 * hour + 1_000);
      await it.shows({ conditions: ['escalated'], asked: [manager, owner] });
      await it.approve({ by: owner });
      await records(it, 'step-opened', 2);
      await it.skip(2 * hour + 1_000);
      await records(it, 'step-escalated', 2);
      await it.approve({ by: security });
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  fallback: [
    'ENDED',
    async (world) => {
      const openStep = async () => ({ selectors: [security], usedFallback: true, expireAt: Date.now() + 4 * hour });
      const it = await world.awaited(new Script({ openStep }));
      await it.approve({ by: security });
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  'ceiling-silent': [
    'ENDED',
    async (world) => {
      world.ceilings.set('silent/read', silence);
      const it = await world.awaited(new Script({ rule: rule({ automatic: true }) }), { entitlement: 'silent/read' });
      await it.approve({ by: manager });
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  'ended-after-two-steps': [
    'ENDED',
    async (world) => {
      const flow = { name: 'heavy', steps: [step([manager]), step([owner], { needed: 2 })] };
      const it = await world.awaited(new Script({ rule: rule({ flow }) }));
      await it.approve({ by: manager });
      await it.shows({ asked: [manager, owner] });
      await it.approve({ by: owner, durationMs: hour / 2 });
      await it.approve({ by: 'person:second-owner' });
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  shortened: [
    'ENDED',
    async (world) => {
      const it = await world.awaited();
      await it.approve({ by: manager, durationMs: 2 * hour });
      await it.approve({ by: manager, durationMs: hour / 2 });
      await it.shows({ state: 'ACTIVE', grantedDurationMs: hour / 2 });
      await it.skip(hour);
      return it;
    },
  ],
  'vote-lost': [
    'REVOKED',
    async (world) => {
      const flow = { name: 'heavy', steps: [step(['group:db-owners'], { needed: 2 })] };
      const it = await world.awaited(new Script({ rule: rule({ flow }) }));
      await it.approve({ by: owner });
      await it.approve({ by: 'person:second-owner', standing: [] });
      await it.approve({ by: 'person:third-owner', standing: ['person:second-owner'] });
      await it.shows({ state: 'ACTIVE' });
      await it.narrow('revoke', owner);
      return it;
    },
  ],
  'decisions-repeated-and-late': [
    'WITHDRAWN',
    async (world) => {
      const it = await world.awaited();
      const decisionId = randomUUID();
      await it.approve({ by: 'person:stranger', refuse: 'not-an-approver' });
      await it.approve({ by: manager }, decisionId);
      await it.approve({ by: manager }, decisionId);
      await it.approve({ by: owner });
      await it.shows({ state: 'ACTIVE' });
      await it.narrow('deny', manager);
      await it.narrow('withdraw', engineer, decisionId);
      await it.narrow('withdraw', engineer);
      return it;
    },
  ],
  'not-judged': [
    'ENDED',
    async (world) => {
      let away = true;
      const script: Script = new Script({ judge: (input) => (away ? silence() : script.judge(input)) });
      const it = await world.awaited(script);
      await it.approve({ by: manager });
      away = false;
      await it.approve({ by: manager });
      await it.shows({ state: 'ACTIVE' });
      await it.skip(hour);
      return it;
    },
  ],
  'assessed-late': [
    'DENIED',
    async (world) => {
      let failures = 2;
      const script: Script = new Script({
        assess: (input) => (failures-- > 0 ? Promise.reject(new Error('away')) : script.assess(input)),
      });
      const it = await world.grant(script);
      await asksApprovers(it);
      await it.narrow('deny', manager);
      await records(it, 'denied');
      return it;
    },
  ],
};
