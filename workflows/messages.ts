/** The messages that a grant understands: the constants that clients and the workflow share. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Ref } from './domain/actor.js';
import type { AuditRecord } from './domain/record.js';
import type { Instant } from './domain/time.js';
import type { Outcome } from './domain/view.js';

/** Narrows: honoured from anyone who can signal. `reason` is at most 1,000 characters. */
export interface Narrowing {
  decisionId: string;
  by: Ref;
  reason: string;
}

/** Widens: counts only with the API's signature over an approval or extension statement. */
export interface Widening {
  decisionId: string;
  by: Ref;
  /** A comment on an approval, the reason of an extension; at most 1,000 characters. */
  comment: string;
  /** Compact JWS over the statement that goes with the signal. */
  evidence: string;
}

export const approve = defineSignal<[Widening]>('approve');
export const extend = defineSignal<[Widening]>('extend');
/** The subject lost the credential. `evidence` is a `RenewalStatement`. */
export const renew = defineSignal<[Widening]>('renew');
/** Closes the look back at an emergency. `evidence` is a `ReviewStatement`. */
export const review = defineSignal<[Widening]>('review');
export const deny = defineSignal<[Narrowing]>('deny');
export const withdraw = defineSignal<[Narrowing]>('withdraw');
export const revoke = defineSignal<[Narrowing]>('revoke');
/** Policy or directory changed, or the hour struck: is everyone still eligible? */
export const reassess = defineSignal('reassess');
/** Reconcile found the target other than this grant left it. */
export const externallyModified = defineSignal<[{ what: 'missing' | 'changed' }]>('externallyModified');

export interface OutcomeAnswer {
  /** Undefined while the message is not judged yet. */
  outcome?: Outcome;
  /** The state after it. */
  state: string;
}

export const outcome = defineQuery<OutcomeAnswer, [string]>('outcome');
/**
 * The grant's own audit chain, oldest first: its timeline. One answer holds what a payload can carry, so whoever wants
 * all of it asks again with the `sequence` of the last one it has, until nothing more comes.
 */
export const record = defineQuery<AuditRecord[], [after?: number]>('record');

/**
 * `by` must be the subject. A `collectId` that is repeated gets the same answer. Access that is being set up is waited for, up
 * to two seconds.
 */
export interface Collect {
  collectId: string;
  by: Ref;
}

export interface Collected {
  /** Compact JWE, sealed by the connector to the API's pinned key or to the request's `recipientKey`. */
  sealed: string;
  /** When it was first handed over: the API opens it for two minutes from then. */
  collectedAt: Instant;
  expireTime: Instant;
}

export const collect = defineUpdate<Collected, [Collect]>('collect');

/** To the journal: one line, as the API signed it (a `NoteStatement`). What the API did not sign is refused, and that is recorded. */
export const note = defineSignal<[{ statement: string }]>('note');
/** To the journal: an account that no grant explained. It counts with the receipt of its target's connector. */
export const strayFound = defineSignal<[StrayFound]>('strayFound');

export interface StrayFound {
  target: string;
  grantId: string;
  account: string;
  /** JWS: of the removal, or of the list that it stood in. */
  receipt: string;
}

/** To the sealer: the seals of this run above the number `after`, oldest first, as compact JWS; as many as one answer holds. */
export const seals = defineQuery<string[], [after?: number]>('seals');

/** A message that could not be opened or read decodes to this; narrowing signals in it are still honoured. */
export interface Unreadable {
  unreadable: 'unsealed' | 'unknown-key' | 'broken' | 'other-workflow';
}

export function isUnreadable(value: unknown): value is Unreadable {
  return typeof value === 'object' && value !== null && 'unreadable' in value;
}
