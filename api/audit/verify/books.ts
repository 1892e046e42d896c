/**
 * The connectors' receipt books, read from their files: every line signed by a key that is pinned for its target, numbered
 * without gaps, each after the one before it. Nobody but the connector can add a line, and nobody can take one out unseen.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { digest } from '../../../workflows/domain/digest.js';
import { receiptType, type Receipt, type ReceiptKey } from '../../../workflows/domain/receipt.js';
import { firstPrevious } from '../../../workflows/domain/record.js';
import { claimed, verified } from '../../../workflows/domain/signature.js';
import type { Finding } from './finding.js';
import { linesOf } from './lines.js';
import { instant, isHashable } from './read.js';

/** As it stands on disk: `<target>-<book>.jws`, with its lines and their ends. */
export interface BookFile {
  name: string;
  lines: string[];
}

export interface BookLine {
  receipt: Receipt;
  jws: string;
  digest: string;
}

export interface OpenedBook {
  name: string;
  /** By number, once each. */
  lines: BookLine[];
  /** What a write that failed left behind. */
  torn: number;
  findings: Finding[];
}

/** Rejects with a sentence when there is nothing to read. */
export async function readBooks(folder: string): Promise<BookFile[]> {
  const all = await readdir(folder).catch((error: unknown) => {
    const way = 'Give the folder of the connectors (DAYPASS_RECEIPTS_DIR), or a copy of it.';
    throw new Error(`The receipt books ${folder} cannot be read. ${way}`, { cause: error });
  });
  const names = all.filter((name) => name.endsWith('.jws')).toSorted();
  if (names.length === 0) throw new Error(`There is no receipt book (<target>-<book>.jws) in ${folder}.`);
  const books: BookFile[] = [];
  for (const name of names) {
    const book: BookFile = { name, lines: [] };
    for await (const line of linesOf([join(folder, name)])) book.lines.push(line);
    books.push(book);
  }
  return books;
}

export function openBook({ name, lines }: BookFile, keys: readonly ReceiptKey[]): OpenedBook {
  const opened: OpenedBook = { name, lines: [], torn: 0, findings: [] };
  const whole: string[] = [];
  const strange: { text: string; line: number }[] = [];
  for (const [index, text] of lines.entries()) {
    const jws = text.replace(/\n$/, '');
    const receipt = jws === '' ? undefined : openLine(jws, name, keys);
    if (receipt) {
      opened.lines.push({ receipt, jws, digest: digest(receipt) });
      whole.push(jws);
    } else if (jws !== '') strange.push({ text, line: index + 1 });
  }
  whole.sort();
  for (const { text, line } of strange) {
    // Half a line is written anew, whole, before anything else; only who died over it never came to that.
    const half = text.replace(/\n$/, '');
    const isTorn = line === lines.length && !text.endsWith('\n');
    if (isTorn || isBegun(half, whole)) opened.torn += 1;
    else {
      const says = `Line ${line} of the book ${name} is signed by no key that is pinned for its target, or stands in the wrong book.`;
      opened.findings.push({ code: 'bad-receipt', book: name, line, says });
    }
  }
  opened.lines = inSequence(opened);
  return opened;
}

/** Whether one of these, in their order, begins so: it would stand just behind. */
function isBegun(half: string, sorted: readonly string[]): boolean {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? '') < half) from = middle + 1;
    else to = middle;
  }
  return sorted[from]?.startsWith(half) ?? false;
}

const entry = {
  installation: z.string(),
  target: z.string(),
  book: z.string(),
  number: z.int().positive(),
  previous: z.string(),
  at: instant,
};
const ofGrant = { ...entry, grantId: z.string(), account: z.string(), targetIdentity: z.string() };
const receiptShape = z.discriminatedUnion('kind', [
  z.looseObject({
    ...ofGrant,
    kind: z.enum(['made', 'end-moved', 'renewed']),
    evidenceDigest: z.string(),
    endsAt: instant,
  }),
  z.looseObject({ ...ofGrant, kind: z.enum(['removed', 'swept']), wasPresent: z.boolean() }),
  z.looseObject({ ...entry, kind: z.enum(['listed', 'refused']) }),
]);

function openLine(jws: string, name: string, keys: readonly ReceiptKey[]): Receipt | undefined {
  const { target, book } = claimed(jws);
  if (typeof target !== 'string' || typeof book !== 'string' || name !== `${target}-${book}.jws`) return undefined;
  const pinned = keys.filter(({ targets }) => targets.includes(target));
  return readReceipt(jws, pinned);
}

/** What a connector with one of these keys signed, if it is a receipt. A later version may say more: the digest is over what stands there. */
export function readReceipt(jws: string, pinned: readonly ReceiptKey[]): Receipt | undefined {
  const payload = verified(jws, receiptType, pinned)?.payload;
  return isHashable(payload) && receiptShape.safeParse(payload).success ? (payload as Receipt) : undefined;
}

/** By number, once each; says what is missing, and what does not follow. */
function inSequence({ name, lines, findings }: OpenedBook): BookLine[] {
  const once = [...new Map(lines.map((line) => [line.digest, line])).values()];
  const sorted = once.toSorted((a, b) => a.receipt.number - b.receipt.number);
  let last = 0;
  let expected = firstPrevious;
  for (const { receipt, digest: own } of sorted) {
    const { number, previous } = receipt;
    if (number > last + 1) {
      const many = number - last === 2 ? `Receipt ${last + 1} is` : `Receipts ${last + 1} to ${number - 1} are`;
      findings.push({ code: 'dropped', book: name, says: `${many} missing in the book ${name}.` });
    } else if (number === last) {
      const says = `The book ${name} has two different receipts of number ${number}.`;
      findings.push({ code: 'inserted', book: name, says });
    } else if (previous !== expected) {
      const says = `Receipt ${number} of the book ${name} does not follow the one before it.`;
      findings.push({ code: 'bad-receipt', book: name, says });
    }
    last = number;
    expected = own;
  }
  return sorted;
}
