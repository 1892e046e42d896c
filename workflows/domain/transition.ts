/** The only place where a grant changes. Pure: the new state, or why this cannot happen now. Never throws for input. */
import { SYSTEM, type Ref } from './actor.js';
import { hasQuorum, nextStep, opening, stepOpened, stepOf, union, voted, wasEscalated } from './approval.js';
import { reviewed, reviewersOf, reviewReminded, usable, whyNoEmergency } from './emergency.js';
import { end, isEnding, removalFailed, removalOverdue, removalRetried, removed } from './ending.js';
import type { Event } from './event.js';
import { endSet, extensionApproved, extensionAsked, extensionEnded } from './extension.js';
import { isRefusal, refuse, type Refusal } from './failure.js';
import { renewalAsked, renewalFailed, renewed } from './renewal.js';
import type { Rule } from './rule.js';
import { noted, type State } from './state.js';
import { isTerminal } from './states.js';
import type { CeilingAnswer } from './target.js';
import { tombstoneFailed, tombstoneMoot, tombstonePlanted, tombstoneRetried } from './tombstone.js';
import type { Instant } from './time.js';

export function transition(state: State, event: Event, now: Instant): State | Refusal {
  switch (event.type) {
    case 'assessed':
      return assessed(state, event, now);
    case 'assess-failed':
      return state.phase === 'REQUESTED'
        ? end(state, 'refused', SYSTEM, 'The request could not be checked.', now)
        : notNow();
    case 'step-opened':
      return opened(state, event, now);
    case 'step-open-failed':
      return isOpen(state, event) && !state.approval?.opening
        ? undecided(state, 'refused', 'Nobody could be asked to decide.', now)
        : notNow();
    case 'step-reminded':
      return reminded(state, now);
    case 'step-escalated':
      return escalated(state);
    case 'step-expired':
      return expired(state, now);
    case 'approved': {
      const counted = isTerminal(state.phase) ? tooLate() : voted(state, event, now);
      return isRefusal(counted) ? counted : completed(counted, now);
    }
    case 'denied':
      return denied(state, event.decisionId, event.by, event.reason, now);
    case 'withdrawn':
    case 'revoked':
      return stopped(state, event.type, event.decisionId, event.by, event.reason, now);
    case 'cancelled':
      return isEnding(state) ? tooLate() : end(state, 'cancelled', SYSTEM, 'The workflow was cancelled.', now);
    case 'extension-asked':
      return isEnding(state) ? tooLate() : extensionAsked(state, event, now);
    case 'refused':
      return refuse(event.code, event.because);
    case 'start-due':
      return state.phase === 'SCHEDULED'
        ? checking({ ...state, eligibility: { ...state.eligibility, atStart: true } })
        : notNow();
    case 'reassess':
      return isEnding(state) || state.phase === 'REQUESTED' ? notNow() : checking(state);
    case 'eligibility':
      return checked(state, event, now);
    case 'receipt-keys':
      return { ...state, receiptKeys: event.receiptKeys };
    case 'provisioned':
      return activated(state, event, now);
    case 'provision-failed':
      return activationFailed(state, event, now);
    case 'end-set':
      return endSet(state, event.extension, event.moved, now);
    case 'end-set-failed':
      return state.movingEnd && state.pendingExtension?.decisionId === event.extension
        ? extensionEnded(state, event.because, now, event.code)
        : notNow();
    case 'renewal-asked':
      return isEnding(state) ? tooLate() : renewalAsked(state, event, now);
    case 'renewed':
      return renewed(state, event.renewal, event.made, now);
    case 'renewal-failed':
      return renewalFailed(state, event, now);
    case 'reviewed':
      return reviewed(state, event, now);
    case 'review-reminded':
      return reviewReminded(state, now);
    case 'collected':
      return collected(state, event, now);
    case 'time-up':
      return state.phase === 'ACTIVE'
        ? end(noted(state, now, 'time-up', SYSTEM, { expireTime: state.expireTime }), 'time-up', SYSTEM, '', now)
        : notNow();
    case 'removed':
      return removed(state, event.removal, now);
    case 'removal-failed':
      return removalFailed(state, event, now);
    case 'removal-retried':
      return removalRetried(state);
    case 'removal-overdue':
      return removalOverdue(state, now);
    case 'tombstone-planted':
      return tombstonePlanted(state, event.removal, now);
    case 'tombstone-failed':
      return tombstoneFailed(state, event, now);
    case 'tombstone-retried':
      return tombstoneRetried(state);
    case 'tombstone-moot':
      return tombstoneMoot(state);
    case 'externally-modified':
      return state.phase === 'ACTIVE' && !state.externallyModified
        ? noted({ ...state, externallyModified: true }, now, 'externally-modified', SYSTEM, { what: event.what })
        : notNow();
  }
}

function notNow(): Refusal {
  return refuse('not-now', 'This cannot happen in the present state.');
}

