/** Whatever can happen to a grant, in any order: events that fit its state, mixed with late, doubled and wrong ones. */
import fc from 'fast-check';
import type { Event } from '../../workflows/domain/event.js';
import type { Step } from '../../workflows/domain/rule.js';
import type { State } from '../../workflows/domain/state.js';
import type { Ms } from '../../workflows/domain/time.js';
import {
  allowing,
  asksMore,
  asksRenewal,
  breaksGlass,
  endMoved,
  engineer,
  gone,
  hour,
  manager,
  minute,
  narrows,
  newId,
  opensStep,
  renewedAs,
  reviews,
} from './histories.js';
import { owner, passed, planted, provisioned, second, secondOwner, security, start, step, vote } from './histories.js';

/** One thing that happens, `waitMs` after the one before. The event depends on the state that it finds. */
export interface Happening {
  kind: string;
  waitMs: Ms;
  event: (state: State) => Event;
}

const people = [engineer, manager, owner, secondOwner, security, 'person:other'];

/** What chance decides about one event. */
interface Luck {
  who: string;
  /** Another account of the same human, sometimes. */
  human: string;
  /** Fits the state; else it is late, doubled or about something else. */
  fits: boolean;
  yes: boolean;
  size: number;
}

const luck: fc.Arbitrary<Luck> = fc.record({
  who: fc.constantFrom(...people),
  human: fc.constantFrom(...people),
  fits: fc.integer({ min: 0, max: 9 }).map((chance) => chance > 0),
  yes: fc.integer({ min: 0, max: 9 }).map((chance) => chance > 2),
  size: fc.integer({ min: 0, max: 10 }),
});

const open = ({ approval }: State, fits: boolean) =>
  fits && approval ? { about: approval.about, step: approval.step } : { about: 'request', step: 0 };

function approves(state: State, { who, human, fits, yes, size }: Luck): Event {
  const standing = yes ? (state.approval?.votes.map(({ by }) => by) ?? []) : [];
  const durationMs = size < 3 ? (size * hour) / 2 : undefined;
  return vote(who, {
    ...open(state, fits),
    human: fits ? who : human,
    standing,
    ...(durationMs === undefined ? {} : { durationMs }),
  });
}

function opens(state: State, { fits, yes, size, who }: Luck): Event {
  const { approval } = state;
  const escalated = approval?.opening !== undefined;
  const selectors = yes ? [manager, who] : size > 8 ? [] : [owner];
  const now = state.changedAt;
  const expireAt = now + (size + 1) * hour;
  const opening = { selectors, remindAt: now + size * minute, escalateAt: now + size * hour, expireAt };
  return opensStep({ ...open(state, fits), escalated: fits ? escalated : !escalated, opening });
}

const steps: fc.Arbitrary<Step[]> = fc
  .array(fc.constantFrom(1, 1, 2, 3), { minLength: 1, maxLength: 3 })
  .map((needs) => needs.map((needed) => step([manager], { needed })));

function assesses(flow: Step[], { yes, fits, size }: Luck): Event {
  if (size === 0 && !yes) return { type: 'assess-failed', because: 'no' };
  const denied = { verdict: 'deny', code: 'not-eligible', because: 'no' } as const;
  if (size === 1 && !yes) return { type: 'assessed', finding: denied, ceiling: allowing };
  const ceilings = [allowing, 'silent', { ...allowing, automatic: false, leastApprovals: 1 }] as const;
  const ceiling = size === 2 ? ({ allows: false, because: 'no' } as const) : ceilings[size % 3];
  const emergency = yes ? breaksGlass : undefined;
  return passed({ automatic: !yes || !fits, emergency, flow: { name: 'flow', steps: flow } }, ceiling);
}

