/** The whole obligation of a connector: make one account, remove it, and say what stands. */
import type { Removal, StandingAccount } from '../contract.js';
import type { Ref } from '../../workflows/domain/actor.js';
import type { PublicJwk } from '../../workflows/domain/evidence.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';

/** What a connector found when it removed; the receipt is signed around it. */
export type Removed = Omit<Removal, 'receipt'>;

/** An order whose evidence was checked against this connector's keys, clock and ceiling. */
export interface Order<Privilege> {
  grantId: string;
  subject: Ref;
  entitlement: string;
  /** From the ceiling file, never from the message. */
  privilege: Privilege;
  durationMs: Ms;
  /** Nothing may stand past this instant, whenever it was made. */
  endBy: Instant;
  /** SHA-256 of the evidence, for the label. */
  evidenceDigest: string;
  /** Ids of the API's keys that signed the evidence, for the label. */
  signedBy: string[];
  /** Where the credential is sealed to. */
  recipientKey: PublicJwk;
  /** Automatic orders are counted in the creating transaction; undefined where people approved. */
  automaticPerHour?: number;
  /** Attempt of the activity: an older attempt that arrives late must not replace a newer credential. */
  attempt: number;
  /** Of a renewal: when the API signed it. A renewal that was signed before the last one comes too late. */
  renewedAt?: Instant;
}

export interface Provision extends StandingAccount {
  /** What the subject needs to log in; sealed by the caller before it leaves the process. */
  credential?: Credential;
}

/** Shown once to the subject. */
export interface Credential {
  kind: 'postgres';
  host: string;
  port: number;
  database: string;
  username: string;
  password: string;
}

/** Of what stands, in the order of the grants' ids, the first `most` that come after that of `after`. */
export interface Page {
  after: string;
  most: number;
}

export interface Connector<Privilege = unknown> {
  /** What the page tells people, and what the contract suite holds it to. */
  readonly can: {
    endsLiveSessions: 'yes' | 'no' | { withinMs: Ms };
    movesEnd: boolean;
    reportsUse: boolean;
    perSecond: number;
  };
  /** Reads a privilege of the ceiling file. Throws an Error with a sentence for the operator. */
  parsePrivilege(value: unknown): Privilege;
  /** Refuses at start, with a sentence and the statement that mends it, what would make grants unsafe at this target. */
  check(privileges: Privilege[]): Promise<void>;
  /** Instant of the target's own clock. */
  now(signal: AbortSignal): Promise<Instant>;
  /** Finds or makes the account of this grant. Refuses with `tombstone` when the grant is over here. */
  provision(order: Order<Privilege>, signal: AbortSignal): Promise<Provision>;
  /** Another credential for the account that stands on this evidence; never for one that does not. Its end stays. */
  renew(order: Order<Privilege>, signal: AbortSignal): Promise<Provision>;
  /** Moves the end of a standing account to where the evidence has it; later or earlier. */
  setEnd?(order: Order<Privilege>, signal: AbortSignal): Promise<StandingAccount>;
  /** Ends a standing account by `endsAt`, if it would end later: on nobody's evidence, so it never widens anything. */
  shorten?(grantId: string, endsAt: Instant, signal: AbortSignal): Promise<StandingAccount>;
  /** Plants the tombstone, removes, reads back. Absent is success. */
  remove(grantId: string, signal: AbortSignal): Promise<Removed>;
  /** What of this installation stands there now: all, or one page of it, which is short only where nothing comes after it. */
  list(signal: AbortSignal, page?: Page): Promise<StandingAccount[]>;
  close(): Promise<void>;
}

/** `refused` will never work; `unknown` may have worked: retry, and undo is owed. */
export class TargetError extends Error {
  readonly outcome: 'refused' | 'unknown';
  readonly code:
    | 'target-refused'
    | 'target-unavailable'
    | 'tombstone'
    | 'clock-skew'
    | 'ceiling-refused'
    | 'bad-evidence'
    | 'passkey-required'
    | 'passkey-unknown'
    | 'passkey-refused'
    | 'passkey-unverified-user';

  constructor(outcome: TargetError['outcome'], code: TargetError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TargetError';
    this.outcome = outcome;
    this.code = code;
  }
}
