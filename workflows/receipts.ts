/**
 * Whether a connector's signed receipt proves an answer: by a key that is pinned for this target, and field by field what the
 * answer says. Anyone who can poll a queue can answer; only the connector can sign.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { receiptType, type ReceiptKey, type RemovalReceipt, type StandingReceipt } from './domain/receipt.js';
import { keyIdOf, verified } from './domain/signature.js';
import type { State } from './domain/state.js';
import type { Provisioned, Removal } from './domain/target.js';

/** What a receipt must say, and no less. Its place in the connector's book is for auditors. */
export interface Claim {
  receipt: string;
  says: { [field: string]: string | number | boolean | undefined };
}

/** Some 700 bytes; more could not be kept in a record. */
const receiptMax = 4_000;

/** What stands now, as the connector answered. */
export function standingClaim(kind: StandingReceipt['kind'], made: Provisioned, state: State): Claim {
  const { account, endsAt, evidenceDigest, targetIdentity, sealedCredential, receipt } = made;
  const credentialDigest = sealedCredential === undefined ? undefined : sha256Of(sealedCredential);
  const stands = { account, endsAt, evidenceDigest, targetIdentity, credentialDigest };
  return { receipt, says: { kind, ...placeOf(state), ...stands } satisfies Said<StandingReceipt> };
}

/** Nothing stands, as the connector read back. */
export function removalClaim(removal: Removal, state: State): Claim {
  const { account, removedAt, verifiedAt, wasPresent, sessionsEnded, targetIdentity, receipt } = removal;
  const found = { account, removedAt, verifiedAt, wasPresent, sessionsEnded, targetIdentity };
  return { receipt, says: { kind: 'removed', ...placeOf(state), ...found } satisfies Said<RemovalReceipt> };
}

type Said<Receipt> = { [Field in keyof Omit<Receipt, 'book' | 'number' | 'previous' | 'at'>]-?: unknown };

function placeOf({ request, installation }: State) {
  return { installation, grantId: request.grantId, target: request.target };
}

/** Undefined for what is proved; else why not. `unknown-key`: by a key that is not pinned for this target, or not yet. */
export function whyUnproved({ receipt, says }: Claim, pinned: readonly ReceiptKey[]): string | undefined {
  if (receipt.length > receiptMax) return 'The receipt is too long to be one.';
  const keys = pinned.filter(({ targets }) => targets.some((target) => target === says['target']));
  if (!keys.some(({ kid }) => kid === keyIdOf(receipt))) return unknownKey;
  const proof = verified(receipt, receiptType, keys)?.payload;
  if (typeof proof !== 'object' || proof === null) return 'The receipt of the answer is not signed by its key.';
  const read = proof as { [field: string]: unknown };
  const other = Object.keys(says).find((field) => read[field] !== says[field]);
  return other === undefined ? undefined : `The receipt says something else than the answer: ${other}.`;
}

export const unknownKey = 'The receipt of the answer is not by a key that is pinned for this target.';

function sha256Of(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}