/** Everything that can come, by name. */
const kinds = {
  assessed: (_, chance, flow) => assesses(flow, chance),
  'step-opened': (state, chance) => opens(state, chance),
  'step-open-failed': (state, { fits }) => ({ type: 'step-open-failed', ...open(state, fits), because: 'no' }),
  approved: (state, chance) => approves(state, chance),
  denied: (_, { who }) => narrows('denied', who),
  withdrawn: (_, { who }) => narrows('withdrawn', who),
  revoked: (_, { who }) => narrows('revoked', who),
  cancelled: () => ({ type: 'cancelled' }),
  extends: (_, { who, size, fits }) => asksMore(size * hour, { by: fits ? engineer : who }),
  refused: (_, { who: by }) => ({
    type: 'refused',
    action: 'approve',
    decisionId: newId(),
    by,
    code: 'not-judged',
    because: 'no',
  }),
  reassess: () => ({ type: 'reassess' }),
  eligibility: ({ eligibility }, { fits, yes, size }) => ({
    type: 'eligibility',
    check: fits ? eligibility.asked : size,
    ...(size === 0 ? {} : { eligible: yes }),
    because: 'x',
  }),
  provisioned: (state, { size }) => provisioned({ endsAt: state.changedAt + size * hour }),
  'provision-failed': () => ({ type: 'provision-failed', code: 'target-unavailable', because: 'no' }),
  'receipt-keys': () => ({ type: 'receipt-keys', receiptKeys: [] }),
  'end-set': (state, { fits, size }) =>
    endMoved(fits ? (state.pendingExtension?.decisionId ?? '') : newId(), start + size * hour),
  'end-set-failed': (state, { fits }) => ({
    type: 'end-set-failed',
    extension: fits ? (state.pendingExtension?.decisionId ?? '') : newId(),
    code: 'target-unavailable',
    because: 'no',
  }),
  collected: (_, { who, fits, size }) => ({ type: 'collected', collectId: `${size}`, by: fits ? engineer : who }),
  'renewal-asked': (_, { who, fits }) => asksRenewal({ by: fits ? engineer : who }),
  renewed: ({ renewal }, { fits, yes }) =>
    renewedAs(fits ? (renewal?.decisionId ?? '') : newId(), yes ? {} : { account: 'another' }),
  'renewal-failed': ({ renewal }, { fits }) => ({
    type: 'renewal-failed',
    renewal: fits ? (renewal?.decisionId ?? '') : newId(),
    code: 'target-unavailable',
    because: 'no',
  }),
  reviewed: (_, { who, yes }) => reviews(who, { verdict: yes ? 'justified' : 'not-justified' }),
  removed: () => gone(),
  'removal-failed': ({ removing }, { fits, size }) => ({
    type: 'removal-failed',
    attempt: fits ? (removing?.attempt ?? 1) : size,
    code: 'bad-receipt',
    because: 'no',
  }),
  'tombstone-planted': () => planted(),
  'tombstone-failed': (state, { fits, size }) => ({
    type: 'tombstone-failed',
    attempt: fits ? (state.planting?.attempt ?? 1) : size,
    code: 'bad-receipt',
    because: 'no',
  }),
  'externally-modified': () => ({ type: 'externally-modified', what: 'missing' }),
} satisfies Record<string, (state: State, luck: Luck, flow: Step[]) => Event>;

type Kind = keyof typeof kinds;

/** Time's own events, also before they are due. */
export const timers: Event['type'][] = [
  'step-reminded',
  'step-escalated',
  'step-expired',
  'start-due',
  'time-up',
  'removal-retried',
  'removal-overdue',
  'tombstone-retried',
  'tombstone-moot',
  'review-reminded',
];

const timed: fc.Arbitrary<Happening> = fc
  .record({
    kind: fc.constantFrom(...timers, 'time-up' as const, 'time-up' as const),
    waitMs: fc.constantFrom(0, hour),
  })
  .map(({ kind, waitMs }) => ({ kind, waitMs, event: () => ({ type: kind }) as Event }));

// Weighted towards the way to access, so that most runs get there and back.
const likely: Kind[] = ['assessed', 'step-opened', 'approved', 'approved', 'eligibility', 'provisioned', 'removed'];
const rare = (Object.keys(kinds) as Kind[]).filter((kind) => !likely.includes(kind));

function happening(names: Kind[], flow: Step[]): fc.Arbitrary<Happening> {
  return fc
    .record({ kind: fc.constantFrom(...names), waitMs: fc.constantFrom(0, second, minute, hour), chance: luck })
    .map(({ kind, waitMs, chance }) => ({
      kind,
      waitMs,
      event: (state) => kinds[kind](state, chance, flow),
    }));
}

/** A life: up to 60 things that happen one after the other. */
export const life: fc.Arbitrary<Happening[]> = steps.chain((flow) =>
  fc.array(
    fc.oneof(
      { arbitrary: happening(likely, flow), weight: 30 },
      { arbitrary: happening(rare, flow), weight: 3 },
      { arbitrary: timed, weight: 5 },
    ),
    { maxLength: 60, size: 'max' },
  ),
);
