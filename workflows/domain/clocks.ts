/** What time alone will bring: the one place that derives timers from the state. */
import { reminderDue } from './emergency.js';
import { removalOverdueMs } from './ending.js';
import type { Event } from './event.js';
import type { State } from './state.js';
import type { Instant, Ms } from './time.js';

/**
 * A removal whose answer cannot be believed is started anew after 10 s, later after twice as long each time, up to 15
 * minutes: every attempt costs some 20 events, and a history of 51,200 is terminated by the server.
 */
export function removalRetryMs(attempt: number): Ms {
  return Math.min(10_000 * 2 ** (attempt - 1), 900_000);
}

export interface Due {
  at: Instant;
  event: Event;
  /** Shown beside the timer in the Temporal UI. No free text from people. */
  summary: string;
}

/** The next thing that time alone will bring, if any. */
export function nextDue(state: State): Due | undefined {
  return dues(state).sort((one, other) => one.at - other.at)[0];
}

function dues(state: State): Due[] {
  const found: Due[] = [];
  const { phase, approval, removing, planting } = state;
  const start = state.request.scheduledActivationTime;
  if (phase === 'SCHEDULED' && start !== undefined && !state.eligibility.atStart) {
    found.push({ at: start, event: { type: 'start-due' }, summary: 'start' });
  }
  if (phase === 'ACTIVE' && state.expireTime !== undefined) {
    found.push({ at: state.expireTime, event: { type: 'time-up' }, summary: 'end of access' });
  }
  if (approval?.opening) {
    const { remindAt, escalateAt, expireAt } = approval.opening;
    const step = `step ${approval.step + 1}`;
    if (remindAt !== undefined && !approval.reminded) {
      found.push({ at: remindAt, event: { type: 'step-reminded' }, summary: `remind ${step}` });
    }
    if (escalateAt !== undefined && !approval.escalated) {
      found.push({ at: escalateAt, event: { type: 'step-escalated' }, summary: `escalate ${step}` });
    }
    found.push({ at: expireAt, event: { type: 'step-expired' }, summary: `expire ${step}` });
  }
  if (removing && state.removalOwed) {
    if (!removing.overdue) {
      const at = removing.since + removalOverdueMs;
      found.push({ at, event: { type: 'removal-overdue' }, summary: 'removal overdue' });
    }
    if (removing.failedAt !== undefined) {
      const at = removing.failedAt + removalRetryMs(removing.attempt);
      found.push({ at, event: { type: 'removal-retried' }, summary: 'remove again' });
    }
  }
  const reminderAt = reminderDue(state);
  if (reminderAt !== undefined) {
    found.push({ at: reminderAt, event: { type: 'review-reminded' }, summary: 'remind the reviewers' });
  }
  if (planting) {
    found.push({ at: planting.until, event: { type: 'tombstone-moot' }, summary: 'end of the evidence' });
    if (planting.failedAt !== undefined) {
      const at = planting.failedAt + removalRetryMs(planting.attempt);
      found.push({ at, event: { type: 'tombstone-retried' }, summary: 'plant the tombstone again' });
    }
  }
  return found;
}
