/** Applies one event: a decision is remembered with its outcome, a repeated one changes nothing. */
import type { DecisionEvent, Event } from './event.js';
import { isRefusal, type FailureCode } from './failure.js';
import { noted, type State } from './state.js';
import { transition } from './transition.js';
import type { Instant } from './time.js';
import type { Action, Outcome } from './view.js';

/**
 * Decisions that are remembered one by one. The API admits 100 a grant and the server 500 signals; what a flood sends
 * past this still narrows when it can, but leaves no line behind.
 */
export const decisionsMax = 500;

const actions: Record<Exclude<DecisionEvent['type'], 'refused'>, Action> = {
  approved: 'approve',
  denied: 'deny',
  withdrawn: 'withdraw',
  revoked: 'revoke',
  'extension-asked': 'extend',
  'renewal-asked': 'renew',
  reviewed: 'review',
};

/** The state after `event`. The same object when nothing changed. */
export function apply(state: State, event: Event, now: Instant): State {
  if (!isDecision(event)) {
    const next = transition(state, event, now);
    return isRefusal(next) ? state : changed(state, next, now);
  }
  if (outcomeOf(state, event.decisionId)) return state;
  const next = transition(state, event, now);
  if (!isRefusal(next)) return changed(state, remembered(next, event, 'applied', now), now);
  if (state.outcomes.length >= decisionsMax) return state;
  const { decisionId, by } = event;
  const detail = { decisionId, action: actionOf(event), code: next.refused, because: next.because };
  const refused = noted(state, now, 'decision-refused', by, detail);
  return changed(state, remembered(refused, event, next.refused, now), now);
}

export function outcomeOf(state: State, decisionId: string): Outcome | undefined {
  return state.outcomes.find((outcome) => outcome.decisionId === decisionId);
}

export function isDecision(event: Event): event is DecisionEvent {
  return 'decisionId' in event;
}

function actionOf(event: DecisionEvent): Action {
  return event.type === 'refused' ? event.action : actions[event.type];
}

function remembered(state: State, event: DecisionEvent, result: 'applied' | FailureCode, at: Instant): State {
  if (state.outcomes.length >= decisionsMax) return state;
  const { decisionId, by, unverified } = event;
  const outcome: Outcome = {
    decisionId,
    action: actionOf(event),
    by,
    at,
    result,
    ...(unverified ? { unverified } : {}),
  };
  return { ...state, outcomes: [...state.outcomes, outcome] };
}

/** The same object when nothing changed; else counted, and dated. */
export function changed(before: State, after: State, now: Instant): State {
  return after === before ? before : { ...after, changes: before.changes + 1, changedAt: now };
}
