/**
 * Reads an export or audit files into chains and seals, and forgets nothing that it cannot read. A line counts only as Daypass
 * writes it, to the letter: with a member that stands twice, two readers could see two different records.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import type { Finding } from './finding.js';
import { instant, isHashable } from './read.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** The first line of an export: what was asked for, and what was found. The API signs its digest. */
export const ExportHeader = z.strictObject({
  version: z.literal(1),
  installation: z.string(),
  /** Where people prove their passkeys. */
  portal: z.string(),
  by: z.string(),
  at: instant,
  from: instant,
  to: instant,
  /** What narrows the export beside its range; empty: every chain that changed in the range is in it. */
  filter: z.record(z.string(), z.string()),
  chains: z.int().nonnegative(),
  records: z.int().nonnegative(),
  seals: z.int().nonnegative(),
  firstSeal: z.int().positive().optional(),
  lastSeal: z.int().positive().optional(),
  /** Chains whose beginning is no longer kept by Temporal, with the first record that is here. */
  begins: z.record(z.string(), z.int().positive()),
  /** Chains that could not answer when this was made. */
  unreadable: z.array(z.string()),
  /** SHA-256 of every byte after this line. */
  content: hash,
});
export type ExportHeader = z.infer<typeof ExportHeader>;

const headerLine = z.strictObject({ export: ExportHeader, signature: z.string() });
const sealLine = z.strictObject({ seal: z.string() });
const recordLine = z.strictObject({
  chain: z.string().min(1).max(300),
  sequence: z.int().positive(),
  at: instant,
  type: z.string(),
  by: z.string(),
  detail: z.record(z.string(), z.unknown()),
  previous: hash,
  hash,
});

export interface PlacedRecord {
  record: AuditRecord;
  line: number;
}

export interface PlacedSeal {
  jws: string;
  line: number;
}

export interface AuditFile {
  header?: { says: ExportHeader; signature: string; contentIsWhole: boolean };
  lines: number;
  /** In the order of the file. */
  chains: Map<string, PlacedRecord[]>;
  seals: PlacedSeal[];
  /** Lines that are none of an audit. */
  broken: number[];
  findings: Finding[];
}

/** Lines come with their line ends, as they stand in the file. */
export async function readAudit(lines: AsyncIterable<string> | Iterable<string>): Promise<AuditFile> {
  const file: AuditFile = { lines: 0, chains: new Map(), seals: [], broken: [], findings: [] };
  const content = createHash('sha256');
  let header: { says: ExportHeader; signature: string } | undefined;
  const torn: { text: string; line: number }[] = [];
  for await (const text of lines) {
    file.lines += 1;
    const line = file.lines;
    const read = readLine(text);
    if (read?.is === 'header' && line === 1) header = read;
    else content.update(text);
    if (read === undefined) {
      file.broken.push(line);
      if (!text.endsWith('\n')) torn.push({ text, line });
    } else if (read.is === 'seal') file.seals.push({ jws: read.jws, line });
    else if (read.is === 'record') placed(file.chains, read.record.chain).push({ record: read.record, line });
    else if (line > 1) file.findings.push({ code: 'inserted', line, says: secondHeader(line) });
  }
  if (header) file.header = { ...header, contentIsWhole: content.digest('hex') === header.says.content };
  // A process that died while it wrote leaves half a last line, and the whole of it is told again to another file.
  else for (const { text, line } of torn) if (isToldAgain(text, file)) file.broken.splice(file.broken.indexOf(line), 1);
  return file;
}

function isToldAgain(half: string, { chains, seals }: AuditFile): boolean {
  for (const placed of chains.values()) {
    if (placed.some(({ record }) => JSON.stringify(record).startsWith(half))) return true;
  }
  return seals.some(({ jws }) => JSON.stringify({ seal: jws }).startsWith(half));
}

function secondHeader(line: number): string {
  return `Line ${line} begins a second export: verify one export at a time, or audit files alone.`;
}

type Line =
  | { is: 'header'; says: ExportHeader; signature: string }
  | { is: 'seal'; jws: string }
  | { is: 'record'; record: AuditRecord };

function readLine(text: string): Line | undefined {
  const line = text.endsWith('\n') ? text.slice(0, -1) : undefined;
  // Every line has its end: without it, the last one may be half of what it was.
  if (line === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
    if (!isHashable(value) || JSON.stringify(value) !== line) return undefined;
  } catch {
    // Said as a finding, with its line.
    return undefined;
  }
  const record = recordLine.safeParse(value);
  // The union of types is closed, but a later version may know more: the hash is over what stands there.
  if (record.success) return { is: 'record', record: value as AuditRecord };
  const seal = sealLine.safeParse(value);
  if (seal.success) return { is: 'seal', jws: seal.data.seal };
  const header = headerLine.safeParse(value);
  return header.success ? { is: 'header', says: header.data.export, signature: header.data.signature } : undefined;
}

function placed(chains: Map<string, PlacedRecord[]>, chain: string): PlacedRecord[] {
  const known = chains.get(chain);
  if (known) return known;
  const fresh: PlacedRecord[] = [];
  chains.set(chain, fresh);
  return fresh;
}
