/**
 * Every statement that a record carries: signed by a pinned key of the API, and about exactly what the record says. So whoever
 * owns the workers, or Temporal, cannot have put words into anybody's mouth.
 */
import { isDeepStrictEqual } from 'node:util';
import { verifyStatement } from '../../../activities/platform/jws.js';
import type { PinnedKey } from '../../../activities/platform/keys.js';
import { digest } from '../../../workflows/domain/digest.js';
import type { Assertion, Attestable, DecisionStatement, Statement } from '../../../workflows/domain/evidence.js';
import { grantChain, type AuditRecord } from '../../../workflows/domain/record.js';
import type { Request } from '../../../workflows/domain/request.js';

/** Which statement each record must carry. `stray-removed` and the like carry a receipt instead. */
const carries: Partial<Record<AuditRecord['type'], Statement['type']>> = {
  requested: 'request',
  approved: 'approve',
  'extension-asked': 'extend',
  'renewal-asked': 'renew',
  reviewed: 'review',
  'passkey-enrolled': 'passkey',
  'payloads-opened': 'note',
  'temporal-changed': 'note',
  'temporal-refused': 'note',
  'audit-exported': 'note',
  'signed-out-everywhere': 'note',
};

export interface Attested {
  statement: Attestable;
  assertion: Assertion;
  record: AuditRecord;
}

export interface EvidenceChecked {
  /** How many statements were checked, by type. */
  counts: Partial<Record<Statement['type'], number>>;
  /** The first record of the chain whose statement does not prove it, and why. */
  fault?: { record: AuditRecord; why: string };
  /** Statements that a passkey signed too. */
  attested: Attested[];
  installations: Set<string>;
}

export async function checkEvidence(
  records: readonly AuditRecord[],
  keys: readonly PinnedKey[],
): Promise<EvidenceChecked> {
  const result: EvidenceChecked = { counts: {}, attested: [], installations: new Set() };
  const first = records[0];
  const asked = first?.type === 'requested' ? requestOf(first) : undefined;
  for (const record of records) {
    const type = carries[record.type];
    if (type === undefined) continue;
    const read = await statementOf(record, keys);
    if (typeof read === 'string') return { ...result, fault: { record, why: read } };
    const why = faultIn(read, type, record, asked, records);
    if (why !== undefined) return { ...result, fault: { record, why } };
    result.counts[type] = (result.counts[type] ?? 0) + 1;
    result.installations.add(read.installation);
    if ((read.type === 'request' || read.type === 'approve') && read.assertion) {
      result.attested.push({ statement: read, assertion: read.assertion, record });
    }
  }
  return result;
}

export interface Asked {
  request: Request;
  requestDigest: string;
}

export function requestOf({ detail }: AuditRecord): Asked | undefined {
  const { request, requestDigest } = detail;
  if (typeof request !== 'object' || request === null || typeof requestDigest !== 'string') return undefined;
  return { request: request as Request, requestDigest };
}

/** The statement, or why there is none. */
async function statementOf({ detail }: AuditRecord, keys: readonly PinnedKey[]): Promise<Statement | string> {
  if (typeof detail['evidence'] !== 'string') return 'carries no signed statement';
  try {
    return await verifyStatement(detail['evidence'], { keys: [...keys] });
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown reason';
    return `carries a statement that does not count: ${why.replace(/\.$/, '')}`;
  }
}

/** Why this statement does not prove its record; undefined where it does. */
function faultIn(
  statement: Statement,
  type: Statement['type'],
  record: AuditRecord,
  asked: Asked | undefined,
  records: readonly AuditRecord[],
): string | undefined {
  if (statement.type !== type) return `carries a statement of another kind (${statement.type})`;
  if (statement.type === 'note') {
    const { evidence: _evidence, noteId, ...detail } = record.detail;
    return differing({
      noteId: [statement.noteId, noteId],
      event: [statement.event, record.type],
      actor: [statement.by, record.by],
      detail: [statement.detail, detail],
    });
  }
  if (statement.type === 'passkey') {
    const { credentialId, publicKey } = record.detail;
    return differing({
      person: [statement.actor, record.chain.replace(/^person\//, 'person:')],
      actor: [statement.actor, record.by],
      credentialId: [statement.credentialId, credentialId],
      publicKey: [statement.publicKey, publicKey],
    });
  }
  if (!asked) return 'belongs to a grant whose record does not begin with its request';
  if (digest(asked.request) !== asked.requestDigest) return 'belongs to a request that its digest does not fit';
  const common = differing({
    grant: [grantChain(statement.grantId), record.chain],
    request: [statement.requestDigest, asked.requestDigest],
    actor: [statement.actor, record.by],
  });
  return common ?? differing(fieldsOf(statement, record, asked, records));
}

type Pair = [signed: unknown, recorded: unknown];

function fieldsOf(
  statement: DecisionStatement,
  { detail }: AuditRecord,
  { request }: Asked,
  records: readonly AuditRecord[],
): Record<string, Pair> {
  switch (statement.type) {
    case 'request':
      return {
        requester: [statement.actor, request.requester],
        subject: [statement.subject, request.subject],
        entitlement: [statement.entitlement, request.entitlement],
        target: [statement.target, request.target],
        duration: [statement.longestMs, request.requestedDurationMs],
        emergency: [statement.emergency ?? false, request.emergency ?? false],
      };
    case 'approve': {
      const extension = records.find(
        (it) => it.type === 'extension-asked' && it.detail['decisionId'] === statement.about,
      );
      return {
        decisionId: [statement.decisionId, detail['decisionId']],
        about: [statement.about, detail['about']],
        step: [statement.step, detail['step']],
        durationMs: [statement.durationMs, detail['durationMs']],
        ...(extension ? { shownMs: [statement.shownMs, extension.detail['totalMs']] } : {}),
      };
    }
    case 'extend':
      return {
        decisionId: [statement.decisionId, detail['decisionId']],
        totalMs: [statement.totalMs, detail['totalMs']],
      };
    case 'renew':
      return { decisionId: [statement.decisionId, detail['decisionId']] };
    case 'review':
      return {
        decisionId: [statement.decisionId, detail['decisionId']],
        verdict: [statement.verdict, detail['verdict']],
      };
  }
}

/** Names the first field in which the signed statement and the record differ. */
function differing(fields: Record<string, Pair>): string | undefined {
  const wrong = Object.entries(fields).find(([, [signed, recorded]]) => !isDeepStrictEqual(signed, recorded));
  return wrong && `says something else than was signed (${wrong[0]})`;
}
