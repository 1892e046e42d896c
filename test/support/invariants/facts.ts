/**
 * What the promises are checked over: plain data, gathered from where things really stand and not from what Daypass says of
 * itself. The target is asked as its superuser, Temporal for its histories, Redis for its keys, and callers for what they were told.
 */
import type { Report } from '../../../api/audit/verify/verify.js';
import type { AuditKeys } from '../../../api/audit/verify/keys.js';
import type { Ref } from '../../../workflows/domain/actor.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import type { Instant, Ms } from '../../../workflows/domain/time.js';
import type { Action, GrantView } from '../../../workflows/domain/view.js';

/** What callers were answered, written down on their side while a test runs. */
export interface Accepted {
  /** Every grant that the API answered for. */
  grants: AcceptedGrant[];
  /** Every decision that the API answered for, refused ones too. */
  decisions: AcceptedDecision[];
  /** How late the removal of what ended may have started in this run: 2 s while everything lives, 12 s where a worker died. */
  removalStartsWithinMs: Ms;
  /** How late it may have reached the target; undefined where more end at once than the target takes. */
  removalReachesWithinMs?: Ms;
  /** Passwords, cookies, bearers and the like that were used, by what they are. Without any, nothing is searched for them. */
  secrets?: { [name: string]: string };
}

export interface AcceptedGrant {
  grantId: string;
  by: Ref;
  /** Of the request: the same key is the same grant. */
  idempotencyKey?: string;
}

export interface AcceptedDecision {
  grantId: string;
  decisionId: string;
  action: Action;
  by: Ref;
  /** 200, 202, or the status of the refusal. */
  status: number;
}

/** One promise of the design that does not hold, of one grant or of all. */
export interface Broken {
  promise: PromiseNumber;
  grantId?: string;
  because: string;
}

export type PromiseNumber = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12;

export interface Facts {
  /** When the gathering began. */
  at: Instant;
  installation: string;
  targets: TargetFacts[];
  grants: GrantFacts[];
  people: Person[];
  keys: AuditKeys;
  audit: AuditFacts;
  redis: RedisKey[];
  /** Where a planted secret was found, and in which form. */
  traces: { secret: string; where: string }[];
  accepted: Accepted;
}

/** As the target itself tells it. */
export interface TargetFacts {
  target: string;
  accounts: StandingAccount[];
  /** What the connector keeps there for good: one line for each account that was ever made or is over. */
  ledger: LedgerLine[];
  sessions: LiveSession[];
}

/** An account of ours by its name, whatever its label says. */
export interface StandingAccount {
  account: string;
  grantId: string;
  mayLogIn: boolean;
  /** The target's own expiry; undefined: it lets it in for ever. */
  validUntil?: Instant;
  /** What it is a member of. */
  memberOf: string[];
  /** As the connector wrote it; undefined for what is no label. */
  label?: { installation: string; grantId: string; evidence: string; endsAt: Instant };
}

export interface LedgerLine {
  account: string;
  grantId: string;
  madeAt?: Instant;
  /** When the tombstone was planted. */
  overAt?: Instant;
  removedAt?: Instant;
}

export interface LiveSession {
  account: string;
  grantId: string;
  since: Instant;
}

export interface GrantFacts {
  grantId: string;
  /** Of the workflow id, oldest first: more than one only after a reset. */
  runs: { runId: string; isOpen: boolean; isTerminated: boolean }[];
  /** The memo of the newest run. */
  view?: GrantView;
  /** The whole chain, asked of the newest run. */
  records: AuditRecord[];
  /** Of the newest run, opened with the codec's keys. */
  history: HistoryEvent[];
  /** Why its history does not replay with today's code. Only of those that were replayed. */
  replayed?: 'clean' | { because: string };
}

/** One event of a history, as far as promises are about it. */
export interface HistoryEvent {
  id: number;
  at: Instant;
  /** `WorkflowTaskStarted`, `ActivityTaskScheduled`, ... as in Temporal's own enumeration. */
  type: string;
  /** Of an activity, a signal or a marker. */
  name?: string;
  /** What an assessment or a judge answered, and the state that the memo shows: opened. */
  says?: unknown;
  /** What in its payload looks like a secret. */
  secret?: string;
  /** The event that this one answers: the scheduled one of a result, the started one of a completed task. */
  of?: number;
}

export interface AuditFacts {
  /** Every line of every audit file. */
  lines: string[];
  /** What the verifier says of these files and the connectors' books. */
  report: Report;
}

export interface Person {
  ref: Ref;
  /** The same for every account of one human. */
  human: string;
  /** Of a service: who answers for it. */
  owner?: Ref;
}

export interface RedisKey {
  key: string;
  type: string;
  /** The value as text where it has one. */
  value?: string;
}
