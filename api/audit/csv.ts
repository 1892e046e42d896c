/** Records as CSV (RFC 4180), for spreadsheets: no cell of it can run there, whatever anybody wrote into it. */
import type { AuditRecord } from '../../workflows/domain/record.js';
import { isoInstant } from '../schemas/time.js';

const columns = ['time', 'chain', 'sequence', 'type', 'by', 'detail', 'previous', 'hash'] as const;

export const csvHeader = rowOf(columns);

export function csvRow(record: AuditRecord): string {
  const { at, chain, sequence, type, by, detail, previous, hash } = record;
  return rowOf([isoInstant(at), chain, String(sequence), type, by, JSON.stringify(detail), previous, hash]);
}

function rowOf(cells: readonly string[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

/** What a spreadsheet would take for a formula gets an apostrophe in front, which it shows as text. */
function cellOf(text: string): string {
  const defused = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return `"${defused.replaceAll('"', '""')}"`;
}
