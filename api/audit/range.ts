/** What a question to the audit comes to: a range, the chains to ask, and which of their records are meant. */
import type { AuditRecord } from '../../workflows/domain/record.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { grantWorkflowId } from '../../workflows/ids.js';
import { all, chainsOnly, changedWithin, grantsOnly, is, type Filter } from '../filter.js';
import { Problem } from '../problem.js';
import type { Narrowing } from './schemas.js';

export interface Range {
  from: Instant;
  to: Instant;
}

const dayMs: Ms = 86_400_000;
/** As long as Temporal keeps what is over. */
const longestMs: Ms = 92 * dayMs;

/** Without an end: until now; without a beginning: the day before the end. One chain by its name has no need of either. */
export function rangeOf({ from, to, chain, grant }: Narrowing, now: Instant): Range {
  const end = to ?? now;
  const begin = from ?? (chain !== undefined || grant !== undefined ? 0 : end - dayMs);
  if (begin > end) throw wrong('from', 'from is not after to');
  if (begin > 0 && end - begin > longestMs) throw wrong('from', 'from is at most 92 days before to; ask in parts');
  return { from: begin, to: end };
}

function wrong(parameter: string, detail: string): Problem {
  return new Problem('invalid', `${detail}.`, { errors: [{ parameter, detail }] });
}

/** Which chains may hold what is meant. */
export function filterOf(asked: Narrowing, range: Range): Filter {
  const { chain, grant, subject, entitlement, target } = asked;
  const one = grant === undefined ? chain : grantWorkflowId(grant);
  const ofGrants = subject !== undefined || entitlement !== undefined || target !== undefined;
  return all(
    ofGrants ? grantsOnly : chainsOnly,
    one === undefined ? undefined : is('WorkflowId', one),
    subject === undefined ? undefined : is('Subject', subject),
    entitlement === undefined ? undefined : is('Entitlement', entitlement),
    target === undefined ? undefined : is('Target', target),
    changedWithin(range.from, range.to),
  );
}

export function isMeant(record: AuditRecord, { type, by }: Narrowing, { from, to }: Range): boolean {
  return (
    record.at >= from &&
    record.at <= to &&
    (type === undefined || record.type === type) &&
    (by === undefined || record.by === by)
  );
}

/** Beside the range; as it stands in an export and in the journal: who narrows what an auditor gets is seen to do so. */
export function filterShown(asked: Narrowing): Record<string, string> {
  const { chain, grant, type, by, subject, entitlement, target } = asked;
  const named = { chain, grant, type, by, subject, entitlement, target };
  return Object.fromEntries(Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
