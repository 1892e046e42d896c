/** Every event in every state: where it leads, or why it cannot happen there. */
import assert from 'node:assert/strict';
import type { Event } from '../../../workflows/domain/event.js';
import type { FailureCode } from '../../../workflows/domain/failure.js';
import type { State } from '../../../workflows/domain/state.js';
import { grantStates, type GrantState } from '../../../workflows/domain/states.js';
import {
  asksMore,
  endMoved,
  engineer,
  gone,
  hour,
  inState,
  leadsTo,
  narrows,
  newId,
  opensStep,
  passed,
  planted,
  provisioned,
  start,
  vote,
} from '../../support/histories.js';

type Expected = GrantState | FailureCode;
type Row = Partial<Record<GrantState, Expected>>;

/** In every state that a row does not name. */
interface Entry {
  event: (state: State) => Event;
  leads: Row;
  otherwise: FailureCode;
}

const over: Row = {};
for (const state of [
  'REVOKING',
  'WITHDRAWING',
  'DENIED',
  'EXPIRED',
  'ACTIVATION_FAILED',
  'ENDED',
  'REVOKED',
  'WITHDRAWN',
] as const) {
  over[state] = 'already-over';
}
const terminal: Row = { ...over };
delete terminal.REVOKING;
delete terminal.WITHDRAWING;

const ending: Row = {
  REQUESTED: 'REVOKED',
  APPROVAL_AWAITED: 'REVOKED',
  SCHEDULED: 'REVOKING',
  ACTIVATING: 'REVOKING',
  ACTIVE: 'REVOKING',
};

