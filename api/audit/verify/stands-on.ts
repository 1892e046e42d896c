/**
 * What stands, stands on the decisions that the record shows: the digest in the connector's receipt is that of the request, the
 * approvals and the extensions that the record holds, in the order in which the connector got them.
 */
import { digest } from '../../../workflows/domain/digest.js';
import type { Receipt } from '../../../workflows/domain/receipt.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import { claimed } from '../../../workflows/domain/signature.js';
import type { Instant } from '../../../workflows/domain/time.js';
import { textOf } from './read.js';

/** The clocks of the API and of a connector may differ by as much. */
const clockToleranceMs = 5_000;
/** Votes that lost their standing are few; whoever writes a record with more ways to read it is not followed. */
const waysMax = 2_000;
/** The API takes at most 100 decisions of a grant. */
const votesMax = 100;

interface Basis {
  request: unknown;
  approvals: unknown[];
  extensions: { extension: unknown; approvals: unknown[] }[];
}

/** What the grant stands on so far. */
export interface Standing {
  basis?: Basis;
}

/** Why `record` cannot stand on what the record holds before it; undefined where it does, and `standing` then knows. */
export function whyItCannotStand(
  record: AuditRecord,
  receipt: Receipt,
  records: readonly AuditRecord[],
  standing: Standing,
): string | undefined {
  if (!('evidenceDigest' in receipt)) return undefined;
  const before = records.slice(0, records.indexOf(record));
  let ways = 0;
  for (const basis of basesOf(record, before, standing)) {
    ways += 1;
    if (ways > waysMax) break;
    if (digest(basis) !== receipt.evidenceDigest) continue;
    standing.basis = basis;
    return signedLater(basis, receipt.at)
      ? 'stands on an approval that was issued after the connector had done it'
      : undefined;
  }
  return 'carries a receipt for other evidence than the request and the approvals in its record';
}

function* basesOf(record: AuditRecord, before: readonly AuditRecord[], { basis }: Standing): Generator<Basis> {
  if (record.type === 'activated') {
    const request = before[0]?.detail['evidence'];
    for (const approvals of approvalsOf('request', before)) yield { request, approvals, extensions: [] };
    return;
  }
  const { decisionId } = record.detail;
  const asked = before.findLastIndex((it) => it.type === 'extension-asked' && it.detail['decisionId'] === decisionId);
  if (!basis || asked < 0) return;
  const extension = before[asked]?.detail['evidence'];
  for (const approvals of approvalsOf(textOf(decisionId), before.slice(asked))) {
    yield { ...basis, extensions: [...basis.extensions, { extension, approvals }] };
  }
}

/**
 * The approvals that may have counted, step by step. A step is complete with as many votes as it needs, the last one among them;
 * where there are more, somebody had lost their standing by then, and the record does not say who.
 */
function* approvalsOf(about: string, before: readonly AuditRecord[]): Generator<unknown[]> {
  const those = before.filter(({ detail }) => detail['about'] === about);
  const steps = those
    .filter(({ type }) => type === 'step-opened')
    .map(({ detail }) => {
      const votes = those.filter((it) => it.type === 'approved' && it.detail['step'] === detail['step']);
      return {
        votes: votes.map((it) => it.detail['evidence']),
        needed: typeof detail['needed'] === 'number' ? detail['needed'] : 0,
      };
    });
  // Where one step has no way, the ways of the others would be tried in vain.
  if (steps.every(({ votes, needed }) => needed >= 1 && needed <= votes.length && votes.length <= votesMax))
    yield* together(steps);
}

interface Step {
  votes: unknown[];
  needed: number;
}

function* together([step, ...rest]: readonly Step[]): Generator<unknown[]> {
  if (!step) {
    yield [];
    return;
  }
  const last = step.votes.at(-1);
  for (const chosen of choices(step.votes.slice(0, -1), step.needed - 1)) {
    for (const others of together(rest)) yield [...chosen, ...(last === undefined ? [] : [last]), ...others];
  }
}

/** Every way to keep `count` of them in their order. */
function* choices(votes: readonly unknown[], count: number): Generator<unknown[]> {
  if (count === 0) {
    yield [];
    return;
  }
  const [first, ...rest] = votes;
  if (!(count > 0 && count <= votes.length)) return;
  for (const chosen of choices(rest, count - 1)) yield [first, ...chosen];
  yield* choices(rest, count);
}

function signedLater({ approvals, extensions }: Basis, at: Instant): boolean {
  const signed = [...approvals, ...extensions.flatMap((it) => [it.extension, ...it.approvals])];
  return signed.some((jws) => {
    const issuedAt = typeof jws === 'string' ? claimed(jws)['issuedAt'] : undefined;
    return typeof issuedAt === 'number' && issuedAt > at + clockToleranceMs;
  });
}