function tooLate(): Refusal {
  return refuse('already-over', 'This grant is over.');
}

type Of<Type extends Event['type']> = Extract<Event, { type: Type }>;

function assessed(state: State, { finding, ceiling }: Of<'assessed'>, now: Instant): State | Refusal {
  if (state.phase !== 'REQUESTED') return notNow();
  if (finding.verdict === 'deny') {
    const { code, because, risk, policyVersion } = finding;
    const found = noted({ ...state, risk }, now, 'assessed', SYSTEM, { verdict: 'deny', code, because, policyVersion });
    return end(found, code === 'not-eligible' ? 'not-eligible' : 'refused', SYSTEM, because, now);
  }
  const { rule, risk, barred, receiptKeys } = finding;
  const { emergency } = state.request;
  const automatic = rule.automatic && passes(ceiling) && !emergency;
  const attested = ceiling !== 'silent' && ceiling.allows && ceiling.attested;
  const { score, band, factors, missing } = risk;
  const known = noted({ ...state, rule, risk, barred, receiptKeys, automatic, attested }, now, 'assessed', SYSTEM, {
    verdict: 'pass',
    score,
    band,
    factors,
    missing,
    automatic,
    ...(emergency ? { emergency } : {}),
    flow: rule.flow.name,
    ceiling,
    policyVersion: rule.policyVersion,
  });
  if (emergency) return brokenGlass(known, rule, ceiling, now);
  if (ceiling !== 'silent' && !ceiling.allows) return end(known, 'refused', SYSTEM, ceiling.because, now);
  if (automatic) return agreed(known, now);
  const awaiting = opening({ ...known, phase: 'APPROVAL_AWAITED' }, 'request', rule.flow, now);
  if (!finding.opening) return awaiting;
  return opened(
    awaiting,
    { type: 'step-opened', about: 'request', step: 0, escalated: false, opening: finding.opening },
    now,
  );
}

/** A connector that does not answer forbids what would pass automatically. */
function passes(ceiling: CeilingAnswer | 'silent'): boolean {
  return ceiling !== 'silent' && ceiling.allows && ceiling.automatic;
}

/** Nobody is waited for; security and the reviewers may see it from now on. */
function brokenGlass(state: State, rule: Rule, ceiling: CeilingAnswer | 'silent', now: Instant): State {
  const because = whyNoEmergency(rule, state.request, ceiling);
  if (because !== undefined) return end(state, 'refused', SYSTEM, because, now);
  return agreed({ ...state, asked: union(state.asked, reviewersOf(state)) }, now);
}

/** Approved: wait for the start, or arm the undo and go. */
function agreed(state: State, now: Instant): State {
  // Owed from here on, also while it waits for its start: the evidence is complete, so whoever ends this grant must leave a
  // tombstone, or the same evidence could be used once more.
  const approved: State = { ...state, approval: undefined, removalOwed: true };
  const start = state.request.scheduledActivationTime;
  if (start !== undefined && start > now) {
    return noted({ ...approved, phase: 'SCHEDULED' }, now, 'scheduled', SYSTEM, { at: start });
  }
  return noted({ ...approved, phase: 'ACTIVATING' }, now, 'activation-started');
}

function isOpen(state: State, at: { about: string; step: number }): boolean {
  return state.approval?.about === at.about && state.approval.step === at.step;
}

function opened(state: State, event: Of<'step-opened'>, now: Instant): State | Refusal {
  const { approval } = state;
  if (!approval || !isOpen(state, event) || event.escalated !== (approval.opening !== undefined)) return notNow();
  if (event.escalated && wasEscalated(state, approval)) return notNow();
  if (event.opening.selectors.length > 0) return stepOpened(state, approval, event.opening, now);
  // An escalation that finds nobody leaves those in place who were asked before.
  if (event.escalated) return state;
  return undecided(state, 'refused', `Nobody is left who may decide step ${stepOf(approval).name}.`, now);
}

/** Time alone reminds, escalates or ends; it never approves. */
function reminded(state: State, now: Instant): State | Refusal {
  const { approval } = state;
  if (!approval?.opening || approval.reminded) return notNow();
  const { about, step } = approval;
  return noted({ ...state, approval: { ...approval, reminded: true } }, now, 'step-reminded', SYSTEM, { about, step });
}

function escalated(state: State): State | Refusal {
  const { approval } = state;
  if (!approval?.opening || approval.escalated) return notNow();
  return { ...state, approval: { ...approval, escalated: true } };
}

function expired(state: State, now: Instant): State | Refusal {
  const { approval } = state;
  if (!approval?.opening) return notNow();
  const { about, step } = approval;
  const late = noted(state, now, 'step-expired', SYSTEM, { about, step });
  return undecided(late, 'no-decision', 'Nobody decided in time.', now);
}

