/** What the API signs (compact JWS, EdDSA over Ed25519) and a connector checks by its own keys, clock and ceiling. */
import type { Ref } from './actor.js';
import type { Instant, Ms } from './time.js';

/** The `typ` of a statement: no token of another purpose, signed by the same key, can pass for one. */
export const statementType = 'daypass+jws';

/** A public JSON Web Key (RFC 7517). */
export interface PublicJwk {
  kty: string;
  crv?: string;
  x?: string;
  y?: string;
  kid?: string;
  alg?: string;
  use?: string;
}

/** How the actor signed in, as the identity provider stated it at sign-in. */
export interface SignIn {
  time: Instant;
  /** Authentication method references, RFC 8176 (`pwd`, `hwk`, ...); `client` for a service. */
  methods: string[];
  groups: string[];
  /** When the actor last proved a passkey to Daypass in this sign-in. */
  stepUp?: Instant;
}

/**
 * What a passkey signed over one decision (W3C Web Authentication Level 3, `AuthenticatorAssertionResponse`), each part in
 * base64url. Its challenge is `challengeOf` the statement that it stands in, so that it proves that statement and no other.
 */
export interface Assertion {
  credentialId: string;
  authenticatorData: string;
  clientDataJSON: string;
  signature: string;
  /** 16 random bytes of the API in base64url: who chooses the other fields cannot foresee the challenge. */
  nonce: string;
}

interface Signed {
  installation: string;
  grantId: string;
  /** SHA-256 over the RFC 8785 form of `Request`, lower-case hex: ties every decision to exactly this request. */
  requestDigest: string;
  actor: Ref;
  signIn: SignIn;
  issuedAt: Instant;
}

export interface RequestStatement extends Signed {
  type: 'request';
  entitlement: string;
  target: string;
  subject: Ref;
  /** The connector creates nothing before `notBefore` nor after `activateBy`, and nothing that stands past `endBy`. */
  notBefore: Instant;
  activateBy: Instant;
  endBy: Instant;
  longestMs: Ms;
  /** Where credentials are sealed to; absent: to the API's pinned key. */
  recipientKey?: PublicJwk;
  /** Asked for without waiting for anybody, and to be reviewed afterwards. */
  emergency?: true;
  assertion?: Assertion;
}

/** Approves the request, or one extension of it. */
export interface ApprovalStatement extends Signed {
  type: 'approve';
  decisionId: string;
  /** `request`, or the decisionId of the extension that is approved. */
  about: string;
  /** Index of the approval step, from 0. */
  step: number;
  /** A shorter duration than asked, if the approver chose one. */
  durationMs?: Ms;
  /**
   * Of an extension, always: its `totalMs` as the approver saw it. Whoever asks chooses the `decisionId`, so that alone
   * would let a longer extension live on the approvals of a shorter one.
   */
  shownMs?: Ms;
  assertion?: Assertion;
}

/** Asks that access end later. `totalMs` counts from activation and replaces the granted duration. */
export interface ExtensionStatement extends Signed {
  type: 'extend';
  decisionId: string;
  totalMs: Ms;
  endBy: Instant;
}

/** The subject lost the credential, and asks for another one to the same account. Good for two minutes from `issuedAt`. */
export interface RenewalStatement extends Signed {
  type: 'renew';
  decisionId: string;
}

/** What came of the look back at an emergency. */
export interface ReviewStatement extends Signed {
  type: 'review';
  decisionId: string;
  verdict: 'justified' | 'not-justified';
}

/** A passkey that the API saw enrolled, by a person who had just signed in: nobody else can add one. */
export interface PasskeyStatement {
  type: 'passkey';
  installation: string;
  actor: Ref;
  signIn: SignIn;
  issuedAt: Instant;
  credentialId: string;
  /** COSE key (RFC 9052) in base64url. */
  publicKey: string;
}

/** One line of the journal: what the API itself did or saw. */
export interface NoteStatement {
  type: 'note';
  installation: string;
  noteId: string;
  issuedAt: Instant;
  /** Of the journal's record. */
  event: string;
  by: Ref;
  detail: { [key: string]: unknown };
}

export type DecisionStatement =
  RequestStatement | ApprovalStatement | ExtensionStatement | RenewalStatement | ReviewStatement;
export type Statement = DecisionStatement | PasskeyStatement | NoteStatement;
/** What a passkey can sign. */
export type Attestable = RequestStatement | ApprovalStatement;
