/**
 * What a connector signs about what it did (compact JWS, EdDSA over Ed25519, `typ` `daypass-receipt+jws`). Each process of a
 * trust zone keeps one book per target: its receipts are numbered and chained, so that a gap shows.
 */
import type { Instant } from './time.js';

export const receiptType = 'daypass-receipt+jws';

export const receiptKinds = ['made', 'end-moved', 'renewed', 'removed', 'swept', 'listed', 'refused'] as const;
export type ReceiptKind = (typeof receiptKinds)[number];

interface Entry {
  installation: string;
  target: string;
  /** Random, of one process at one target. */
  book: string;
  /** From 1, without gaps within the book. */
  number: number;
  /** `digest` of the receipt before it; 64 zeros in the first. */
  previous: string;
  at: Instant;
}

/** `made`, `end-moved`, `renewed`: what stands from now on, and on which evidence. */
export interface StandingReceipt extends Entry {
  kind: 'made' | 'end-moved' | 'renewed';
  grantId: string;
  account: string;
  endsAt: Instant;
  evidenceDigest: string;
  targetIdentity: string;
  /** SHA-256 of the sealed credential's text, lower-case hex; absent where none was handed over. */
  credentialDigest?: string;
}

/** `removed`, or `swept` by the connector alone: nothing stands, as read back at the target. */
export interface RemovalReceipt extends Entry {
  kind: 'removed' | 'swept';
  grantId: string;
  account: string;
  removedAt: Instant;
  verifiedAt: Instant;
  wasPresent: boolean;
  sessionsEnded: number;
  targetIdentity: string;
}

/** One page of what stands: in the order of their grant ids, those after `after`. */
export interface ListReceipt extends Entry {
  kind: 'listed';
  /** Empty for the first page. */
  after: string;
  count: number;
  /** `digest` of `{ standing }`, the accounts of this page. */
  standingDigest: string;
}

/** An order that this connector would not follow, and why. */
export interface RefusalReceipt extends Entry {
  kind: 'refused';
  /** As the order claimed; it may be anyone's text, so at most 64 characters. */
  grantId: string;
  call: string;
  code: string;
  because: string;
}

export type Receipt = StandingReceipt | RemovalReceipt | ListReceipt | RefusalReceipt;

/** A connector's public key, and the targets it may speak for. */
export interface ReceiptKey {
  kid: string;
  /** Ed25519 public key, 32 bytes in base64url. */
  x: string;
  targets: string[];
}
