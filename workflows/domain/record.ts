/**
 * Audit records: what happened, in order, chained by hash, so that a changed, dropped or inserted line shows. Each grant,
 * each person with passkeys and the journal of the installation has a chain of its own, in the state of its own workflow.
 *
 * hash = SHA-256 over the RFC 8785 form of the record without `hash`, as lower-case hex; `previous` of the first is 64 zeros.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { SYSTEM, type Ref } from './actor.js';
import { digest } from './digest.js';
import type { Instant } from './time.js';

/** Everything that can happen to a grant, and what the detail of each may hold. Pages have one sentence for each. */
export const grantRecords = {
  requested: ['requestedDurationMs', 'emergency', 'request', 'requestDigest', 'evidence'],
  assessed: [
    'verdict',
    'emergency',
    'score',
    'band',
    'factors',
    'missing',
    'flow',
    'automatic',
    'policyVersion',
    'ceiling',
    'code',
    'because',
  ],
  'step-opened': ['about', 'step', 'name', 'asked', 'needed', 'expireAt', 'usedFallback'],
  'step-reminded': ['about', 'step'],
  'step-escalated': ['about', 'step', 'asked'],
  'step-expired': ['about', 'step'],
  approved: ['decisionId', 'about', 'step', 'comment', 'durationMs', 'evidence'],
  'step-completed': ['about', 'step'],
  denied: ['decisionId', 'about', 'reason'],
  'decision-refused': ['decisionId', 'action', 'code', 'because'],
  scheduled: ['at'],
  'eligibility-checked': ['eligible', 'because'],
  'activation-started': ['account'],
  activated: ['account', 'expireTime', 'targetIdentity', 'evidenceDigest', 'receipt'],
  'activation-failed': ['code', 'because'],
  'extension-asked': ['decisionId', 'totalMs', 'reason', 'evidence'],
  'extension-ended': ['decisionId', 'code', 'because'], // denied, expired, refused by the target
  extended: ['decisionId', 'totalMs', 'expireTime', 'receipt'],
  'credential-collected': ['collectId'],
  'renewal-asked': ['decisionId', 'evidence'],
  renewed: ['decisionId', 'receipt'],
  'renewal-failed': ['decisionId', 'code', 'because'],
  withdrawn: ['decisionId', 'reason'],
  revoked: ['decisionId', 'reason'],
  'time-up': ['expireTime'],
  'removal-started': ['account'],
  'removal-failed': ['attempt', 'code', 'because'],
  'removal-overdue': ['sinceMs'],
  removed: ['account', 'removedAt', 'verifiedAt', 'wasPresent', 'sessionsEnded', 'remarks', 'receipt'],
  'externally-modified': ['what'],
  'tombstone-planted': ['receipt'], // nothing was ever made, and nothing can be
  reviewed: ['decisionId', 'verdict', 'comment', 'evidence'],
  'review-reminded': ['reminders'],
  closed: ['state'],
} as const;

/** What happens to a person's passkeys. */
export const personRecords = {
  'passkey-enrolled': ['credentialId', 'name', 'publicKey', 'fingerprint', 'evidence'],
  'passkey-renamed': ['credentialId', 'name'],
  'passkey-removed': ['credentialId'],
  'passkey-used': ['credentialId', 'for', 'counter'], // for: step-up, approve or request
  'passkey-refused': ['credentialId', 'code'],
} as const;

/** What happens to the installation as a whole; each is signed by the API (`evidence`), or carries a `receipt`. */
export const journalRecords = {
  'payloads-opened': ['workflows', 'payloads', 'noteId', 'evidence'],
  'temporal-changed': ['method', 'call', 'workflow', 'body', 'noteId', 'evidence'], // body: SHA-256 of what was sent
  'temporal-refused': ['method', 'call', 'workflow', 'noteId', 'evidence'],
  'audit-exported': ['format', 'from', 'to', 'filter', 'chains', 'records', 'noteId', 'evidence'],
  'signed-out-everywhere': ['person', 'noteId', 'evidence'],
  'stray-removed': ['target', 'grantId', 'account', 'receipt'],
  'stray-stands': ['target', 'grantId', 'account', 'receipt'],
  'note-refused': ['because', 'count', 'evidence'], // something that nobody signed, or that was signed too long ago
} as const;

export type GrantRecordType = keyof typeof grantRecords;
export type PersonRecordType = keyof typeof personRecords;
export type JournalRecordType = keyof typeof journalRecords;
export type RecordType = GrantRecordType | PersonRecordType | JournalRecordType;

/** The closed union: every type of record, with every field that its detail may have. */
export const recordDetails = { ...grantRecords, ...personRecords, ...journalRecords };

/** The compiler holds whoever writes a record to this, and a test whatever is spread into one. */
export type Detail<Type extends RecordType> = { [Field in (typeof recordDetails)[Type][number]]?: unknown };

export const grantRecordTypes = Object.keys(grantRecords) as GrantRecordType[];
export const personRecordTypes = Object.keys(personRecords) as PersonRecordType[];
export const journalRecordTypes = Object.keys(journalRecords) as JournalRecordType[];

/** Where a chain stands: the newest record of it. */
export interface Head {
  sequence: number;
  hash: string;
}

export interface AuditRecord {
  /** Id of the workflow that keeps it: `grant/<id>`, `person/<id>` or `journal`. */
  chain: string;
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

/** The name of a grant's chain, which is its workflow's id too. */
export function grantChain(grantId: string): string {
  return `grant/${grantId}`;
}

export const noHead: Head = { sequence: 0, hash: firstPrevious };

/** The record that follows `head` in its chain. */
export function following(
  head: Head,
  entry: Pick<AuditRecord, 'chain' | 'at' | 'type' | 'detail'> & { by?: Ref },
): AuditRecord {
  const unsealed = { by: SYSTEM, ...entry, sequence: head.sequence + 1, previous: head.hash };
  return { ...unsealed, hash: digest(unsealed) };
}

/** Appends one record to a chain. */
export function chained(
  chain: readonly AuditRecord[],
  entry: Pick<AuditRecord, 'chain' | 'at' | 'type' | 'by' | 'detail'>,
): AuditRecord[] {
  return [...chain, following(headOf(chain), entry)];
}

export function headOf(chain: readonly AuditRecord[], before: Head = noHead): Head {
  const last = chain.at(-1);
  return last ? { sequence: last.sequence, hash: last.hash } : before;
}

/** As many records from the start as fit into `bytesMax`, one at least: what Temporal carries in one payload is bounded. */
export function pageOf(chain: readonly AuditRecord[], bytesMax: number): AuditRecord[] {
  const page = fitting(chain, bytesMax);
  return page.length > 0 ? page : chain.slice(0, 1);
}

/** As many records from the start as fit into `bytesMax`; none where the first one alone is larger. */
export function fitting(chain: readonly AuditRecord[], bytesMax: number): AuditRecord[] {
  let bytes = 0;
  const end = chain.findIndex((record) => {
    bytes += utf8ToBytes(JSON.stringify(record)).length;
    return bytes > bytesMax;
  });
  return chain.slice(0, end < 0 ? chain.length : end);
}

/** The first record that does not follow from the one before it; undefined for a whole chain. */
export function firstBroken(chain: readonly AuditRecord[], head: Head = noHead): AuditRecord | undefined {
  let before = head;
  for (const record of chain) {
    const { hash, ...unsealed } = record;
    const follows = record.sequence === before.sequence + 1 && record.previous === before.hash;
    if (!follows || record.chain !== chain[0]?.chain || digest(unsealed) !== hash) return record;
    before = record;
  }
  return undefined;
}
