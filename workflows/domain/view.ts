/** What the memo `view` shows of a grant: enough for every page and list, at most 8 kB, readable without a worker. */
import type { Ref, Selector } from './actor.js';
import type { FailureCode } from './failure.js';
import type { Head } from './record.js';
import type { Band, Factor } from './rule.js';
import type { Condition, GrantState } from './states.js';
import type { Instant, Ms } from './time.js';

/** What became of one decision. `applied`, or the reason why it changed nothing. */
export interface Outcome {
  decisionId: string;
  action: Action;
  by: Ref;
  at: Instant;
  result: 'applied' | FailureCode;
  /** The message was not sealed or not readable, so `by` is what it claimed, or unknown. */
  unverified?: true;
}

export type Action =
  'approve' | 'deny' | 'withdraw' | 'revoke' | 'extend' | 'collect' | 'renew' | 'review' | 'reassess' | 'cancel';

export interface VoteView {
  by: Ref;
  name: string;
  at: Instant;
  comment?: string;
}

export interface StepView {
  /** `request`, or the decisionId of the extension that is decided. */
  about: string;
  index: number;
  of: number;
  name: string;
  needed: number;
  asked: Selector[];
  /** The newest, those of earlier steps too. */
  votes: VoteView[];
  /** How many approvals this step has: the last ones of `votes`. */
  given?: number;
  escalated: boolean;
  remindAt?: Instant;
  escalateAt?: Instant;
  expireAt?: Instant;
  /** An approval needs the assertion of a passkey. */
  passkey?: true;
}

export interface ReviewView {
  /** `person:` and `group:` selectors. */
  reviewers: Selector[];
  /** Undefined while it could not be used yet: then nothing is owed. */
  since?: Instant;
  given?: { by: Ref; name: string; verdict: 'justified' | 'not-justified'; comment: string; at: Instant };
}

export interface GrantView {
  grantId: string;
  /** Grows by one with every change; what `?wait=` waits for. */
  changes: number;
  changedAt: Instant;
  state: GrantState;
  conditions: Condition[];
  requester: Ref;
  subject: Ref;
  requesterName: string;
  subjectName: string;
  entitlement: string;
  entitlementTitle?: string;
  target: string;
  requestedDurationMs: Ms;
  grantedDurationMs?: Ms;
  maximumMs?: Ms;
  requestTime: Instant;
  scheduledActivationTime?: Instant;
  decisionDeadline?: Instant;
  accessGrantTime?: Instant;
  expireTime?: Instant;
  accessRemoveTime?: Instant;
  removalVerifiedTime?: Instant;
  flow?: string;
  automatic?: boolean;
  policyVersion?: string;
  risk?: { score: number; band: Band; factors: Factor[]; missing: string[] };
  step?: StepView;
  extension?: { decisionId: string; by: Ref; totalMs: Ms; reason: string };
  /** The name of the account at the target, once it is owed or made. */
  account?: string;
  credential: 'none' | 'waiting' | 'collected';
  /** The subject proves a passkey before it is handed over. */
  stepUpAtCollection?: true;
  /** Another credential is being made, or could not be. */
  renewal?: { decisionId: string; failed?: string };
  /** Of an emergency: who may look back at it, and what came of it. */
  review?: ReviewView;
  /** Why it is over, or will be. */
  ending?: { code: Ending; by: Ref; reason: string; at: Instant };
  /** Everyone who was asked to decide so far, as selectors, at most 20: who may see this grant as an approver. */
  asked: Selector[];
  /** Newest last, at most 20. */
  outcomes: Outcome[];
  /** Of its audit chain: what seals are made over. */
  head: Head;
}

/** Why a grant ended or is ending. */
export type Ending =
  | 'denied'
  | 'no-decision'
  | 'not-eligible'
  | 'refused'
  | 'activation-failed'
  | 'time-up'
  | 'withdrawn'
  | 'revoked'
  | 'cancelled'
  | 'lost-eligibility';