const table: Record<string, Entry> = {
  assessed: { event: () => passed(), leads: { REQUESTED: 'APPROVAL_AWAITED' }, otherwise: 'not-now' },
  'assessed, automatic': {
    event: () => passed({ automatic: true }),
    leads: { REQUESTED: 'ACTIVATING' },
    otherwise: 'not-now',
  },
  'assessed, and denied': {
    event: () => ({
      type: 'assessed',
      finding: { verdict: 'deny', code: 'not-eligible', because: 'no' },
      ceiling: 'silent',
    }),
    leads: { REQUESTED: 'DENIED' },
    otherwise: 'not-now',
  },
  'assess-failed': {
    event: () => ({ type: 'assess-failed', because: 'no' }),
    leads: { REQUESTED: 'DENIED' },
    otherwise: 'not-now',
  },
  'step-opened, a second time': { event: () => opensStep(), leads: {}, otherwise: 'not-now' },
  'step-opened, escalated': {
    event: () => opensStep({ escalated: true }),
    leads: { APPROVAL_AWAITED: 'APPROVAL_AWAITED' },
    otherwise: 'not-now',
  },
  'step-open-failed, of an open step': {
    event: () => ({ type: 'step-open-failed', about: 'request', step: 0, because: 'no' }),
    leads: {},
    otherwise: 'not-now',
  },
  'step-reminded': {
    event: () => ({ type: 'step-reminded' }),
    leads: { APPROVAL_AWAITED: 'APPROVAL_AWAITED' },
    otherwise: 'not-now',
  },
  'step-escalated': {
    event: () => ({ type: 'step-escalated' }),
    leads: { APPROVAL_AWAITED: 'APPROVAL_AWAITED' },
    otherwise: 'not-now',
  },
  'step-expired': {
    event: () => ({ type: 'step-expired' }),
    leads: { APPROVAL_AWAITED: 'EXPIRED' },
    otherwise: 'not-now',
  },
  approved: {
    event: () => vote(),
    leads: { APPROVAL_AWAITED: 'ACTIVATING', ...terminal },
    otherwise: 'already-decided',
  },
  denied: {
    event: () => narrows('denied'),
    leads: { REQUESTED: 'not-now', APPROVAL_AWAITED: 'DENIED', ...over },
    otherwise: 'already-decided',
  },
  withdrawn: {
    event: () => narrows('withdrawn', engineer),
    leads: {
      REQUESTED: 'WITHDRAWN',
      APPROVAL_AWAITED: 'WITHDRAWN',
      SCHEDULED: 'WITHDRAWING',
      ACTIVATING: 'WITHDRAWING',
      ACTIVE: 'WITHDRAWING',
    },
    otherwise: 'already-over',
  },
  revoked: { event: () => narrows('revoked'), leads: ending, otherwise: 'already-over' },
  cancelled: { event: () => ({ type: 'cancelled' }), leads: ending, otherwise: 'already-over' },
  'extension-asked': {
    event: () => asksMore(2 * hour),
    leads: { ACTIVE: 'ACTIVE', ...over },
    otherwise: 'not-now',
  },
  refused: {
    event: () => ({ ...narrows('denied'), type: 'refused', action: 'approve', code: 'same-human', because: 'no' }),
    leads: {},
    otherwise: 'same-human',
  },
  'start-due': { event: () => ({ type: 'start-due' }), leads: { SCHEDULED: 'SCHEDULED' }, otherwise: 'not-now' },
  reassess: {
    event: () => ({ type: 'reassess' }),
    leads: {
      APPROVAL_AWAITED: 'APPROVAL_AWAITED',
      SCHEDULED: 'SCHEDULED',
      ACTIVATING: 'ACTIVATING',
      ACTIVE: 'ACTIVE',
    },
    otherwise: 'not-now',
  },
  'eligibility, that nobody asked for': {
    event: ({ eligibility }) => ({ type: 'eligibility', check: eligibility.asked, eligible: false, because: 'no' }),
    leads: {},
    otherwise: 'not-now',
  },
  provisioned: { event: () => provisioned(), leads: { ACTIVATING: 'ACTIVE' }, otherwise: 'not-now' },
  'provision-failed': {
    event: () => ({ type: 'provision-failed', code: 'target-refused', because: 'no' }),
    leads: { ACTIVATING: 'REVOKING' },
    otherwise: 'not-now',
  },
  'end-set, that nobody asked for': {
    event: () => endMoved(newId(), start + 9 * hour),
    leads: {},
    otherwise: 'not-now',
  },
  'end-set-failed, that nobody asked for': {
    event: () => ({ type: 'end-set-failed', extension: newId(), code: 'target-refused', because: 'no' }),
    leads: {},
    otherwise: 'not-now',
  },
  collected: {
    event: () => ({ type: 'collected', collectId: 'one', by: engineer }),
    leads: { ACTIVE: 'ACTIVE' },
    otherwise: 'not-active',
  },
  'time-up': { event: () => ({ type: 'time-up' }), leads: { ACTIVE: 'REVOKING' }, otherwise: 'not-now' },
  removed: {
    event: () => gone(),
    leads: { REVOKING: 'REVOKED', WITHDRAWING: 'WITHDRAWN' },
    otherwise: 'not-now',
  },
  'removal-failed': {
    event: () => ({ type: 'removal-failed', attempt: 1, code: 'bad-receipt', because: 'no' }),
    leads: { REVOKING: 'REVOKING', WITHDRAWING: 'WITHDRAWING' },
    otherwise: 'not-now',
  },
  'removal-retried, when none failed': { event: () => ({ type: 'removal-retried' }), leads: {}, otherwise: 'not-now' },
  'removal-overdue': {
    event: () => ({ type: 'removal-overdue' }),
    leads: { REVOKING: 'REVOKING', WITHDRAWING: 'WITHDRAWING' },
    otherwise: 'not-now',
  },
  'tombstone-planted': {
    event: () => planted(),
    leads: { DENIED: 'DENIED', EXPIRED: 'EXPIRED' },
    otherwise: 'not-now',
  },
  'tombstone-failed': {
    event: () => ({ type: 'tombstone-failed', attempt: 1, code: 'bad-receipt', because: 'no' }),
    leads: { DENIED: 'DENIED', EXPIRED: 'EXPIRED' },
    otherwise: 'not-now',
  },
  'tombstone-retried, when none failed': {
    event: () => ({ type: 'tombstone-retried' }),
    leads: {},
    otherwise: 'not-now',
  },
  'tombstone-moot': {
    event: () => ({ type: 'tombstone-moot' }),
    leads: { DENIED: 'DENIED', EXPIRED: 'EXPIRED' },
    otherwise: 'not-now',
  },
  'externally-modified': {
    event: () => ({ type: 'externally-modified', what: 'missing' }),
    leads: { ACTIVE: 'ACTIVE' },
    otherwise: 'not-now',
  },
};

describe('every event in every state', () => {
  for (const [name, { event, leads, otherwise }] of Object.entries(table)) {
    it(`${name}: ${
      Object.entries(leads)
        .filter(([, to]) => to !== 'already-over')
        .map(([from, to]) => `${from} to ${to}`)
        .join(', ') || 'nowhere'
    }`, () => {
      for (const phase of grantStates) {
        const state = inState[phase]();
        assert.equal(leadsTo(state, event(state)), leads[phase] ?? otherwise, `${name} in ${phase}`);
      }
    });
  }
});
