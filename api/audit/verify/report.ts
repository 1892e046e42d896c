/** A verification as people read it: the verdict first, then what was checked, then what this cannot see. */
import { plainText } from '../../../workflows/domain/text.js';
import type { BookCounts } from './told.js';
import type { Counts, Report } from './verify.js';

/** More than anyone reads; the first one is what counts. */
const shownMax = 20;
/** Many chains may be named in one sentence. */
const charactersMax = 20_000;

export function reportText({ holds, findings, checked, unseen }: Report): string {
  const verdict = holds ? ['All of it holds.'] : [`It does not hold. ${shown(findings[0]?.says ?? '')}`];
  const others = findings.slice(1, shownMax).map(({ says }) => `  ${shown(says)}`);
  const hidden = findings.length - 1 - others.length;
  return [
    ...verdict,
    ...(others.length > 0 ? ['', 'Also:', ...others] : []),
    ...(hidden > 0 ? [`  and ${hidden} more (--json shows all).`] : []),
    '',
    'Checked:',
    ...checkedLines(checked).map((line) => `  ${line}`),
    '',
    'What this cannot see:',
    ...unseen.map((sentence) => `  ${shown(sentence)}`),
    '',
  ].join('\n');
}

/** Sentences hold names out of the file: none of them may move the cursor, or write a verdict of its own. */
function shown(sentence: string): string {
  return plainText(sentence, charactersMax);
}

function checkedLines(checked: Counts): string[] {
  const { statements, receipts, receiptBooks } = checked;
  return [
    `${counted(checked.records, 'record')} of ${counted(checked.chains, 'chain')}, ${counted(checked.grants, 'grant')} among them: sequence, hash and what came before`,
    `${counted(checked.seals, 'seal')} and ${counted(checked.heads, 'head')} that they name: signature, order, and every head against its chain`,
    `${counted(sum(statements), 'signed statement')}${kinds(statements)}: signature, and that each says what its record says`,
    `${counted(checked.passkeys, 'proof')} of passkeys: signature over exactly that decision, person verified`,
    `${counted(sum(receipts), 'receipt')}${kinds(receipts)} of ${counted(checked.books, 'book')}: signature, target, grant and number`,
    ...(receiptBooks ? [booksLine(receiptBooks)] : []),
    `${counted(checked.stories, 'story', 'stories')}: approvals before access, nobody for themselves, removal before the close`,
  ];
}

function booksLine({ books, receipts, told, repeated, unanswered, idle, outside }: BookCounts): string {
  const how = `${told} told by a record, ${repeated} of repeated attempts, ${unanswered} without an answer on record, ${idle} that found nothing, ${outside} outside`;
  return `${counted(sum(receipts), 'line')} of ${counted(books, "connector's book")}${kinds(receipts)}: signature, number and what came before; ${how}`;
}

function sum(counts: Partial<Record<string, number>>): number {
  return Object.values(counts).reduce<number>((total, count) => total + (count ?? 0), 0);
}

function kinds(counts: Partial<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([kind, count]) => `${kind} ${count}`);
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
