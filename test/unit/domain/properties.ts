/** What holds for every order in which things can happen. A failure prints its seed: see test/support/seed.ts. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { apply, decisionsMax, isDecision, outcomeOf } from '../../../workflows/domain/apply.js';
import { nextDue } from '../../../workflows/domain/clocks.js';
import { digest } from '../../../workflows/domain/digest.js';
import { isEnding } from '../../../workflows/domain/ending.js';
import type { Event } from '../../../workflows/domain/event.js';
import { owed } from '../../../workflows/domain/owed.js';
import { firstBroken } from '../../../workflows/domain/record.js';
import { detailsOf, viewBytesMax, viewOf } from '../../../workflows/domain/shown.js';
import { renewalsMax } from '../../../workflows/domain/renewal.js';
import type { Request } from '../../../workflows/domain/request.js';
import type { State } from '../../../workflows/domain/state.js';
import { isTerminal, type GrantState } from '../../../workflows/domain/states.js';
import { tells } from '../../../workflows/domain/tells.js';
import { life, timers, type Happening } from '../../support/arbitrary.js';
import { seeded } from '../../support/seed.js';
import {
  after,
  asked,
  gone,
  hour,
  narrows,
  newId,
  opensStep,
  passed,
  second,
  start,
  vote,
} from '../../support/histories.js';

// As many on a slow machine as on a fast one: what is red stays red.
const run = seeded<unknown>({ numRuns: 300 });

type Watch = (before: State, event: Event, next: State, now: number) => void;

const needs = ['ordinary', 'scheduled', 'emergency'] as const;
type Need = (typeof needs)[number];
const asking: Record<Need, Partial<Request>> = {
  ordinary: {},
  scheduled: { scheduledActivationTime: start + 2 * hour },
  emergency: { emergency: true },
};
const anyNeed = fc.constantFrom(...needs);

/** Lets everything happen to a grant that was just asked for, in one of these ways; `watch` sees every step. */
function lives(happenings: Happening[], need: Need, watch: Watch = () => undefined): State {
  let now = start;
  let state = asked(asking[need]);
  for (const { waitMs, event } of happenings) {
    now += waitMs;
    const happened = event(state);
    const next = apply(state, happened, now);
    watch(state, happened, next, now);
    state = next;
  }
  return state;
}

/** Holds for every life, at every step of it. */
function always(watch: Watch): void {
  fc.assert(
    fc.property(life, anyNeed, (happenings, need) => void lives(happenings, need, watch)),
    run,
  );
}

/** From the decision on: also what only waits for its start must leave a tombstone when it ends. */
const owesRemoval: GrantState[] = ['SCHEDULED', 'ACTIVATING', 'ACTIVE', 'REVOKING', 'WITHDRAWING'];
const mayStand: GrantState[] = ['ACTIVATING', 'ACTIVE'];

/** Counted from the record alone: distinct approvers of each step of the request, none of them barred. */
function hasQuorumByRecord({ records, rule, barred }: State): boolean {
  const steps = rule?.flow.steps ?? [];
  return steps.every(({ needed }, index) => {
    const approvals = records.filter(
      ({ type, detail }) => type === 'approved' && detail.about === 'request' && detail.step === index,
    );
    const voters = new Set(approvals.map(({ by }) => by));
    return voters.size >= needed && !barred.some((ref) => voters.has(ref));
  });
}

/** Rule and ceiling both let it pass without anybody. */
function isAllowedEmergency({ request, rule }: State, event: Event): boolean {
  if (!request.emergency || !rule?.emergency || event.type !== 'assessed') return false;
  const { ceiling } = event;
  return ceiling !== 'silent' && ceiling.allows && ceiling.automatic;
}

/** Numbers, texts, truths, lists and plain objects; nothing else survives a trip through JSON. */
function isPlain(value: unknown): boolean {
  if (value === null || value === undefined || ['string', 'boolean'].includes(typeof value)) return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every((item) => item !== undefined && isPlain(item));
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
}

