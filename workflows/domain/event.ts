/** Everything that can happen to a grant: judged decisions, answers of activities, and time. */
import type { Ref } from './actor.js';
import type { FailureCode } from './failure.js';
import type { ReceiptKey } from './receipt.js';
import type { Finding, Opening } from './rule.js';
import type { CeilingAnswer, Provisioned, Removal } from './target.js';
import type { Ms } from './time.js';
import type { Action } from './view.js';

/** What every decision carries: its id makes a repeat harmless. */
export interface Decision {
  decisionId: string;
  by: Ref;
  /** The message was not sealed or not readable: `by` is unproven. */
  unverified?: true;
}

export interface Approved extends Decision {
  type: 'approved';
  name: string;
  /** The same for every account of one human. */
  human: string;
  comment: string;
  /** JWS of the approval. */
  evidence: string;
  durationMs?: Ms;
  about: string;
  step: number;
  /** Which earlier voters of this step may still decide. */
  standing: Ref[];
}

export interface ExtensionAsked extends Decision {
  type: 'extension-asked';
  totalMs: Ms;
  reason: string;
  evidence: string;
}

/** The subject lost the credential. */
export interface RenewalAsked extends Decision {
  type: 'renewal-asked';
  evidence: string;
}

/** Somebody looked back at an emergency. */
export interface Reviewed extends Decision {
  type: 'reviewed';
  name: string;
  verdict: 'justified' | 'not-justified';
  comment: string;
  evidence: string;
}

export interface Refused extends Decision {
  type: 'refused';
  action: Action;
  code: FailureCode;
  because: string;
}

export type DecisionEvent =
  | Approved
  | ExtensionAsked
  | RenewalAsked
  | Reviewed
  | Refused
  | (Decision & { type: 'denied' | 'withdrawn' | 'revoked'; reason: string });

export type Event =
  | DecisionEvent
  | { type: 'cancelled' }
  | { type: 'assessed'; finding: Finding; ceiling: CeilingAnswer | 'silent' }
  | { type: 'assess-failed'; because: string }
  | { type: 'step-opened'; about: string; step: number; escalated: boolean; opening: Opening }
  | { type: 'step-open-failed'; about: string; step: number; because: string }
  | { type: 'step-reminded' }
  | { type: 'step-escalated' }
  | { type: 'step-expired' }
  | { type: 'start-due' }
  | { type: 'reassess' }
  /** `eligible` undefined: it could not be found out. */
  | { type: 'eligibility'; check: number; eligible?: boolean; because: string; receiptKeys?: ReceiptKey[] }
  /** Whose receipts count for the target now, asked for because of a receipt by a key that was not known. */
  | { type: 'receipt-keys'; receiptKeys: ReceiptKey[] }
  | { type: 'provisioned'; provisioned: Provisioned }
  | { type: 'provision-failed'; code: FailureCode; because: string }
  | { type: 'end-set'; extension: string; moved: Provisioned }
  | { type: 'end-set-failed'; extension: string; code: FailureCode; because: string }
  | { type: 'collected'; collectId: string; by: Ref }
  | { type: 'renewed'; renewal: string; made: Provisioned }
  | { type: 'renewal-failed'; renewal: string; code: FailureCode; because: string }
  | { type: 'review-reminded' }
  | { type: 'time-up' }
  | { type: 'removed'; removal: Removal }
  | { type: 'removal-failed'; attempt: number; code: FailureCode; because: string }
  | { type: 'removal-retried' }
  | { type: 'removal-overdue' }
  | { type: 'tombstone-planted'; removal: Removal }
  | { type: 'tombstone-failed'; attempt: number; code: FailureCode; because: string }
  | { type: 'tombstone-retried' }
  /** The evidence is worthless by now. */
  | { type: 'tombstone-moot' }
  | { type: 'externally-modified'; what: 'missing' | 'changed' };
