/** What workflows may ask of the outside world. The only file of `activities/` that workflows import, for its types. */
import type { Ref, Selector } from '../workflows/domain/actor.js';
import type { FailureCode } from '../workflows/domain/failure.js';
import type { AuditRecord, Head } from '../workflows/domain/record.js';
import type { Request, SignedRequest } from '../workflows/domain/request.js';
import type { ReceiptKey } from '../workflows/domain/receipt.js';
import type { Finding, Opening, Step } from '../workflows/domain/rule.js';
import type { VerificationKey } from '../workflows/domain/signature.js';
import type { CeilingAnswer, Provisioned, Removal } from '../workflows/domain/target.js';
import type { News, NewsKind } from '../workflows/domain/tells.js';
import type { Instant, Ms } from '../workflows/domain/time.js';
import type { GrantView } from '../workflows/domain/view.js';

export type { CeilingAnswer, News, NewsKind, Provisioned, Removal };

/** On the queue `decisions`: quick questions to policy, directory and risk. */
export interface Reads {
  /** Checks evidence, eligibility and risk against today's policy. Never throws for an expected no. */
  assess(input: SignedRequest): Promise<Finding>;
  /** Who is asked now for a step, barred people struck out; again at escalation, with `escalateTo` added. */
  openStep(input: {
    step: Step;
    request: Request;
    barred: Ref[];
    escalated: boolean;
    openedAt: Instant;
  }): Promise<Opening>;
  /** Is the subject still eligible under today's policy, and is every signature still of a pinned key? Narrows only. */
  stillEligible(input: { request: Request; evidence: string[] }): Promise<Eligibility>;
}

export interface Eligibility {
  eligible: boolean;
  because: string;
  /** Whose receipts count for this target today. */
  receiptKeys: ReceiptKey[];
}

/** On the queue `decisions`: 2 s in total, no network. */
export interface Judges {
  judge(input: JudgeInput): Promise<Judgement>;
}

export interface JudgeInput {
  action: 'approve' | 'extend' | 'renew' | 'review';
  evidence: string;
  decisionId: string;
  grantId: string;
  requestDigest: string;
  request: Request;
  barred: Ref[];
  /** Of the open step, for `approve`. */
  about?: string;
  step?: number;
  asked?: Selector[];
  /** Who approved this step before: a vote whose holder lost the role no longer counts. */
  votes?: Ref[];
  /** Of `approve`: the step, or the connector's ceiling, asks for a passkey. */
  passkey?: boolean;
  /** Of `review`: who may. */
  reviewers?: Selector[];
}

export type Judgement =
  | {
      ok: true;
      by: Ref;
      name: string;
      /** The same for every account of one human (directory `sameAs`). */
      human: string;
      durationMs?: Ms;
      totalMs?: Ms;
      verdict?: 'justified' | 'not-justified';
      /** Which of `votes` still count. */
      standing: Ref[];
    }
  | { ok: false; by: Ref; code: FailureCode; because: string };

/** On `target-<name>`. */
export interface Changes {
  /** What this connector's ceiling would say to the request. No answer within 3 s forbids automatic approval. */
  /** An emergency is judged by its own limit: `automatic` then says whether it needs nobody. */
  ceiling(input: { entitlement: string; durationMs: Ms; emergency: boolean }): Promise<CeilingAnswer>;
  provision(order: Order): Promise<Provisioned>;
  /** A later end takes an order with a signed extension; an earlier one takes no evidence, since it only narrows. */
  setEnd(order: Order | Earlier): Promise<Provisioned>;
  /** Another credential for the account that stands; `order.renewal` says that the subject asked. */
  renew(order: Order): Promise<Provisioned>;
}

/** Everything that a connector needs to convince itself. */
export interface Order {
  grantId: string;
  target: string;
  entitlement: string;
  /** JWS of the request. */
  request: string;
  /** JWS of every approval of the request that counted. */
  approvals: string[];
  /** The extensions granted so far, oldest first, each with the approvals that it took. */
  extensions: { extension: string; approvals: string[] }[];
  /** JWS of the renewal that is asked for now. */
  renewal?: string;
}

export interface AccountRef {
  grantId: string;
  target: string;
}

/** The wish that what stands ends by `endsAt`, if it would end later. */
export interface Earlier extends AccountRef {
  endsAt: Instant;
}

/** On `target-<name>-undo`: without end. */
export interface Undos {
  remove(ref: AccountRef): Promise<Removal>;
  /** What of ours stands at the target now: at most 100, in the order of their grant ids, from after `after`. */
  list(input: { target: string; after?: string }): Promise<Listing>;
}

