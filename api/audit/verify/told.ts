/**
 * What the connectors' books tell, against the records: everything that was done for a grant is told by a record of its chain, and
 * every receipt that a record carries stands in its book. So whoever decides and seals cannot have something made and keep
 * it out of the record.
 */
import { digest } from '../../../workflows/domain/digest.js';
import type { ReceiptKey, ReceiptKind, RemovalReceipt, StandingReceipt } from '../../../workflows/domain/receipt.js';
import { grantChain, type AuditRecord } from '../../../workflows/domain/record.js';
import { claimed } from '../../../workflows/domain/signature.js';
import type { ExportHeader } from './audit-file.js';
import { openBook, type BookFile, type OpenedBook } from './books.js';
import { capital } from './chain.js';
import { named, type Finding } from './finding.js';
import { textOf } from './read.js';
import type { PlacedReceipt } from './receipts.js';

export interface BookCounts {
  books: number;
  receipts: Partial<Record<ReceiptKind, number>>;
  /** Told by a record that carries exactly this receipt. */
  told: number;
  /** Of an attempt that was repeated; a record carries the receipt of another one, which says the same. */
  repeated: number;
  /** The order is on record, its answer is not: it failed, or is under way. */
  unanswered: number;
  /** Removals that found nothing, and that nobody had to record. */
  idle: number;
  /** Of grants that this file was not asked for, or newer than it. */
  outside: number;
  /** Receipts of records whose book is not in the folder. */
  elsewhere: number;
  torn: number;
}

export interface BooksCompared {
  findings: Finding[];
  checked: BookCounts;
  installations: Set<string>;
}

export interface Audit {
  header?: ExportHeader;
  chains: ReadonlyMap<string, readonly AuditRecord[]>;
  /** When the newest of it was written. */
  newest: number;
  placed: readonly PlacedReceipt[];
}

type Told = Exclude<keyof BookCounts, 'books' | 'receipts' | 'elsewhere' | 'torn'>;
type OfGrant = StandingReceipt | RemovalReceipt;

/** Clocks of connectors and workers differ by at most this much; what is nearer to an edge may lie on either side of it. */
const edgeMs = 5_000;

export function compareBooks(files: readonly BookFile[], keys: readonly ReceiptKey[], audit: Audit): BooksCompared {
  const books = files.map((file) => openBook(file, keys));
  const findings = books.flatMap((book) => book.findings);
  const checked: BookCounts = {
    books: books.length,
    receipts: {},
    told: 0,
    repeated: 0,
    unanswered: 0,
    idle: 0,
    outside: 0,
    elsewhere: 0,
    torn: books.reduce((sum, { torn }) => sum + torn, 0),
  };
  const installations = new Set<string>();
  const strays = straysIn(audit.chains);
  for (const { name, lines } of books) {
    for (const line of lines) {
      const { receipt } = line;
      installations.add(receipt.installation);
      checked.receipts[receipt.kind] = (checked.receipts[receipt.kind] ?? 0) + 1;
      // What the sweep does it does alone, where nobody asked for anything: it is said, by its number.
      if (receipt.kind === 'listed' || receipt.kind === 'refused' || receipt.kind === 'swept') continue;
      const told = tellingOf(receipt, line.jws, strays, audit);
      if (told === undefined) findings.push(unrecorded(receipt, name, audit));
      else checked[told] += 1;
    }
  }
  return { findings: findings.concat(notInBooks(books, audit.placed, checked)), checked, installations };
}

/** How a record tells of it; undefined where none does. */
function tellingOf(receipt: OfGrant, own: string, strays: ReadonlySet<string>, audit: Audit): Told | undefined {
  if (strays.has(own)) return 'told';
  const chain = grantChain(receipt.grantId);
  const records = audit.chains.get(chain);
  const how = records ? toldBy(records, receipt, own) : undefined;
  if (how !== undefined) return how;
  if (receipt.kind === 'removed' && !receipt.wasPresent) return 'idle';
  return isCovered(chain, receipt, audit) ? undefined : 'outside';
}

