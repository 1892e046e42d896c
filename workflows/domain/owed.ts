/** What the state must have done by others now. Each effect has a key and is started once under it. */
import { stepOf } from './approval.js';
import { openRenewal, type Renewal } from './renewal.js';
import type { Step } from './rule.js';
import type { Extension, State } from './state.js';
import type { Instant } from './time.js';

export type Effect =
  | { key: string; kind: 'assess' }
  | { key: string; kind: 'open-step'; about: string; index: number; step: Step; escalated: boolean; openedAt: Instant }
  | { key: string; kind: 'check-eligibility'; check: number }
  | { key: string; kind: 'provision' }
  | { key: string; kind: 'set-end'; extension: Extension }
  | { key: string; kind: 'renew'; renewal: Renewal }
  | { key: string; kind: 'remove'; attempt: number }
  | { key: string; kind: 'plant'; attempt: number };

export function owed(state: State): Effect[] {
  const effects: Effect[] = [];
  const { phase, approval, eligibility, pendingExtension, removing, planting } = state;
  if (phase === 'REQUESTED') effects.push({ key: 'assess', kind: 'assess' });
  if (approval && (!approval.opening || approval.escalated)) {
    const { about, step: index, escalated, openedAt } = approval;
    const key = `open-step/${about}/${index}${escalated ? '/escalated' : ''}`;
    effects.push({ key, kind: 'open-step', about, index, step: stepOf(approval), escalated, openedAt });
  }
  if (eligibility.asked > eligibility.answered) {
    const check = eligibility.asked;
    effects.push({ key: `check-eligibility/${check}`, kind: 'check-eligibility', check });
  }
  if (phase === 'ACTIVATING') effects.push({ key: 'provision', kind: 'provision' });
  if (pendingExtension && state.movingEnd) {
    const key = `set-end/${pendingExtension.decisionId}`;
    effects.push({ key, kind: 'set-end', extension: pendingExtension });
  }
  const renewal = openRenewal(state);
  if (renewal) effects.push({ key: `renew/${renewal.decisionId}`, kind: 'renew', renewal });
  if (removing && state.removalOwed && removing.failedAt === undefined) {
    const { attempt } = removing;
    effects.push({ key: `remove/${attempt}`, kind: 'remove', attempt });
  }
  if (planting && planting.failedAt === undefined) {
    const { attempt } = planting;
    effects.push({ key: `plant/${attempt}`, kind: 'plant', attempt });
  }
  return effects;
}