/** One page of what stands, and the receipt that it was read. */
export interface Listing {
  standing: StandingAccount[];
  receipt: string;
}

export interface StandingAccount {
  grantId: string;
  account: string;
  endsAt: Instant;
  evidenceDigest: string;
  targetIdentity: string;
  /** Ids of the API's keys that signed the evidence: when one of them is unpinned, the account is removed. */
  signedBy: string[];
}

/** On the queue `decisions`, repeatable, never holding the story up. */
export interface Tells {
  /** Mail, live view, risk baselines and record in one, so that a change costs one activity. */
  tell(change: Change): Promise<void>;
  /** Stream and sinks alone, for seals and for chains that nobody is mailed about. */
  publish(input: { records: AuditRecord[]; seals?: string[] }): Promise<void>;
}

/** On the queue `decisions`, for workflows that check signatures themselves. */
export interface Keys {
  /** Whose signatures count today. */
  believed(): Promise<Believed>;
}

export interface Believed {
  installation: string;
  /** The API's keys; what a retired one signed later than `until` does not count. */
  api: (VerificationKey & { until?: Instant })[];
  receipts: ReceiptKey[];
}

/** On the queue `decisions`, for chains whose workflow was ended by force. */
export interface Resumes {
  /** The newest head that an earlier run of this workflow showed. */
  lastHead(input: { workflowId: string }): Promise<Head>;
  /** The newest seal of earlier runs and in the files, so that no number is used again. */
  lastSeal(): Promise<LastSeal>;
}

/** `number` 0 where nothing was ever sealed. */
export interface LastSeal {
  number: number;
  digest: string;
  /** Everything that changed before this instant is sealed. */
  since: Instant;
}

/** On the queue `decisions`, for the workflow `seals`. */
export interface Seals {
  /**
   * Signs the heads of the chains that changed since the last seal: at most 250 heads a seal, so `next` says where to go on.
   * A repeat signs the same number again, over what is true then; so only what is answered may be handed out (`publish`).
   */
  seal(input: SealInput): Promise<SealAnswer>;
}

export interface SealInput {
  number: number;
  previous: string;
  /** Chains that changed from here on. */
  since: Instant;
  /** Opaque. */
  page?: string;
  /** Also where nothing changed: at least one an hour shows that somebody looked. */
  always?: boolean;
}

export interface SealAnswer {
  /** Compact JWS over a `Seal`; absent when nothing had changed. */
  seal?: string;
  digest?: string;
  /** Everything that changed before this instant is sealed when `next` is absent. */
  until: Instant;
  next?: string;
}

export interface Change {
  view: GrantView;
  request: Request;
  news: News[];
  /** Records that are new since the last tell. */
  records: AuditRecord[];
}

/** `pass`: one list of the grants that run serves all questions of it. */
export interface PassOver {
  target: string;
  pass: string;
}

/** On the queue `decisions`, for the workflows `reconcile` and `reassess`. In pages, so that no answer outgrows a payload. */
export interface Reconciles {
  /** Which of these no grant owes, asked of each grant itself where a list does not explain it. One that could not be asked counts as owed. */
  unexplained(input: PassOver & { grantIds: string[] }): Promise<string[]>;
  /** Ids of the grants that should stand at this target now, from visibility: to be asked, never to be believed. */
  expected(input: PassOver & { page?: string }): Promise<GrantPage>;
  /** Which of these are ACTIVE before their end by describe, and do not know yet that their account is missing. */
  active(input: { grantIds: string[] }): Promise<string[]>;
  /** Tells the grant that its account is not at the target, if it is still ACTIVE. */
  reportMissing(input: { grantId: string }): Promise<void>;
  /** Log, metric, stream, and one mail to the operators. */
  reportStray(stray: Stray): Promise<void>;
  /**
   * Signals `reassess` to the grants of one page whose subject is no longer eligible, or to every one of it; answers with the
   * next page.
   */
  reassessPage(input: { page?: string; everyone?: boolean }): Promise<{ signalled: number; next?: string }>;
}

/** An account of ours that no grant explains. */
export interface Stray {
  target: string;
  grantId: string;
  account: string;
  /** Undefined while it could not be removed: it still stands. */
  removal?: Removal;
  /** JWS of the list that it stood in. */
  listed?: string;
}

export interface GrantPage {
  grantIds: string[];
  next?: string;
}
