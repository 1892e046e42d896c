/** What the API signs (compact JWS, EdDSA over Ed25519) and a connector checks by its own keys, clock and ceiling. */
import type { Ref } from './actor.js';
import type { Instant, Ms } from './time.js';

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
}

/** Asks that access end later. `totalMs` counts from activation and replaces the granted duration. */
export interface ExtensionStatement extends Signed {
  type: 'extend';
  decisionId: string;
  totalMs: Ms;
  endBy: Instant;
}

export type Statement = RequestStatement | ApprovalStatement | ExtensionStatement;
