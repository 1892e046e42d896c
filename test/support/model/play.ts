/**
 * Plays a run over the pure core as a workflow does (effects started once each, timers when they are due), beside a target that does
 * what it is told and what people expect. After every move the three must agree, and the promises must hold.
 */
import assert from 'node:assert/strict';
import { apply, outcomeOf } from '../../../workflows/domain/apply.js';
import { nextDue } from '../../../workflows/domain/clocks.js';
import type { DecisionEvent, Event } from '../../../workflows/domain/event.js';
import { owed, type Effect } from '../../../workflows/domain/owed.js';
import { firstBroken } from '../../../workflows/domain/record.js';
import type { State } from '../../../workflows/domain/state.js';
import { isTerminal } from '../../../workflows/domain/states.js';
import type { Provisioned, Removal } from '../../../workflows/domain/target.js';
import type { Instant } from '../../../workflows/domain/time.js';
import { asked, asksMore, asksRenewal, breaksGlass, narrows, passed, renewedAs, step, vote } from '../histories.js';
import { Expected, type Answer } from './expected.js';
import { names, people, start, type Move, type Run } from './moves.js';
import { ModelTarget } from './target.js';

const hour = 3_600_000;
const receiptLies = { code: 'bad-receipt', because: 'no' } as const;

interface Flight {
  effect: Effect;
  /** What the target did already, and nobody has heard. */
  did?: Provisioned | Removal;
  /** The policy of when it was asked. */
  asOf: number;
}

export class Play {
  now: Instant = start;
  state: State;
  readonly target = new ModelTarget();
  readonly expected: Expected;
  private readonly run: Run;
  private readonly started = new Set<string>();
  private readonly flights: Flight[] = [];
  private eligible: boolean | 'unknown' = true;
  /** Grows with each change of the rules and each check for the start. */
  private asks = 0;
  private last: DecisionEvent | undefined;
  private lastAnswer: Event | undefined;

  constructor(run: Run) {
    this.run = run;
    const { terms, requestedMs } = run;
    const { emergency, startsAt } = terms === 'denied' ? {} : terms;
    this.state = asked({
      requestedDurationMs: requestedMs,
      ...(emergency !== undefined && { emergency: true }),
      ...(startsAt !== undefined && { scheduledActivationTime: startsAt }),
    });
    this.expected = new Expected(requestedMs);
    this.start();
  }

  play(): void {
    for (const move of this.run.moves) this.move(move);
  }

  move(move: Move): void {
    const before = this.state;
    this.do(move);
    this.agrees(move);
    this.holds(before, move);
  }

  /** Everybody does what is asked of them, and time goes on: it comes to its end, also where nobody ends it. */
  ends(): void {
    if (this.run.end === 'ended') this.move({ do: 'revoke', who: 'person:security' });
    for (let turn = 0; turn < 60 && !this.isClosed(); turn += 1) {
      if (this.flights.length > 0) this.move({ do: 'effect', which: 0, how: 'done' });
      else this.move({ do: 'strike', beside: 0 });
    }
    const { target, state } = this;
    assert.ok(this.isClosed(), `it is ${state.phase} and does not end`);
    assert.ok(!target.stands && (target.tombstone || this.now > state.activateBy), 'a tombstone and nothing else');
    assert.ok(target.made <= 1, `made ${target.made} times`);
  }

  private isClosed(): boolean {
    return isTerminal(this.state.phase) && !this.state.removalOwed && !this.state.planting && this.flights.length === 0;
  }

  private do(move: Move): void {
    switch (move.do) {
      case 'approve':
        return this.approves(move);
      case 'deny':
        return this.decides(narrows('denied', move.who), this.expected.denies());
      case 'withdraw':
        return this.decides(narrows('withdrawn', move.who), this.expected.stops('WITHDRAWN'));
      case 'revoke':
        return this.decides(narrows('revoked', move.who), this.expected.stops('REVOKED'));
      case 'cancel':
        this.expected.stops('REVOKED');
        return this.apply({ type: 'cancelled' });
      case 'extend': {
        const { who: by, totalMs } = move;
        return this.decides(
          asksMore(totalMs, { by }),
          this.expected.extends(by === this.state.request.subject, totalMs),
        );
      }
      case 'collect':
        return this.apply({ type: 'collected', collectId: 'c', by: move.who });
      case 'renew':
        return this.decides(asksRenewal({ by: move.who }));
      case 'again':
        return this.repeats(this.last);
      case 'echo':
        return this.repeats(this.lastAnswer);
      case 'wait':
        return this.goesOnTo(this.now + move.ms);
      case 'strike':
        return this.goesOnTo(Math.max(this.now, (nextDue(this.state)?.at ?? this.now) + move.beside));
      case 'policy':
        this.eligible = move.eligible;
        return this.checkedAnew({ type: 'reassess' });
      case 'effect':
        return this.happens(move);
    }
  }