describe('in any order of events', function () {
  this.timeout(60_000);

  it('every state is reached, so that what follows is about something', () => {
    const reached = new Map<GrantState, number>();
    const seen = (state: State) => reached.set(state.phase, (reached.get(state.phase) ?? 0) + 1);
    const lived = fc.sample(fc.tuple(life, anyNeed), { numRuns: 500, seed: 1 });
    for (const [happenings, need] of lived) lives(happenings, need, (_, __, next) => seen(next));
    for (const state of ['SCHEDULED', 'ACTIVATING', 'ACTIVE', 'ENDED', 'REVOKED', 'WITHDRAWN', 'EXPIRED'] as const) {
      assert.ok((reached.get(state) ?? 0) > 10, `${state} was reached ${reached.get(state) ?? 0} times`);
    }
  });

  it('access needs the quorum of every step or an automatic pass, and the undo is armed before it', () => {
    always((before, event, next) => {
      if (mayStand.includes(before.phase) || !mayStand.includes(next.phase)) return;
      assert.ok(
        next.automatic || hasQuorumByRecord(next) || isAllowedEmergency(next, event),
        `${event.type} led to ${next.phase}`,
      );
      assert.deepEqual([next.phase, next.removalOwed, next.provisioned], ['ACTIVATING', true, undefined]);
      if (next.automatic) assert.ok(next.rule?.automatic);
    });
  });

  it('a removal is owed from before the first moment of access until the target proved it', () => {
    always((before, event, next) => {
      assert.equal(next.removalOwed, owesRemoval.includes(next.phase), next.phase);
      if (before.removalOwed && !next.removalOwed) assert.equal(event.type, 'removed');
    });
  });

  it('nothing leaves a state that is over, and a first ending is kept', () => {
    always((before, _, next) => {
      if (isTerminal(before.phase)) assert.equal(next.phase, before.phase);
      if (isEnding(before)) assert.ok(isEnding(next));
      if (before.ending) assert.deepEqual(next.ending, before.ending);
    });
  });

  it('whatever is over has left a tombstone, or owes one for as long as its evidence is worth something', () => {
    always((before, event, next) => {
      if (!isTerminal(next.phase)) return assert.equal(next.planting, undefined);
      if (!isTerminal(before.phase)) assert.ok(next.removal ?? next.planting, `${event.type} to ${next.phase}`);
      if (!before.planting || next.planting) return undefined;
      assert.ok(event.type === 'tombstone-planted' || event.type === 'tombstone-moot');
    });
  });

  it('time never leads towards access', () => {
    always((before, event, next) => {
      if (!timers.includes(event.type) || next === before) return;
      const narrowed = next.phase === before.phase || isEnding(next);
      assert.ok(narrowed && next.removalOwed === before.removalOwed, `${event.type}: ${before.phase} to ${next.phase}`);
      assert.ok((next.expireTime ?? 0) <= (before.expireTime ?? 0));
    });
  });

  it('an emergency that could be used owes its review until a person who is not barred gives it, and keeps that one', () => {
    always((before, event, next) => {
      assert.equal(next.review !== undefined, next.request.emergency === true && next.accessGrantTime !== undefined);
      if (before.review?.given) return assert.deepEqual(next.review?.given, before.review.given);
      if (!next.review?.given) return undefined;
      assert.ok(event.type === 'reviewed' && !next.barred.includes(event.by), `${event.type} reviewed it`);
    });
  });

  it('a renewal is the subject’s alone, and changes neither the end nor the account', () => {
    always((before, event, next) => {
      if (next.renewal && !before.renewal) assert.equal(next.renewal.by, next.request.subject);
      if (event.type !== 'renewed' || next === before) return;
      const same = ({ phase, expireTime, provisioned }: State) => [phase, expireTime, provisioned?.account];
      assert.deepEqual(same(next), same(before));
      assert.ok(next.renewals <= renewalsMax);
      assert.ok(next.renewal?.failed !== undefined || next.collected === undefined);
    });
  });

  it('a withdrawal or a revoke ends a grant from anyone, at any time; a deny ends what is being decided', () => {
    always((before, event, next, now) => {
      if (event.type !== 'withdrawn' && event.type !== 'revoked' && event.type !== 'denied') return;
      const result = outcomeOf(next, event.decisionId)?.result;
      if (isEnding(before)) assert.equal(result, 'already-over');
      else if (event.type !== 'denied') assert.ok(result === 'applied' && isEnding(next));
      else if (before.approval?.about === 'request') assert.ok(result === 'applied' && next.phase === 'DENIED');
      else if (before.approval) assert.deepEqual([result, next.approval, next.phase], ['applied', undefined, 'ACTIVE']);
      else assert.equal(result, before.phase === 'REQUESTED' ? 'not-now' : 'already-decided');
      assert.ok(now >= next.changedAt);
    });
  });

  it('a revoke in any live state leads to its end once the removal is proved', () => {
    fc.assert(
      fc.property(life, anyNeed, (happenings, need) => {
        const lived = lives(happenings, need);
        const revoked = apply(lived, narrows('revoked'), lived.changedAt);
        const over = revoked.removalOwed ? after(revoked, gone()) : revoked;
        assert.ok(isTerminal(over.phase) && !over.removalOwed, over.phase);
      }),
      run,
    );
  });

  it('nobody gets more time than was asked and agreed', () => {
    always((before, _, next) => {
      const { grantedDurationMs, accessGrantTime = 0, expireTime = 0, rule, extensions, request } = next;
      assert.ok(expireTime - accessGrantTime <= grantedDurationMs, 'longer than agreed');
      const most = extensions.length > 0 ? (rule?.maximumMs ?? 0) : request.requestedDurationMs;
      assert.ok(grantedDurationMs <= most && grantedDurationMs > 0);
      if (grantedDurationMs > before.grantedDurationMs) assert.ok(extensions.length > before.extensions.length);
    });
  });

  it('an extension moves the end only automatically within its limit, or with the quorum of every step again', () => {
    always((before, _, next) => {
      const granted = next.extensions.at(-1);
      if (!granted || next.extensions.length === before.extensions.length) return;
      const needed = next.rule?.flow.steps.reduce((sum, { needed: votes }) => sum + votes, 0) ?? 0;
      const isAutomatic = granted.totalMs <= (next.rule?.extension.automaticUpToMs ?? 0);
      assert.ok(isAutomatic || granted.approvals.length >= needed);
    });
  });

  it('a change counts as one, a repeated decision as none, and nothing is taken out of the record', () => {
    always((before, event, next, now) => {
      if (next !== before) assert.equal(next.changes, before.changes + 1);
      assert.ok(before.records.every((record, index) => next.records[index] === record));
      if (isDecision(event)) assert.equal(apply(next, event, now + hour), next);
    });
  });

  it('the record is never broken, and always in the order of time', () => {
    fc.assert(
      fc.property(life, anyNeed, (happenings, need) => {
        const { records } = lives(happenings, need);
        assert.equal(firstBroken(records), undefined);
        assert.ok(records.every(({ at }, index) => at >= (records[index - 1]?.at ?? 0)));
      }),
      run,
    );
  });

  it('the state is plain JSON: it goes on the same from a copy', () => {
    fc.assert(
      fc.property(life, anyNeed, (happenings, need) => {
        const state = lives(happenings, need);
        assert.ok(isPlain(state));
        const copy = JSON.parse(JSON.stringify(state)) as State;
        const event = narrows('revoked');
        assert.equal(digest(apply(copy, event, start)), digest(apply(state, event, start)));
      }),
      run,
    );
  });

  it('what is due always changes the state, so that time alone comes to rest', () => {
    always((_, __, state, now) => {
      const due = nextDue(state);
      if (due) assert.notEqual(apply(state, due.event, Math.max(due.at, now)), state, due.event.type);
    });
    fc.assert(
      fc.property(life, anyNeed, (happenings, need) => {
        let state = lives(happenings, need);
        let turns = 0;
        let reminders = 0;
        for (let due = nextDue(state); due; due = nextDue(state)) {
          state = apply(state, due.event, Math.max(due.at, state.changedAt));
          if (due.event.type === 'review-reminded') {
            // The one thing that never rests, until somebody has looked.
            if ((reminders += 1) > 30) break;
            continue;
          }
          assert.ok((turns += 1) < 20, `still ${due.event.type} in ${state.phase}`);
        }
      }),
      run,
    );
  });

  it('what is owed has one key each, what is shown fits, and the news can be told', () => {
    fc.assert(
      fc.property(life, anyNeed, (happenings, need) => {
        const state = lives(happenings, need, (before, _, next) => {
          const keys = owed(next).map(({ key }) => key);
          assert.equal(new Set(keys).size, keys.length);
          assert.ok(tells(before, next).every(({ to }) => to.length > 0));
        });
        assert.ok(Buffer.byteLength(JSON.stringify(viewOf(state))) <= viewBytesMax);
        assert.ok(detailsOf(state).startsWith(`**${state.phase}**`));
      }),
      run,
    );
  });
});

describe('a flood of decisions', () => {
  it('leaves a bounded trace, and cannot keep anyone from ending the grant', () => {
    let state = after(asked(), passed(), opensStep());
    for (let count = 0; count < decisionsMax + 200; count += 1) {
      state = apply(state, vote('person:engineer', { decisionId: newId() }), state.changedAt);
    }
    assert.equal(state.outcomes.length, decisionsMax);
    assert.ok(state.records.length <= decisionsMax + 3);
    const over = apply(state, narrows('revoked'), state.changedAt + second);
    assert.equal(over.phase, 'REVOKED');
    assert.equal(firstBroken(over.records), undefined);
  });
});
