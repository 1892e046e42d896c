/** The whole of what a grant knows. Plain JSON, changed by `transition` alone. */
import { SYSTEM, type Ref, type Selector } from './actor.js';
import { digest } from './digest.js';
import { chained, grantChain, type AuditRecord, type Detail, type GrantRecordType } from './record.js';
import type { ReceiptKey } from './receipt.js';
import type { Request, SignedRequest } from './request.js';
import type { Flow, Opening, Risk, Rule } from './rule.js';
import { claimed } from './signature.js';
import type { Review } from './emergency.js';
import type { Renewal } from './renewal.js';
import type { GrantState } from './states.js';
import type { Provisioned, Removal } from './target.js';
import type { Instant, Ms } from './time.js';
import type { Ending, Outcome } from './view.js';

export interface Vote {
  by: Ref;
  name: string;
  human: string;
  at: Instant;
  comment: string;
  evidence: string;
  durationMs?: Ms;
}

/** A decision that is open: about the request, or about one extension. */
export interface Approval {
  /** `request`, or the decisionId of the extension. */
  about: string;
  flow: Flow;
  step: number;
  openedAt: Instant;
  /** Undefined until the step is opened: who is asked, and its clocks. */
  opening?: Opening;
  reminded: boolean;
  escalated: boolean;
  /** Votes of this step. */
  votes: Vote[];
  /** Votes of the steps that are done; they count for good. */
  earlier: Vote[];
}

export interface Extension {
  decisionId: string;
  by: Ref;
  totalMs: Ms;
  reason: string;
  evidence: string;
  /** Evidence of the approvals it took; empty when it was automatic. */
  approvals: string[];
}

export interface State {
  request: Request;
  requestDigest: string;
  /** JWS of the request. */
  evidence: string;
  /** What the evidence claims: receipts must name this installation, and the target takes the evidence until `activateBy`. */
  installation: string;
  activateBy: Instant;
  phase: GrantState;
  /** Grows by one with every change. */
  changes: number;
  changedAt: Instant;
  /** Who may never decide on this request. */
  barred: Ref[];
  /** Whose receipts count for this target. */
  receiptKeys: ReceiptKey[];
  rule?: Rule;
  risk?: Risk;
  automatic: boolean;
  /** The connector's ceiling asks for a passkey with each approval. */
  attested: boolean;
  approval?: Approval;
  /** Evidence of the approvals of the request. */
  approvals: string[];
  /** Everyone asked so far. */
  asked: Selector[];
  grantedDurationMs: Ms;
  /** An approver granted less than was asked: more time is then never had without asking people. */
  isShortened: boolean;
  /** Checks of the subject's eligibility: how many were asked for and answered. */
  eligibility: { asked: number; answered: number; again: boolean; atStart: boolean };
  /** Armed before anything is created: something may stand at the target until a removal is proved. */
  removalOwed: boolean;
  provisioned?: Provisioned;
  accessGrantTime?: Instant;
  expireTime?: Instant;
  /** Asked for, not granted yet: waits for approval or for the target. */
  pendingExtension?: Extension;
  /** The pending extension is approved, and the target is asked to move the end. */
  movingEnd: boolean;
  extensions: Extension[];
  collected?: { collectId: string; at: Instant };
  /** The last one that was asked for and not made: under way, or failed. */
  renewal?: Renewal;
  renewals: number;
  /** The look back that an emergency owes, from when it could be used. */
  review?: Review;
  ending?: { code: Ending; by: Ref; reason: string; at: Instant };
  removing?: { since: Instant; attempt: number; failedAt?: Instant; overdue: boolean };
  removal?: Removal;
  /**
   * It ended before anything was owed at the target, and its evidence could still be used there: by a reset of this workflow, or
   * by whoever else can reach the connector. A tombstone is planted until `until`, after which the evidence is worthless.
   */
  planting?: { until: Instant; attempt: number; failedAt?: Instant };
  externallyModified: boolean;
  /** By decisionId, newest last; at most `decisionsMax`. */
  outcomes: Outcome[];
  records: AuditRecord[];
}

/** The state of a grant that was just asked for. */
export function opened(signed: SignedRequest, now: Instant): State {
  const { request, evidence } = signed;
  const requestDigest = digest(request);
  const state: State = {
    request,
    requestDigest,
    evidence,
    ...claims(evidence),
    phase: 'REQUESTED',
    changes: 1,
    changedAt: now,
    barred: [],
    receiptKeys: [],
    automatic: false,
    attested: false,
    approvals: [],
    asked: [],
    grantedDurationMs: request.requestedDurationMs,
    isShortened: false,
    eligibility: { asked: 0, answered: 0, again: false, atStart: false },
    removalOwed: false,
    movingEnd: false,
    extensions: [],
    renewals: 0,
    externallyModified: false,
    outcomes: [],
    records: [],
  };
  const { requestedDurationMs, emergency } = request;
  const detail = { requestedDurationMs, ...(emergency ? { emergency } : {}), request, requestDigest, evidence };
  return noted(state, now, 'requested', request.requester, detail);
}

/** The connector verifies this; here it narrows at most. Evidence that says nothing of the kind is good for nothing there. */
function claims(evidence: string): Pick<State, 'installation' | 'activateBy'> {
  const { installation, activateBy } = claimed(evidence);
  return {
    installation: typeof installation === 'string' ? installation : '',
    activateBy: typeof activateBy === 'number' && activateBy > 0 ? activateBy : 0,
  };
}

/** The state with one more line in its record. */
export function noted<Type extends GrantRecordType>(
  state: State,
  at: Instant,
  type: Type,
  by: Ref = SYSTEM,
  detail: Detail<Type> = {},
): State {
  const chain = grantChain(state.request.grantId);
  return { ...state, records: chained(state.records, { chain, at, type, by, detail }) };
}
