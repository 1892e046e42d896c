/** What the pages call things: one plain sentence or two words for each member of the closed lists. */
import { SYSTEM, UNVERIFIED, type Ref, type Selector } from '../../workflows/domain/actor.js';
import { inWords } from '../../workflows/domain/durations.js';
import type { FailureCode } from '../../workflows/domain/failure.js';
import type { Band, Sensitivity } from '../../workflows/domain/rule.js';
import type { Condition, GrantState } from '../../workflows/domain/states.js';
import type { Ms } from '../../workflows/domain/time.js';
import type { Action, Ending } from '../../workflows/domain/view.js';
import { durationMs } from '../schemas/time.js';

export type Tone = 'waiting' | 'active' | 'working' | 'leaving' | 'over' | 'bad';

export interface Label {
  text: string;
  tone: Tone;
}

export const stateLabels: Record<GrantState, Label> = {
  REQUESTED: { text: 'Being checked', tone: 'working' },
  APPROVAL_AWAITED: { text: 'Waiting for approval', tone: 'waiting' },
  SCHEDULED: { text: 'Scheduled', tone: 'working' },
  ACTIVATING: { text: 'Being set up', tone: 'working' },
  ACTIVE: { text: 'Active', tone: 'active' },
  REVOKING: { text: 'Being removed', tone: 'leaving' },
  WITHDRAWING: { text: 'Being given back', tone: 'leaving' },
  DENIED: { text: 'Denied', tone: 'bad' },
  EXPIRED: { text: 'No decision in time', tone: 'over' },
  ACTIVATION_FAILED: { text: 'Could not be set up', tone: 'bad' },
  ENDED: { text: 'Ended', tone: 'over' },
  REVOKED: { text: 'Revoked', tone: 'over' },
  WITHDRAWN: { text: 'Given back', tone: 'over' },
};

/** Whoever withdraws gives access back once they have it; before that they take their request back. */
const takenBack: Label = { text: 'Taken back', tone: 'over' };

export function labelOf(state: GrantState, wasActive: boolean): Label {
  return state === 'WITHDRAWN' && !wasActive ? takenBack : stateLabels[state];
}

export const conditionLabels: Record<Condition, Label> = {
  escalated: { text: 'Escalated', tone: 'waiting' },
  emergency: { text: 'Emergency', tone: 'bad' },
  reviewPending: { text: 'Review is owed', tone: 'waiting' },
  revocationOverdue: { text: 'Removal overdue', tone: 'bad' },
  externallyModified: { text: 'Changed at the target', tone: 'bad' },
  extensionPending: { text: 'Extension waits for approval', tone: 'waiting' },
};

export const bandLabels: Record<Band, string> = {
  low: 'Low risk',
  elevated: 'Elevated risk',
  high: 'High risk',
  refuse: 'Too high',
};

export const sensitivityLabels: Record<Sensitivity, Label> = {
  low: { text: 'Low sensitivity', tone: 'over' },
  medium: { text: 'Medium sensitivity', tone: 'working' },
  high: { text: 'High sensitivity', tone: 'waiting' },
  critical: { text: 'Critical', tone: 'bad' },
};

/** Why it is over, or will be; the reason in people's own words is shown beside it. */
export const endingSentences: Record<Ending, string> = {
  denied: 'An approver said no.',
  'no-decision': 'Nobody decided in time.',
  'not-eligible': 'The rules do not allow this request.',
  refused: 'The rules refused this request.',
  'activation-failed': 'The target did not accept it; nothing was left there.',
  'time-up': 'Its time was up.',
  withdrawn: 'It was given back.',
  revoked: 'Somebody ended it.',
  cancelled: 'An operator cancelled its workflow.',
  'lost-eligibility': 'The subject is no longer eligible, or what signed it is no longer trusted.',
};

