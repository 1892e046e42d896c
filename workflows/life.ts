/** One running grant: its state, its inbox, what it has others do, and what it shows. */
import { ApplicationFailure, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import type { JudgeInput } from '../activities/contract.js';
import { Alarm } from './alarm.js';
import { judgementFrom } from './answers.js';
import { judge } from './calls.js';
import { apply, changed, outcomeOf } from './domain/apply.js';
import { stepOf } from './domain/approval.js';
import { nextDue } from './domain/clocks.js';
import { isReviewPending, reviewersOf } from './domain/emergency.js';
import { isEnding } from './domain/ending.js';
import type { Event, Refused } from './domain/event.js';
import { isRefusal, refuse, type Refusal } from './domain/failure.js';
import { owed } from './domain/owed.js';
import { pageOf } from './domain/record.js';
import type { SignedRequest } from './domain/request.js';
import { opened, type State } from './domain/state.js';
import type { Ms } from './domain/time.js';
import { transition } from './domain/transition.js';
import { run, type Pinned } from './effects.js';
import { Inbox, type WideningMessage } from './inbox.js';
import * as messages from './messages.js';
import { Showing } from './showing.js';

/** How long whoever collects waits for access that is being set up. */
const activeWithin: Ms = 2_000;

/** The server refuses answers above about 64 kB. */
const recordBytesMax = 48_000;

export class Life {
  state: State;
  private readonly inbox = new Inbox();
  private readonly started = new Set<string>();
  private readonly showing = new Showing();
  private readonly alarm = new Alarm();
  private isJudging = false;
  /** How many wait for the credential of access that is being set up. */
  private collecting = 0;
  private readonly pinned: Pinned = {
    current: () => this.state.receiptKeys,
    learn: (receiptKeys) => this.inbox.answer({ type: 'receipt-keys', receiptKeys }),
  };

  constructor(signed: SignedRequest) {
    this.state = opened(signed, Date.now());
    this.listen();
  }

  /** Lets the grant live until `done`: each turn applies one thing that happened, narrowing things first. */
  async until(done: (state: State) => boolean): Promise<void> {
    while (!done(this.state)) {
      this.start();
      if (this.turn()) continue;
      // Who waits for the access takes it first, so that its being there and its being taken are told at once.
      if (this.collecting > 0 && !this.isActivating()) await condition(() => this.collecting === 0);
      await this.rest();
    }
  }

  /** Answers the last messages, and waits for the last mails and records: up to a day, the total bound of a tell. */
  async settle(): Promise<void> {
    this.alarm.set(undefined);
    do {
      while (this.turn());
      this.showing.show(this.state);
      // What is being judged gets its answer too: `already-over`, within the 2 s of the judge.
      await condition(() => this.inbox.has(this.isJudging) || (this.showing.isTold && !this.isJudging));
    } while (this.inbox.has(this.isJudging));
  }

  /** Effects that the state owes are started once each, and end as events in the inbox. */
  private start(): void {
    for (const effect of owed(this.state)) {
      if (this.started.has(effect.key)) continue;
      this.started.add(effect.key);
      void run(effect, this.state, this.pinned).then((event) => this.inbox.answer(event));
    }
  }

  /** Applies the next thing, if there is one. */
  private turn(): boolean {
    const due = nextDue(this.state);
    const timely = due && due.at <= Date.now() ? due.event : undefined;
    const event = this.inbox.takeNarrowing() ?? timely ?? this.inbox.takeAnswer();
    if (event) this.state = apply(this.state, event, Date.now());
    else return this.takeWidening();
    return true;
  }

  /** One is judged at a time, since a verdict depends on the votes before it. */
  private takeWidening(): boolean {
    const message = this.isJudging ? undefined : this.inbox.takeWidening();
    if (!message) return false;
    const hopeless = this.whyHopeless(message);
    if (hopeless) {
      this.inbox.answer(refusedEvent(message, hopeless));
      return true;
    }
    this.isJudging = true;
    void this.judged(message)
      .then((event) => this.inbox.answer(event))
      .finally(() => (this.isJudging = false));
    return true;
  }

  /** What needs no judge: a repeated message, or one that nothing is open for. */
  private whyHopeless({ action, decisionId }: WideningMessage): Refusal | undefined {
    const { state } = this;
    if (outcomeOf(state, decisionId)) return refuse('already-decided', 'This decision was answered before.');
    if (action === 'review') return isReviewPending(state) ? undefined : refuse('not-now', 'No review is owed.');
    if (isEnding(state)) return refuse('already-over', 'This grant is over.');
    if (action === 'extend' || action === 'renew')
      return state.phase === 'ACTIVE' ? undefined : refuse('not-now', 'It is not active.');
    if (state.approval) return state.approval.opening ? undefined : refuse('not-now', 'Approvers are not asked yet.');
    if (state.phase === 'REQUESTED') return refuse('not-now', 'The request is being checked.');
    return refuse('already-decided', 'This was decided before.');
  }

  /** Signature and right to decide. A failure of the judge is an outcome, never a wait. */
  private async judged(message: WideningMessage): Promise<Event> {
    const { action, decisionId, evidence, comment } = message;
    const { about = 'request', step = 0 } = this.state.approval ?? {};
    const question = judge.executeWithOptions({ summary: `may they ${action}?` }, [this.question(message)]);
    const judgement = await question.then(judgementFrom).catch(() => undefined);
    // It failed twice, took more than 2 s or made no sense: nothing is widened, and the caller is told to try again.
    if (!judgement) return refusedEvent(message, refuse('not-judged', 'It could not be checked; try it again.'));
    const { by } = judgement;
    if (!judgement.ok) return refusedEvent({ ...message, by }, refuse(judgement.code, judgement.because));
    const { name, human, durationMs, totalMs = 0, verdict = 'not-justified', standing } = judgement;
    const decision = { decisionId, by, evidence };
    switch (action) {
      case 'extend':
        return { type: 'extension-asked', ...decision, totalMs, reason: comment };
      case 'renew':
        return { type: 'renewal-asked', ...decision };
      case 'review':
        return { type: 'reviewed', ...decision, name, verdict, comment };
      case 'approve': {
        const vote = { ...decision, about, step, name, human, comment, standing };
        return { type: 'approved', ...vote, ...(durationMs === undefined ? {} : { durationMs }) };
      }
    }
  }

  private question({ action, decisionId, evidence }: WideningMessage): JudgeInput {
    const { request, requestDigest, barred, approval } = this.state;
    const input = { action, evidence, decisionId, grantId: request.grantId, requestDigest, request, barred };
    if (action === 'review') return { ...input, reviewers: reviewersOf(this.state) };
    if (action !== 'approve' || !approval) return input;
    const { about, step, opening, votes } = approval;
    const passkey = this.state.attested || stepOf(approval).passkey === true;
    return { ...input, about, step, asked: opening?.selectors, votes: votes.map((vote) => vote.by), passkey };
  }

  /** Nothing more can be done now: show what changed, and sleep until something comes. */
  private async rest(): Promise<void> {
    const { state } = this;
    const due = nextDue(state);
    const shownAt = this.showing.showWhenDue(state);
    this.alarm.set(
      shownAt !== undefined && (!due || shownAt < due.at) ? { at: shownAt, summary: 'show progress' } : due,
    );
    await condition(() => this.inbox.has(this.isJudging) || this.alarm.hasStruck || this.state !== state);
  }

  private listen(): void {
    const { inbox } = this;
    setHandler(messages.approve, (raw) => inbox.widen('approve', raw));
    setHandler(messages.extend, (raw) => inbox.widen('extend', raw));
    setHandler(messages.renew, (raw) => inbox.widen('renew', raw));
    setHandler(messages.review, (raw) => inbox.widen('review', raw));
    setHandler(messages.deny, (raw) => inbox.narrow('denied', raw));
    setHandler(messages.withdraw, (raw) => inbox.narrow('withdrawn', raw));
    setHandler(messages.revoke, (raw) => inbox.narrow('revoked', raw));
    setHandler(messages.reassess, () => inbox.answer({ type: 'reassess' }));
    setHandler(messages.externallyModified, () => inbox.answer({ type: 'externally-modified', what: 'missing' }));
    setHandler(messages.outcome, (decisionId) => ({
      outcome: outcomeOf(this.state, decisionId),
      state: this.state.phase,
    }));
    setHandler(messages.record, (after) => {
      const from = typeof after === 'number' ? after : 0;
      return pageOf(this.state.records.slice(from), recordBytesMax);
    });
    setHandler(messages.collect, (input) => this.collected(input), {
      // Synchronous and read-only, as the SDK demands: an asynchronous validator would fail the workflow task.
      validator: (input) => {
        const next = this.afterCollecting(input);
        if (isRefusal(next) && !(next.refused === 'not-active' && this.isActivating())) throw failureOf(next);
      },
    });
    const root = CancellationScope.current();
    root.cancelRequested.catch(() => inbox.cancel());
  }

  private isActivating(): boolean {
    return this.state.phase === 'ACTIVATING';
  }

  /** Who comes while the access is being set up gets it in the moment that it is there. */
  private async collected(input: messages.Collect): Promise<messages.Collected> {
    if (!this.isActivating()) return this.handOver(input);
    this.collecting += 1;
    try {
      await condition(() => !this.isActivating(), activeWithin);
      return this.handOver(input);
    } finally {
      this.collecting -= 1;
    }
  }

  private handOver(input: messages.Collect): messages.Collected {
    const next = this.afterCollecting(input);
    if (isRefusal(next)) throw failureOf(next);
    this.state = changed(this.state, next, Date.now());
    const { provisioned, collected, expireTime } = next;
    return {
      sealed: provisioned?.sealedCredential ?? '',
      collectedAt: collected?.at ?? 0,
      expireTime: expireTime ?? 0,
    };
  }

  private afterCollecting(input: messages.Collect): State | Refusal {
    const { collectId, by } = { ...input };
    const event: Event = { type: 'collected', collectId: String(collectId).slice(0, 64), by: String(by) };
    return transition(this.state, event, Date.now());
  }
}

/** What the caller of an update gets. */
function failureOf({ refused, because }: Refusal): ApplicationFailure {
  return ApplicationFailure.nonRetryable(because, refused);
}

function refusedEvent(message: WideningMessage, { refused: code, because }: Refusal): Refused {
  const { action, decisionId, by } = message;
  return { type: 'refused', action, decisionId, by, code, because };
}