  /** The judge knows who is asked; everything else is for the core to refuse. */
  private approves({ who, durationMs, isLate, lost }: Move & { do: 'approve' }): void {
    const { approval } = this.state;
    const at = approval && !isLate ? { about: approval.about, step: approval.step } : { about: 'request', step: 7 };
    const standing = names.filter((name) => name !== lost);
    const human = people[who] ?? who;
    const given = durationMs === undefined ? {} : { durationMs };
    const answer = isLate ? 'refused' : this.expected.approves(who, human, durationMs, standing, this.now);
    this.decides(vote(who, { ...at, human, standing, ...given }), answer);
  }

  private decides(event: DecisionEvent, answer?: Answer): void {
    this.last = event;
    this.apply(event);
    const result = outcomeOf(this.state, event.decisionId)?.result;
    if (answer) assert.equal(result === 'applied' ? 'applied' : 'refused', answer, `${event.type}: ${result}`);
  }

  private repeats(event: Event | undefined): void {
    const { state } = this;
    if (event) this.apply(event);
    assert.equal(this.state, state, `${event?.type ?? 'nothing'} once more changes nothing`);
  }

  /** Timers strike one by one, each at its instant. */
  private goesOnTo(instant: Instant): void {
    for (let due = nextDue(this.state); due && due.at <= instant; due = nextDue(this.state)) {
      this.now = Math.max(this.now, due.at);
      if (due.event.type === 'start-due') this.checkedAnew(due.event);
      else this.apply(due.event);
      this.expected.passes(this.now);
    }
    this.now = instant;
    this.expected.passes(this.now);
  }

  private checkedAnew(event: Event): void {
    this.asks += 1;
    this.apply(event);
  }

  private apply(event: Event): void {
    this.state = apply(this.state, event, this.now);
    this.start();
  }

  private start(): void {
    for (const effect of owed(this.state)) {
      if (this.started.has(effect.key)) continue;
      this.started.add(effect.key);
      this.flights.push({ effect, asOf: this.asks });
    }
  }

  private happens({ which, how }: Move & { do: 'effect' }): void {
    const flight = this.flights[which % Math.max(1, this.flights.length)];
    if (!flight) return;
    // The longer a removal takes, the more may happen meanwhile; what was done and not heard of is asked for again.
    if (how === 'acts') return this.acts(flight);
    this.flights.splice(this.flights.indexOf(flight), 1);
    const event = this.answer(flight, how);
    this.lastAnswer = how === 'done' ? event : undefined;
    this.apply(event);
  }

  private acts(flight: Flight): void {
    const { effect } = flight;
    if (effect.kind === 'provision') this.target.provision(this.state.grantedDurationMs, this.now);
    if (effect.kind === 'set-end') this.target.setEnd((this.state.accessGrantTime ?? 0) + effect.extension.totalMs);
    if (effect.kind === 'remove' || effect.kind === 'plant') this.target.remove(this.now);
  }

  /** What comes of it, done by the target and expected by people. */
  private answer(flight: Flight, how: 'done' | 'fails' | 'lies'): Event {
    const { effect } = flight;
    const { expected, target, now } = this;
    const isDone = how === 'done';
    const failed = { code: 'target-unavailable', because: 'no' } as const;
    switch (effect.kind) {
      case 'assess': {
        const { terms } = this.run;
        expected.assessed(isDone ? terms : 'denied', now);
        return isDone ? this.finding() : { type: 'assess-failed', because: 'no' };
      }
      case 'open-step': {
        const { about, index, escalated } = effect;
        const expireAt = now + 4 * hour;
        if (how === 'fails') {
          if (!escalated && this.isOpenNow(about, index)) expected.asked('nobody');
          return { type: 'step-open-failed', about, step: index, because: 'no' };
        }
        const selectors = isDone ? ['person:manager', 'group:owners'] : [];
        if (!escalated && this.isOpenNow(about, index)) expected.asked(isDone ? expireAt : 'nobody');
        const opening = { selectors, usedFallback: false, remindAt: now + hour, escalateAt: now + 2 * hour, expireAt };
        return { type: 'step-opened', about, step: index, escalated, opening };
      }
      case 'check-eligibility': {
        const answer = isDone ? this.eligible : 'unknown';
        expected.eligible(answer, flight.asOf === this.asks, now);
        const eligible = answer === 'unknown' ? {} : { eligible: answer };
        return { type: 'eligibility', check: effect.check, because: 'x', ...eligible };
      }
      case 'provision': {
        // Also a failure may have done it, and an answer without proof has.
        const made = how === 'fails' ? undefined : target.provision(this.state.grantedDurationMs, now);
        if (!made || how === 'lies') {
          expected.notMade();
          return { type: 'provision-failed', ...(how === 'lies' ? receiptLies : failed) };
        }
        expected.made(made.endsAt, now);
        return { type: 'provisioned', provisioned: made };
      }
      case 'set-end': {
        const { decisionId: extension, totalMs } = effect.extension;
        const moved = isDone ? target.setEnd((this.state.accessGrantTime ?? 0) + totalMs) : undefined;
        if (moved) expected.moved(moved.endsAt);
        else if (this.state.pendingExtension?.decisionId === extension) expected.notMoved();
        return moved ? { type: 'end-set', extension, moved } : { type: 'end-set-failed', extension, ...failed };
      }
      case 'renew': {
        const renewal = effect.renewal.decisionId;
        return isDone ? renewedAs(renewal) : { type: 'renewal-failed', renewal, ...failed };
      }
      case 'remove':
      case 'plant': {
        const type = effect.kind === 'remove' ? 'removal-failed' : 'tombstone-failed';
        const removal = how === 'fails' ? undefined : target.remove(now);
        if (!removal || how === 'lies') return { type, attempt: effect.attempt, ...receiptLies };
        if (effect.kind === 'plant') return { type: 'tombstone-planted', removal };
        expected.removed();
        return { type: 'removed', removal };
      }
    }
  }