/** Past tense, after a name: "Manager approved". */
export const actionsDone: Record<Action, string> = {
  approve: 'approved',
  deny: 'denied',
  withdraw: 'gave it back',
  revoke: 'revoked it',
  extend: 'asked for an extension',
  collect: 'collected the credential',
  renew: 'asked for another credential',
  review: 'reviewed it',
  reassess: 'had it checked again',
  cancel: 'cancelled it',
};

/** What a refused decision means for the one who made it. Codes that cannot come of a decision share the last sentence. */
const refusals: Partial<Record<FailureCode, string>> = {
  'passkey-required': 'This needs your passkey: approve with JavaScript turned on, or enrol a passkey first.',
  'passkey-unknown': 'That is no passkey of yours; your passkeys are listed on the page Passkeys.',
  'passkey-refused': 'Your passkey signed something else than what is decided now, or too long ago; decide once more.',
  'passkey-replayed': 'That proof had counted before; decide once more.',
  'passkey-counter':
    'Your passkey counts lower than before, as a copy of it would; remove it on the page Passkeys, and tell security.',
  'passkey-unverified-user': 'Your passkey did not check that it is you; set up its PIN, finger or face.',
  'own-request':
    'Nobody approves for themselves: you asked for this, or it is for you, or you own the service that asked.',
  'not-an-approver': 'You are not among the people who are asked for this step, or no longer.',
  'same-human': 'You have already approved with another of your accounts; a step needs different people.',
  'already-decided': 'Someone else was quicker: this step was decided before your click arrived.',
  'already-over': 'This grant was already over when your click arrived.',
  'not-now': 'The grant is not at a point where this can be done.',
  'not-judged': 'Your decision could not be checked in time, so it changed nothing. Please try again.',
  'duration-not-shorter': 'An approver can shorten the duration, never lengthen it.',
  'extension-refused': 'The rules of this entitlement do not allow this extension.',
  'extension-too-long': 'The total would be longer than this entitlement allows.',
  'too-many-decisions': 'This grant has received as many decisions as it can take.',
  'not-the-subject': 'Only the person the access is for can do this.',
  'not-active': 'The access is not active.',
  'already-collected': 'The credential has already been handed over, and it is shown only once.',
  'collect-window-closed': 'The credential was shown more than two minutes ago and cannot be shown again.',
  forbidden: 'You may see this grant, but not do this to it.',
  'fresh-sign-in-required': 'Please sign in again before you do this: your sign-in could not be confirmed just now.',
  'rate-limited': 'That was a lot of clicks in a short time. Please wait a minute and try again.',
  'temporal-unavailable': 'The engine that runs grants cannot be reached. Nothing that was accepted is lost.',
};

export function refusalSentence(code: FailureCode): string {
  return refusals[code] ?? 'It changed nothing.';
}

/** The name of a person, service or group by its ref or selector. */
export type NameOf = (ref: Ref | Selector) => string;

/** Adds the names that no directory knows. */
export function names(directory: (ref: Ref) => string | undefined): NameOf {
  return (ref) => {
    if (ref === SYSTEM) return 'Daypass';
    if (ref === UNVERIFIED) return 'Someone unverified';
    const [kind = '', id = ref] = ref.split(/:(.*)/s);
    if (kind === 'group') return `anyone in ${id}`;
    if (kind === 'oncall') return `whoever is on call for ${id}`;
    if (ref === 'manager') return 'the manager';
    return directory(ref) ?? (id || ref);
  };
}

/** `1 hour 30 minutes`, from milliseconds or from ISO 8601 as the API writes it. */
export function lasting(duration: Ms | string | undefined): string {
  const ms = typeof duration === 'string' ? durationMs(duration) : duration;
  return ms === undefined ? '' : inWords(ms);
}

/** `a`, `a or b`, `a, b or c` */
export function listed(items: readonly string[], word: 'or' | 'and' = 'or'): string {
  if (items.length < 2) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1) ?? ''}`;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