/** No decision came: the request ends, or only the extension. */
function undecided(state: State, code: 'no-decision' | 'refused', because: string, now: Instant): State {
  return state.approval?.about === 'request'
    ? end(state, code, SYSTEM, because, now)
    : extensionEnded(state, because, now);
}

function completed(state: State, now: Instant): State {
  const { approval } = state;
  if (!approval || !hasQuorum(approval)) return state;
  const { about, step } = approval;
  const durations = approval.votes.map((vote) => vote.durationMs ?? state.grantedDurationMs);
  const grantedDurationMs = Math.min(state.grantedDurationMs, ...durations);
  const isShortened = state.isShortened || grantedDurationMs < state.grantedDurationMs;
  const done = noted({ ...state, grantedDurationMs, isShortened }, now, 'step-completed', SYSTEM, { about, step });
  const next = nextStep(approval, now);
  if (next) return { ...done, approval: next };
  const approvals = [...approval.earlier, ...approval.votes].map((vote) => vote.evidence);
  return about === 'request' ? agreed({ ...done, approvals }, now) : extensionApproved(done, approvals);
}

/** One deny ends what is being decided: the request, or only the extension. */
function denied(state: State, decisionId: string, by: Ref, reason: string, now: Instant): State | Refusal {
  if (isEnding(state)) return tooLate();
  const about = state.approval?.about;
  if (!about) {
    return state.phase === 'REQUESTED'
      ? refuse('not-now', 'Nobody is asked to decide yet.')
      : refuse('already-decided', 'This was decided before.');
  }
  const said = noted(state, now, 'denied', by, { decisionId, about, reason });
  return about === 'request' ? end(said, 'denied', by, reason, now) : extensionEnded(said, 'denied', now);
}

function stopped(
  state: State,
  how: 'withdrawn' | 'revoked',
  decisionId: string,
  by: Ref,
  reason: string,
  now: Instant,
): State | Refusal {
  if (isEnding(state)) return tooLate();
  return end(noted(state, now, how, by, { decisionId, reason }), how, by, reason, now);
}

function checking(state: State): State {
  const { eligibility } = state;
  // A check that is under way may have read the older policy, so another one follows it.
  if (eligibility.asked > eligibility.answered) return { ...state, eligibility: { ...eligibility, again: true } };
  return { ...state, eligibility: { ...eligibility, asked: eligibility.asked + 1 } };
}

function checked(state: State, event: Of<'eligibility'>, now: Instant): State | Refusal {
  const { eligibility } = state;
  if (isEnding(state) || event.check !== eligibility.asked || event.check === eligibility.answered) return notNow();
  const { eligible, because, receiptKeys = state.receiptKeys } = event;
  const answered: State = {
    ...state,
    receiptKeys,
    eligibility: { ...eligibility, answered: event.check, again: false },
  };
  const known = noted(answered, now, 'eligibility-checked', SYSTEM, { eligible: eligible ?? 'unknown', because });
  if (eligible === false) return end(known, 'lost-eligibility', SYSTEM, because, now);
  if (eligibility.again) return checking(known);
  if (state.phase !== 'SCHEDULED' || !eligibility.atStart) return known;
  // Granting fails closed; what already stands is kept until the next check answers.
  return eligible
    ? agreed(known, now)
    : end(known, 'activation-failed', SYSTEM, 'The second assessment could not be made.', now);
}

function activated(state: State, { provisioned }: Of<'provisioned'>, now: Instant): State | Refusal {
  if (state.phase !== 'ACTIVATING') return notNow();
  const { account, endsAt, targetIdentity, evidenceDigest, receipt } = provisioned;
  // The connector's instant counts, but nobody's clock makes it longer than what was agreed.
  const expireTime = Math.min(endsAt, now + state.grantedDurationMs);
  const active: State = { ...state, phase: 'ACTIVE', provisioned, accessGrantTime: now, expireTime };
  return noted(usable(active, now), now, 'activated', SYSTEM, {
    account,
    expireTime,
    targetIdentity,
    evidenceDigest,
    receipt,
  });
}

function activationFailed(state: State, { code, because }: Of<'provision-failed'>, now: Instant): State | Refusal {
  if (state.phase !== 'ACTIVATING') return notNow();
  const failed = noted(state, now, 'activation-failed', SYSTEM, { code, because });
  return end(failed, 'activation-failed', SYSTEM, because, now);
}

function collected(state: State, { collectId, by }: Of<'collected'>, now: Instant): State | Refusal {
  if (by !== state.request.subject) return refuse('not-the-subject', 'The credential is for the subject alone.');
  if (state.phase !== 'ACTIVE' || !state.provisioned?.sealedCredential) {
    return refuse('not-active', 'There is no credential to hand over now.');
  }
  if (state.collected?.collectId === collectId) return state;
  if (state.collected) return refuse('already-collected', 'The credential was handed over before.');
  return noted({ ...state, collected: { collectId, at: now } }, now, 'credential-collected', by, { collectId });
}
