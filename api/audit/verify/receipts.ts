/**
 * Every receipt that a record carries: signed by a connector that may speak for the target, about exactly what the record says,
 * and numbered in its book. So nobody but the connector can have claimed what was made or removed.
 */
import { digest } from '../../../workflows/domain/digest.js';
import type { Receipt, ReceiptKey, ReceiptKind } from '../../../workflows/domain/receipt.js';
import { firstPrevious, grantChain, type AuditRecord } from '../../../workflows/domain/record.js';
import { readReceipt } from './books.js';
import { requestOf } from './evidence.js';
import type { Finding } from './finding.js';
import { capital } from './chain.js';
import { named } from './finding.js';
import { textOf } from './read.js';
import { whyItCannotStand, type Standing } from './stands-on.js';

const carries: Partial<Record<AuditRecord['type'], ReceiptKind[]>> = {
  activated: ['made'],
  extended: ['end-moved'],
  renewed: ['renewed'],
  removed: ['removed', 'swept'],
  'tombstone-planted': ['removed', 'swept'],
  'stray-removed': ['removed', 'swept'],
  'stray-stands': ['listed'],
};

export interface PlacedReceipt {
  receipt: Receipt;
  record: AuditRecord;
}

export interface ReceiptsChecked {
  receipts: PlacedReceipt[];
  fault?: { record: AuditRecord; why: string };
}

export function checkReceipts(records: readonly AuditRecord[], keys: readonly ReceiptKey[]): ReceiptsChecked {
  const receipts: PlacedReceipt[] = [];
  const first = records[0];
  const standing: Standing = {};
  const target = first?.type === 'requested' ? requestOf(first)?.request.target : undefined;
  for (const record of records) {
    const kinds = carries[record.type];
    if (!kinds) continue;
    const of = target ?? textOf(record.detail['target']);
    const receipt = openReceipt(record.detail['receipt'], of, keys);
    if (!receipt)
      return { receipts, fault: { record, why: `carries no receipt of a connector that speaks for ${of}` } };
    const isWidened = record.type === 'activated' || record.type === 'extended';
    const why =
      faultIn(receipt, kinds, of, record) ??
      (isWidened ? whyItCannotStand(record, receipt, records, standing) : undefined);
    if (why !== undefined) return { receipts, fault: { record, why } };
    receipts.push({ receipt, record });
  }
  return { receipts };
}

function openReceipt(jws: unknown, target: string, keys: readonly ReceiptKey[]): Receipt | undefined {
  if (typeof jws !== 'string') return undefined;
  const pinned = keys.filter(({ targets }) => targets.includes(target));
  return readReceipt(jws, pinned);
}

/** Why the receipt does not prove its record; undefined where it does. */
function faultIn(
  receipt: Receipt,
  kinds: readonly ReceiptKind[],
  target: string,
  { chain, type, detail }: AuditRecord,
): string | undefined {
  if (!kinds.includes(receipt.kind)) return `carries a receipt of another kind (${receipt.kind})`;
  if (receipt.target !== target) return 'carries a receipt of another target';
  // It proves that somebody looked; what stood there is a digest.
  if (receipt.kind === 'listed' || receipt.kind === 'refused') return undefined;
  const grant = type === 'stray-removed' ? grantChain(textOf(detail['grantId'])) : chain;
  if (grantChain(receipt.grantId) !== grant) return 'carries the receipt of another grant';
  // What the record says beside the receipt must be what the receipt says; it may say less.
  const said = { ...receipt } as Record<string, unknown>;
  const compared = [
    'account',
    'targetIdentity',
    'evidenceDigest',
    'removedAt',
    'verifiedAt',
    'wasPresent',
    'sessionsEnded',
  ];
  const wrong = compared.find((field) => detail[field] !== undefined && detail[field] !== said[field]);
  if (wrong !== undefined) return `says something else than its receipt (${wrong})`;
  const { expireTime } = detail;
  // The grant may end what stands sooner than the target would, never later.
  if ('endsAt' in receipt && typeof expireTime === 'number' && expireTime > receipt.endsAt) {
    return 'says something else than its receipt (expireTime)';
  }
  return undefined;
}

export interface BooksChecked {
  findings: Finding[];
  books: number;
  /** Numbers that lie between those that are here: receipts of lists, refusals, and of grants that are not in this file. */
  elsewhere: number;
}

/** Receipts of one book number and chain what a connector did: no number twice, and neighbours follow each other. */
export function checkBooks(placed: readonly PlacedReceipt[]): BooksChecked {
  const books = new Map<string, PlacedReceipt[]>();
  for (const it of placed) {
    const book = books.get(it.receipt.book);
    if (book) book.push(it);
    else books.set(it.receipt.book, [it]);
  }
  const result: BooksChecked = { findings: [], books: books.size, elsewhere: 0 };
  for (const book of books.values()) {
    let before: PlacedReceipt | undefined;
    for (const here of book.toSorted((a, b) => a.receipt.number - b.receipt.number)) {
      const { number, previous } = here.receipt;
      const fault = (why: string): Finding => ({
        code: 'bad-receipt',
        chain: here.record.chain,
        sequence: here.record.sequence,
        says: `${capital(named(here.record.chain, here.record.sequence))} ${why}`,
      });
      const isTold = before?.receipt.number === number && digest(before.receipt) === digest(here.receipt);
      const isNext = number === (before?.receipt.number ?? 0) + 1;
      const expected = before ? digest(before.receipt) : firstPrevious;
      if (before?.receipt.number === number && !isTold) {
        result.findings.push(fault(`carries receipt ${number} of its book, and so does another record, differently.`));
      } else if (isNext && previous !== expected) {
        result.findings.push(fault(`carries receipt ${number} of its book, which does not follow the one before it.`));
      } else if (!isTold && !isNext) {
        result.elsewhere += number - (before?.receipt.number ?? 0) - 1;
      }
      before = here;
    }
  }
  return result;
}
