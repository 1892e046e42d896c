/** Lives that somebody ends, from every state, and what removal goes through: away, overdue, unproved, set back by hand. */
import { gate } from '../../support/gate.js';
import { receiptSigner } from '../../support/receipts.js';
import { hour, receipts, rule, Script, silence } from '../../support/script.js';
import { installation } from '../../support/statements.js';
import type { TestGrant } from '../../support/test-grant.js';
import { until } from '../../support/until.js';
import type { WorkflowWorld } from '../../support/workflow-world.js';
import { engineer, manager, minute, records, security, sends, unknown, type Life, type Lives } from './life.js';

type Phase = 'REQUESTED' | 'APPROVAL_AWAITED' | 'SCHEDULED' | 'ACTIVATING' | 'ACTIVE' | 'REVOKING';

/** A grant that stays in this state until somebody ends it; what it waits for comes when that was taken. */
const stays: Record<Phase, (world: WorkflowWorld) => Promise<{ it: TestGrant; goesOn?: () => void }>> = {
  REQUESTED: async (world) => {
    const it = await world.grant(new Script({ assess: silence }));
    await until(() => it.script.calls.includes('assess'), { what: 'the assessment' });
    return { it };
  },
  APPROVAL_AWAITED: async (world) => ({ it: await world.awaited() }),
  SCHEDULED: async (world) => {
    const it = await world.awaited(new Script(), { scheduledActivationTime: Date.now() + 6 * hour });
    await it.approve({ by: manager });
    await it.shows({ state: 'SCHEDULED' });
    return { it };
  },
  ACTIVATING: async (world) => {
    const it = await world.awaited(new Script({ provision: silence }));
    await it.approve({ by: manager });
    await until(() => it.script.calls.includes('provision'), { what: 'the order' });
    return { it };
  },
  ACTIVE: async (world) => ({ it: await world.active() }),
  REVOKING: async (world) => {
    const { opened, open } = gate();
    const script: Script = new Script({
      remove: async (ref) => {
        await opened;
        return script.remove(ref);
      },
    });
    const it = await world.active(script);
    await it.narrow('revoke', security);
    await until(() => script.calls.includes('remove'), { what: 'the removal' });
    return { it, goesOn: open };
  },
};

function inEvery(how: 'withdraw' | 'revoke' | 'cancel'): Lives {
  const lives = Object.entries(stays).map(([phase, stay]): [string, Life] => {
    const ends = how === 'withdraw' && phase !== 'REVOKING' ? 'WITHDRAWN' : 'REVOKED';
    const live = async (world: WorkflowWorld): Promise<TestGrant> => {
      const { it, goesOn } = await stay(world);
      if (how === 'cancel') await it.handle.cancel();
      else await it.narrow(how, how === 'withdraw' ? engineer : security);
      goesOn?.();
      return it;
    };
    return [`${how}-in-${phase.toLowerCase().replace('_', '-')}`, [ends, live]];
  });
  return Object.fromEntries(lives);
}

const sealed = { encoding: Buffer.from('binary/encrypted') };
const plain = (value: unknown) => ({
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from(JSON.stringify(value)),
});

export const ending: Lives = {
  ...inEvery('withdraw'),
  ...inEvery('revoke'),
  ...inEvery('cancel'),
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
      const it = await world.active(script);
      await it.narrow('revoke', security);
      await it.skip(61_000);
      await it.shows({ conditions: ['revocationOverdue'] });
      other = false;
      await it.skip(hour / 4);
      return it;
    },
  ],
  'target-away': [
    'ENDED',
    async (world) => {
      let down = true;
      const script: Script = new Script({ remove: (ref) => (down ? Promise.reject(unknown()) : script.remove(ref)) });
      const it = await world.active(script);
      await it.skip(hour);
      await it.shows({ state: 'REVOKING' });
      await it.skip(5 * minute);
      await it.shows({ state: 'REVOKING', conditions: ['revocationOverdue'] });
      down = false;
      await it.skip(2 * minute);
      return it;
    },
  ],
  'removal-unproved': [
    'WITHDRAWN',
    async (world) => {
      const stranger = receiptSigner(installation, 'orders-db');
      let lies = 2;
      const script: Script = new Script({
        remove: async (ref) =>
          lies-- > 0 ? stranger.removed(script.removal(ref.grantId, { wasPresent: true })) : script.remove(ref),
      });
      const it = await world.active(script);
      await it.narrow('withdraw', engineer);
      await records(it, 'removal-failed');
      await it.skip(11_000);
      await records(it, 'removal-failed', 2);
      await it.skip(21_000);
      return it;
    },
  ],
  'set-back-when-over': [
    'ACTIVATION_FAILED',
    async (world) => {
      const script: Script = new Script({ rule: rule({ automatic: true }) });
      const it = await world.grant(script);
      await it.shows({ state: 'ACTIVE' });
      await it.narrow('revoke', security);
      await it.ends();
      await it.resetToStart('without signals');
      return it;
    },
  ],
  'set-back-while-active': [
    'WITHDRAWN',
    async (world) => {
      const it = await world.active();
      await it.extend({ by: engineer, totalMs: 2 * hour });
      await it.shows({ grantedDurationMs: 2 * hour });
      await it.resetBeforeLastSignal();
      await it.shows({ state: 'ACTIVE', grantedDurationMs: hour });
      await it.narrow('withdraw', engineer);
      return it;
    },
  ],
  'unreadable-signals': [
    'REVOKED',
    async (world) => {
      const it = await world.active();
      const junk = [
        [],
        [plain(null)],
        [plain({ decisionId: 7, by: {}, evidence: true })],
        [{ metadata: sealed, data: Buffer.from('noise') }],
      ];
      for (const payloads of junk) {
        for (const name of ['approve', 'extend', 'renew', 'review', 'nope']) await sends(world, it, name, payloads);
      }
      await records(it, 'decision-refused', 16);
      await sends(world, it, 'revoke', [{ metadata: sealed, data: Buffer.from('noise') }]);
      return it;
    },
  ],
  'long-record': [
    'REVOKED',
    async (world) => {
      const it = await world.awaited();
      const comment = 'x'.repeat(1_000);
      const decision = (at: number) => ({
        decisionId: `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
        by: manager,
        comment,
        evidence: JSON.stringify({ by: manager, refuse: 'not-an-approver' }),
      });
      await Promise.all(Array.from({ length: 30 }, (_, at) => it.handle.signal('approve', decision(at))));
      await records(it, 'decision-refused', 20);
      await it.narrow('revoke', security);
      return it;
    },
  ],
};