  private isOpenNow(about: string, index: number): boolean {
    return this.state.approval?.about === about && this.state.approval.step === index;
  }

  private finding(): Event {
    const { terms } = this.run;
    if (terms === 'denied') {
      const finding = { verdict: 'deny', code: 'not-eligible', because: 'no' } as const;
      return { type: 'assessed', finding, ceiling: 'silent' };
    }
    const { steps, passesAlone, emergency, ceilingRefuses, barred, maximumMs, extendsAloneUpToMs } = terms;
    const automatic = emergency ?? passesAlone;
    const ceiling = ceilingRefuses
      ? { allows: false as const, because: 'no' }
      : { allows: true as const, automatic, leastApprovals: 1, attested: false };
    const event = passed(
      {
        automatic: passesAlone,
        maximumMs,
        flow: { name: 'flow', steps: steps.map((needed) => step(['person:manager'], { needed })) },
        extension: { automaticUpToMs: extendsAloneUpToMs, byApproval: true },
        ...(emergency !== undefined && {
          emergency: { ...breaksGlass, longestMs: 8 * hour, reviewers: ['group:security'] },
        }),
      },
      ceiling,
    );
    return { ...event, finding: { ...event.finding, barred } as typeof event.finding };
  }

  /** The core does what people expect. */
  private agrees(move: Move): void {
    const { state, expected } = this;
    const seen = [state.phase, state.removalOwed, state.grantedDurationMs, state.expireTime];
    const wanted = [expected.state, expected.owed, expected.grantedMs, expected.endsAt];
    assert.deepEqual(seen, wanted, `after ${JSON.stringify(move)}`);
  }

  private holds(before: State, move: Move): void {
    const { state, target, now } = this;
    const agreed = state.removalOwed || isTerminal(state.phase);
    assert.ok(!target.stands || agreed, `1: it stands, and the grant is ${state.phase}`);
    assert.ok(!target.stands || !isTerminal(state.phase) || !target.tombstone, '4: it stands although it is over');
    if (isTerminal(state.phase) && before.removalOwed) assert.ok(!target.stands, '4: over, and it stands');
    const isTime = move.do === 'wait' || move.do === 'strike';
    if (isTime) assert.ok(state.approvals.length === before.approvals.length, '2: time approved it');
    if (isTime && before.phase !== state.phase)
      assert.ok(state.phase !== 'ACTIVATING' && state.phase !== 'ACTIVE', '2');
    const humans = state.records.filter(({ type, detail }) => type === 'approved' && detail['about'] === 'request');
    assert.ok(!humans.some(({ by }) => people[by] === 'person:engineer'), '6: for themselves');
    if (before.rule) assert.equal(state.rule, before.rule, '10: other rules');
    const ids = state.outcomes.map(({ decisionId }) => decisionId);
    assert.equal(new Set(ids).size, ids.length, '12: two outcomes');
    const { accessGrantTime = now, expireTime } = state;
    if (expireTime !== undefined)
      assert.ok(expireTime - accessGrantTime <= state.grantedDurationMs, '1: longer than agreed');
  }

  /** At the end of a run, since it is slow. */
  recordIsWhole(): void {
    assert.equal(firstBroken(this.state.records), undefined, '11: the record is broken');
  }
}
