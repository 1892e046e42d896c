/**
 * Break-glass: access that waits for nobody where policy and ceiling both say so, told to security at once. It owes a look back
 * from the moment that it can be used, and only a person gives that: time reminds and never reviews.
 */
import { SYSTEM, type Ref, type Selector } from './actor.js';
import type { Reviewed } from './event.js';
import { refuse, type Refusal } from './failure.js';
import type { Request } from './request.js';
import type { Rule } from './rule.js';
import { noted, type State } from './state.js';
import type { CeilingAnswer } from './target.js';
import type { Instant, Ms } from './time.js';

export interface Review {
  /** When the access could first be used. */
  since: Instant;
  reminders: number;
  given?: { by: Ref; name: string; verdict: 'justified' | 'not-justified'; comment: string; at: Instant };
}

/** Reviewers are reminded this often. */
const reminderEveryMs: Ms = 86_400_000;

/** Undefined where the emergency passes. Silence allows nothing. */
export function whyNoEmergency(rule: Rule, { requestedDurationMs }: Request, ceiling: CeilingAnswer | 'silent') {
  if (!rule.emergency) return 'This entitlement is not given in an emergency.';
  if (requestedDurationMs > rule.emergency.longestMs) return 'An emergency is not given for that long.';
  if (ceiling === 'silent') return 'The connector did not say that it allows an emergency.';
  if (!ceiling.allows) return ceiling.because;
  return ceiling.automatic ? undefined : 'The connector allows no emergency without approvals.';
}

/** Who may look back at it; nobody for what is no emergency. */
export function reviewersOf({ request, rule }: State): Selector[] {
  return request.emergency ? (rule?.emergency?.reviewers ?? []) : [];
}

export function isReviewPending({ review }: State): boolean {
  return review !== undefined && review.given === undefined;
}

/** From now on it can be used, so from now on it has to be looked at. */
export function usable(state: State, now: Instant): State {
  return state.request.emergency ? { ...state, review: { since: now, reminders: 0 } } : state;
}

/** Whatever became of the access, and however long ago. */
export function reviewed(state: State, event: Reviewed, now: Instant): State | Refusal {
  const { request, review } = state;
  if (!request.emergency) return refuse('not-now', 'Only an emergency is reviewed.');
  if (!review) return refuse('not-now', 'It could never be used, so there is nothing to review.');
  if (review.given) return refuse('already-decided', 'This emergency was reviewed before.');
  if (state.barred.includes(event.by)) return refuse('own-request', 'Nobody reviews their own emergency.');
  const { decisionId, by, name, verdict, comment, evidence } = event;
  const done: State = { ...state, review: { ...review, given: { by, name, verdict, comment, at: now } } };
  return noted(done, now, 'reviewed', by, { decisionId, verdict, comment, evidence });
}

/** Undefined where nobody has to be reminded any more. */
export function reminderDue({ review }: State): Instant | undefined {
  if (!review || review.given) return undefined;
  return review.since + (review.reminders + 1) * reminderEveryMs;
}

export function reviewReminded(state: State, now: Instant): State | Refusal {
  const { review } = state;
  if (!review || review.given) return refuse('not-now', 'No review is owed.');
  const reminders = review.reminders + 1;
  return noted({ ...state, review: { ...review, reminders } }, now, 'review-reminded', SYSTEM, { reminders });
}
