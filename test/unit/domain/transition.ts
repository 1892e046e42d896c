/** Every event in every state: where it leads, or why it cannot happen there. */
import assert from 'node:assert/strict';
import type { Event } from '../../../workflows/domain/event.js';
import { isRefusal, type FailureCode } from '../../../workflows/domain/failure.js';
import type { State } from '../../../workflows/domain/state.js';
import { grantStates, type GrantState } from '../../../workflows/domain/states.js';
import { transition } from '../../../workflows/domain/transition.js';
import {
  after,
  asked,
  asksMore,
  endMoved,
  engineer,
  extending,
  gone,
  hour,
  inState,
  into,
  manager,
} from '../../support/histories.js';
import {
  minute,
  moving,
  narrows,
  newId,
  opensStep,
  passed,
  planted,
  provisioned,
  second,
  start,
  step,
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

/** The state or the code that an event leads to, a second later. */
function leadsTo(state: State, event: Event, now = state.changedAt + second): Expected {
  const frozen = JSON.stringify(state);
  const next = transition(state, event, now);
  assert.equal(JSON.stringify(state), frozen, 'the state before is not touched');
  return isRefusal(next) ? next.refused : next.phase;
}

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

describe('an assessment', () => {
  const low = { allows: true, automatic: false, leastApprovals: 1, attested: false } as const;
  for (const [name, event, phase] of [
    ['passes when rule and ceiling both allow it', passed({ automatic: true }), 'ACTIVATING'],
    ['asks people when only the rule allows it', passed({ automatic: true }, low), 'APPROVAL_AWAITED'],
    ['asks people when only the ceiling allows it', passed({ automatic: false }), 'APPROVAL_AWAITED'],
    ['asks people when the ceiling is silent', passed({ automatic: true }, 'silent'), 'APPROVAL_AWAITED'],
    ['denies what the ceiling refuses', passed({ automatic: true }, { allows: false, because: 'no' }), 'DENIED'],
  ] as const) {
    it(name, () => assert.equal(after(asked(), event).phase, phase));
  }

  it('ends the request with the code and the reason that it found', () => {
    const denies = (code: FailureCode) =>
      after(asked(), {
        type: 'assessed',
        finding: { verdict: 'deny', code, because: 'Not for you.' },
        ceiling: 'silent',
      }).ending;
    assert.deepEqual([denies('not-eligible')?.code, denies('not-eligible')?.reason], ['not-eligible', 'Not for you.']);
    assert.deepEqual([denies('risk-refused')?.code, denies('ticket-required')?.code], ['refused', 'refused']);
  });

  it('keeps the rule of its day, and who may never decide', () => {
    const state = after(asked(), passed({ policyVersion: 'of-that-day' }));
    assert.equal(state.rule?.policyVersion, 'of-that-day');
    assert.deepEqual(state.barred, [engineer]);
  });
});

describe('a scheduled start', () => {
  const at = start + 6 * hour;
  const scheduled = (when: number) => asked({ scheduledActivationTime: when });
  const decide = (state: State, now: number) => {
    const waiting = after(state, passed(), opensStep());
    const next = transition(waiting, vote(), now);
    assert.ok(!isRefusal(next));
    return next;
  };

  it('is waited for when it lies ahead, and not when the decision came at or after it', () => {
    assert.equal(decide(scheduled(at), at - 1).phase, 'SCHEDULED');
    assert.equal(decide(scheduled(at), at).phase, 'ACTIVATING');
    assert.equal(decide(scheduled(at), at + 1).phase, 'ACTIVATING');
  });

  it('checks eligibility once more; only a yes goes on, and a no leaves a tombstone', () => {
    const due = after(inState.SCHEDULED(), { type: 'start-due' });
    const answer = (eligible?: boolean) =>
      transition(due, { type: 'eligibility', check: 1, eligible, because: 'x' }, at);
    const [yes, no, unknown] = [answer(true), answer(false), answer()];
    assert.ok(!isRefusal(yes) && !isRefusal(no) && !isRefusal(unknown));
    assert.deepEqual([yes.phase, yes.removalOwed], ['ACTIVATING', true]);
    assert.deepEqual([no.phase, no.ending?.code], ['REVOKING', 'lost-eligibility']);
    assert.deepEqual([unknown.phase, unknown.ending?.code], ['REVOKING', 'activation-failed']);
    assert.deepEqual([after(no, gone()).phase, after(unknown, gone()).phase], ['REVOKED', 'ACTIVATION_FAILED']);
  });

  it('does not start on a check that may have read an older policy', () => {
    const early = after(inState.SCHEDULED(), { type: 'reassess' });
    const due = after(early, { type: 'start-due' });
    const first = after(due, { type: 'eligibility', check: 1, eligible: true, because: 'x' });
    assert.deepEqual([first.phase, first.eligibility.asked], ['SCHEDULED', 2]);
    const next = transition(first, { type: 'eligibility', check: 2, eligible: true, because: 'x' }, at);
    assert.ok(!isRefusal(next));
    assert.equal(next.phase, 'ACTIVATING');
  });
});

describe('a later check of eligibility', () => {
  const checking = (state: State) => after(state, { type: 'reassess' });
  const answered = (eligible?: boolean): Event => ({ type: 'eligibility', check: 1, eligible, because: 'x' });

  for (const phase of ['APPROVAL_AWAITED', 'SCHEDULED', 'ACTIVATING', 'ACTIVE'] as const) {
    it(`changes nothing in ${phase} while the answer is yes or cannot be had, and ends it when it is no`, () => {
      const state = checking(inState[phase]());
      assert.equal(leadsTo(state, answered(true)), phase);
      assert.equal(leadsTo(state, answered()), phase);
      assert.equal(leadsTo(state, answered(false)), phase === 'APPROVAL_AWAITED' ? 'REVOKED' : 'REVOKING');
    });
  }

  it('that was answered before is not answered again', () => {
    const state = after(checking(inState.ACTIVE()), answered(true));
    assert.equal(leadsTo(state, answered(false)), 'not-now');
  });

  it('follows one that is under way, however often it is asked for', () => {
    const once = checking(inState.ACTIVE());
    const often = after(once, { type: 'reassess' });
    assert.equal(often.eligibility.asked, 1);
    assert.equal(after(often, answered(true)).eligibility.asked, 2);
  });
});

describe('provisioning', () => {
  it('is armed to be undone before it starts', () => {
    assert.equal(inState.APPROVAL_AWAITED().removalOwed, false);
    assert.equal(inState.ACTIVATING().removalOwed, true);
  });

  it('gives the end that the target has set', () => {
    const state = after(inState.ACTIVATING(), provisioned({ endsAt: start + 30 * minute }));
    assert.deepEqual([state.phase, state.expireTime], ['ACTIVE', start + 30 * minute]);
  });

  it('gives nobody more time than was agreed, whatever the clock of a connector says', () => {
    const state = after(inState.ACTIVATING(), provisioned({ endsAt: start + 1_000 * hour }));
    assert.equal(state.expireTime, state.changedAt + hour);
  });

  it('that answers after a revoke changes nothing', () => {
    const revoked = after(inState.ACTIVATING(), narrows('revoked'));
    assert.equal(revoked.phase, 'REVOKING');
    assert.equal(leadsTo(revoked, provisioned()), 'not-now');
    assert.equal(leadsTo(after(revoked, gone()), provisioned()), 'not-now');
  });
});

describe('the credential', () => {
  const collects = (state: State, by: string, collectId = 'one') =>
    leadsTo(state, { type: 'collected', collectId, by });

  it('goes to the subject alone, while the grant is active, once', () => {
    const state = after(asked({ subject: 'person:colleague' }), passed(), opensStep(), vote(), provisioned());
    assert.equal(collects(state, engineer), 'not-the-subject');
    assert.equal(collects(state, manager), 'not-the-subject');
    const handed = after(state, { type: 'collected', collectId: 'one', by: 'person:colleague' });
    assert.equal(transition(handed, { type: 'collected', collectId: 'one', by: 'person:colleague' }, start), handed);
    assert.equal(collects(handed, 'person:colleague', 'two'), 'already-collected');
    assert.equal(collects(after(handed, narrows('revoked')), 'person:colleague'), 'not-active');
  });

  it('is not there where the target hands nothing over', () => {
    const state = after(inState.ACTIVATING(), provisioned({ sealedCredential: undefined }));
    assert.equal(collects(state, engineer), 'not-active');
  });
});

describe('a deny', () => {
  it('ends the request while its steps are being opened, too', () => {
    assert.equal(leadsTo(after(asked(), passed()), narrows('denied')), 'DENIED');
  });

  it('ends the whole request in a later step', () => {
    const second = after(asked(), into(step([manager]), step(['person:owner'])), opensStep(), vote());
    assert.equal(leadsTo(second, narrows('denied', 'person:owner')), 'DENIED');
  });

  it('of an extension ends the extension alone', () => {
    const state = after(extending(), narrows('denied'));
    assert.deepEqual([state.phase, state.pendingExtension, state.approval], ['ACTIVE', undefined, undefined]);
  });

  it('comes too late when the extension is approved already', () => {
    assert.equal(leadsTo(moving(), narrows('denied')), 'already-decided');
  });
});