/** The records that answer, and those that order. */
const records: Record<Exclude<ReceiptKind, 'swept' | 'listed' | 'refused'>, [string[], string[]]> = {
  made: [['activated'], ['activation-started']],
  'end-moved': [['extended'], ['extension-asked']],
  renewed: [['renewed'], ['renewal-asked']],
  removed: [
    ['removed', 'tombstone-planted'],
    ['removal-started', 'closed'],
  ],
};

function toldBy(chain: readonly AuditRecord[], receipt: OfGrant, own: string): Told | undefined {
  if (receipt.kind === 'swept') return undefined;
  const [answering, ordering] = records[receipt.kind];
  const answers = chain.filter(({ type }) => answering.includes(type)).map(({ detail }) => textOf(detail['receipt']));
  if (answers.includes(own)) return 'told';
  if (answers.some((answer) => isSame(claimed(answer), receipt))) return 'repeated';
  const orders = chain.filter(({ type }) => ordering.includes(type)).length;
  // A removal is ordered once, and may be closed over; all else is answered once for each time that it was ordered.
  const isOpen = receipt.kind === 'removed' ? orders > 0 && answers.length === 0 : orders > answers.length;
  return isOpen ? 'unanswered' : undefined;
}

/** Another attempt of the same call leaves the same account; a renewal may have been answered on either side of an extension. */
function isSame(answer: { [field: string]: unknown }, receipt: OfGrant): boolean {
  const { target, grantId, account, targetIdentity } = receipt;
  const evidenceDigest = 'evidenceDigest' in receipt && receipt.kind !== 'renewed' ? receipt.evidenceDigest : undefined;
  const same = { target, grantId, account, targetIdentity, ...(evidenceDigest !== undefined && { evidenceDigest }) };
  return Object.entries(same).every(([field, value]) => answer[field] === value);
}

/** Whether this file, as its header says, has to hold the record of it. */
function isCovered(chain: string, { at, target, grantId }: OfGrant, { header, chains, newest }: Audit): boolean {
  if (at > (header?.at ?? newest) - edgeMs) return false;
  // A grant is whole where it is.
  if (chains.has(chain) || !header) return true;
  if (header.unreadable.includes(chain)) return false;
  const asked: Record<string, string> = { target, grant: grantId, chain };
  const isMeant = Object.entries(header.filter).every(([name, value]) => asked[name] === value);
  return isMeant && at >= header.from + edgeMs && at <= header.to - edgeMs;
}

const says: Record<OfGrant['kind'], string> = {
  made: 'an account was made',
  'end-moved': 'the end of an account was moved',
  renewed: 'a credential was made anew',
  removed: 'an account was removed',
  swept: 'an account was swept',
};

function unrecorded(receipt: OfGrant, book: string, { chains }: Audit): Finding {
  const { kind, grantId, number, account, at } = receipt;
  const where = `receipt ${number} of ${book}, ${account}, ${new Date(at).toISOString()}`;
  const which = chains.has(grantChain(grantId)) ? 'no record of its chain tells of' : 'no record tells of';
  const sentence = `${capital(says[kind])} for grant ${grantId} that ${which} (${where}).`;
  return { code: 'unrecorded', chain: grantChain(grantId), book, says: sentence };
}

/** Receipts of removals of strays, as the journal has them. */
function straysIn(chains: Audit['chains']): Set<string> {
  const journal = chains.get('journal') ?? [];
  const removed = journal.filter(({ type }) => type === 'stray-removed');
  return new Set(removed.map(({ detail }) => textOf(detail['receipt'])));
}

/** What a record carries and its book does not hold: a line was dropped. */
function notInBooks(books: readonly OpenedBook[], placed: readonly PlacedReceipt[], checked: BookCounts): Finding[] {
  const held = new Map(books.map(({ name, lines }) => [name, new Set(lines.map((line) => line.digest))]));
  const findings: Finding[] = [];
  for (const { receipt, record } of placed) {
    const book = `${receipt.target}-${receipt.book}.jws`;
    const lines = held.get(book);
    if (!lines) checked.elsewhere += 1;
    else if (!lines.has(digest(receipt))) {
      const { chain, sequence } = record;
      const sentence = `${capital(named(chain, sequence))} carries receipt ${receipt.number}, which is missing in its book ${book}.`;
      findings.push({ code: 'dropped', chain, sequence, book, says: sentence });
    }
  }
  return findings;
}
