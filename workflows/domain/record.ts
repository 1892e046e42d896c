/**
 * The record of one grant: what happened, in order, chained by hash, so that a changed, dropped or inserted line shows.
 *
 * hash = SHA-256 over the RFC 8785 form of the record without `hash`, as lower-case hex; `previous` of the first is 64 zeros.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { Ref } from './actor.js';
import { digest } from './digest.js';
import type { Instant } from './time.js';

/** Everything that can be in a record. Pages have one sentence for each. */
export const recordTypes = [
  'requested', // detail: entitlement, requestedDurationMs, requestDigest
  'assessed', // verdict, score, band, factors, flow, automatic, policyVersion, code, because
  'step-opened', // about, step, name, asked, needed, expireAt, usedFallback
  'step-reminded', // about, step
  'step-escalated', // about, step, asked
  'step-expired', // about, step
  'approved', // decisionId, about, step, comment, durationMs
  'step-completed', // about, step
  'denied', // decisionId, about, reason
  'decision-refused', // decisionId, action, code, because
  'scheduled', // at
  'eligibility-checked', // eligible, because
  'activation-started', // account
  'activated', // account, expireTime, targetIdentity, evidenceDigest
  'activation-failed', // code, because
  'extension-asked', // decisionId, totalMs, reason
  'extension-ended', // decisionId, because: denied, expired, refused by the target
  'extended', // decisionId, totalMs, expireTime
  'credential-collected', // collectId
  'withdrawn', // decisionId, reason
  'revoked', // decisionId, reason
  'time-up', // expireTime
  'removal-started', // account
  'removal-failed', // attempt, because
  'removal-overdue', // sinceMs
  'removed', // account, removedAt, verifiedAt, wasPresent, sessionsEnded, remarks
  'externally-modified', // what
  'closed', // state
] as const;

export type RecordType = (typeof recordTypes)[number];

export interface AuditRecord {
  grantId: string;
  /** From 1, without gaps. */
  sequence: number;
  at: Instant;
  type: RecordType;
  by: Ref;
  /** What an auditor needs to follow this event. Never a secret. */
  detail: { [key: string]: unknown };
  previous: string;
  hash: string;
}

export const firstPrevious = '0'.repeat(64);

/** Appends one record to a chain. */
export function chained(
  chain: readonly AuditRecord[],
  entry: Pick<AuditRecord, 'grantId' | 'at' | 'type' | 'by' | 'detail'>,
): AuditRecord[] {
  const unsealed = { ...entry, sequence: chain.length + 1, previous: chain.at(-1)?.hash ?? firstPrevious };
  return [...chain, { ...unsealed, hash: digest(unsealed) }];
}

/** As many records from the start as fit into `bytesMax`, one at least: what Temporal carries in one payload is bounded. */
export function pageOf(chain: readonly AuditRecord[], bytesMax: number): AuditRecord[] {
  let bytes = 0;
  const end = chain.findIndex((record, index) => {
    bytes += utf8ToBytes(JSON.stringify(record)).length;
    return index > 0 && bytes > bytesMax;
  });
  return chain.slice(0, end < 0 ? chain.length : end);
}

/** The first record that does not follow from the one before it; undefined for a whole chain. */
export function firstBroken(chain: readonly AuditRecord[]): AuditRecord | undefined {
  let previous = firstPrevious;
  for (const [index, record] of chain.entries()) {
    const { hash, ...unsealed } = record;
    if (record.sequence !== index + 1 || record.previous !== previous || digest(unsealed) !== hash) return record;
    previous = hash;
  }
  return undefined;
}
