/** What `assess` resolved from the policy: the rules a grant keeps for its whole life. Plain JSON. */
import type { Ref, Selector } from './actor.js';
import type { FailureCode } from './failure.js';
import type { ReceiptKey } from './receipt.js';
import type { Instant, Ms } from './time.js';

export type Sensitivity = 'low' | 'medium' | 'high' | 'critical';
export type Band = 'low' | 'elevated' | 'high' | 'refuse';

/** One stage of a flow as the policy states it; its clocks become instants when the step opens. */
export interface Step {
  name: string;
  approvers: Selector[];
  /** How many distinct people must approve. */
  needed: number;
  remindAfterMs?: Ms;
  escalateAfterMs?: Ms;
  escalateTo: Selector[];
  /** Who is asked when nobody of `approvers` is left. */
  fallback: Selector[];
  expireAfterMs: Ms;
  /** `always`, or the name of a business calendar of the policy. */
  clock: string;
  /** Approvers prove a passkey with each approval. */
  passkey?: true;
}

export interface Flow {
  name: string;
  steps: Step[];
}

export interface Rule {
  entitlement: string;
  title: string;
  target: string;
  sensitivity: Sensitivity;
  maximumMs: Ms;
  /** May pass without approval (risk allowed it, and so did the ceiling); else `flow` is taken. */
  automatic: boolean;
  flow: Flow;
  extension: {
    /** A total duration up to this needs no approval; 0: none. */
    automaticUpToMs: Ms;
    /** Beyond it the flow is asked again; false: refused. */
    byApproval: boolean;
  };
  /** Who looks back at an emergency; present where this entitlement allows one. */
  emergency?: { longestMs: Ms; reviewers: Selector[] };
  /** The subject proves a passkey before the credential is handed over. */
  stepUpAtCollection?: true;
  /** Digest of the policy that this was resolved from. */
  policyVersion: string;
}

export interface Factor {
  id: string;
  points: number;
  /** One sentence, from facts. */
  evidence: string;
}

/** An explainable score from 0 to 100. */
export interface Risk {
  score: number;
  band: Band;
  factors: Factor[];
  /** Ids of signals that could not be read; any of them forbids automatic approval. */
  missing: string[];
}

/** What `assess` found. Both keep the risk, so that every decision can be explained. */
export type Finding =
  | {
      verdict: 'pass';
      rule: Rule;
      risk: Risk;
      /** Everyone who may not decide on this request. */
      barred: Ref[];
      /** Whose receipts this grant believes, as the decisions worker has them pinned for the target. */
      receiptKeys: ReceiptKey[];
      /** The first step, opened already, for when people are asked. */
      opening?: Opening;
    }
  | { verdict: 'deny'; code: FailureCode; because: string; risk?: Risk; policyVersion?: string };

/** An approval step as it was opened or escalated: who is asked, and when its clocks strike. */
export interface Opening {
  /** `person:` and `group:` selectors, at most 20; empty when nobody is left who may decide. */
  selectors: Selector[];
  usedFallback: boolean;
  remindAt?: Instant;
  escalateAt?: Instant;
  expireAt: Instant;
}
