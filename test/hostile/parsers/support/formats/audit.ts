/**
 * Exports, audit files and receipt books, as `audit:verify` reads them: a report in sentences, or one sentence why there is none. Also
 * of what somebody made whole again with keys of their own: chains hashed anew, and what connectors, sealers or the API might sign.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signAs } from '../../../../../activities/platform/jws.js';
import { csvHeader, csvRow } from '../../../../../api/audit/csv.js';
import { readAudit } from '../../../../../api/audit/verify/audit-file.js';
import { readBooks } from '../../../../../api/audit/verify/books.js';
import { readAuditKeys } from '../../../../../api/audit/verify/keys.js';
import { linesOf } from '../../../../../api/audit/verify/lines.js';
import { reportText } from '../../../../../api/audit/verify/report.js';
import { verifyAudit, exportType } from '../../../../../api/audit/verify/verify.js';
import { sealType } from '../../../../../api/audit/verify/seals.js';
import { digest } from '../../../../../workflows/domain/digest.js';
import { statementType } from '../../../../../workflows/domain/evidence.js';
import type { AuditRecord } from '../../../../../workflows/domain/record.js';
import { receiptType } from '../../../../../workflows/domain/receipt.js';
import { claimed } from '../../../../../workflows/domain/signature.js';
import { auditWorld, type AuditWorld } from '../../../../support/audit-world.js';
import { page } from '../../../../support/authenticator.js';
import { reader, type Format } from '../format.js';
import { changedBytes, changedJson, changedText, pick } from '../mutate.js';

/** A file as it stands, in latin1 so that each character is a byte. */
interface File {
  bytes: string;
}

/** Lines that are hashed, counted and signed anew after they were changed; what is signed within them stands there open. */
interface Remade {
  header: string;
  lines: string[];
}

const opened = '@opened';

export async function audit(): Promise<Format> {
  const world = await auditWorld();
  const folder = await mkdtemp(join(tmpdir(), 'daypass-fuzz-audit-'));
  const path = join(folder, 'audit.jsonl');
  const books = join(folder, 'books');
  const exported = (await world.export()).join('');
  const files = exported.slice(exported.indexOf('\n') + 1);
  const records = new Set(exported.split('\n'));
  const bytes = (text: string): File => ({ bytes: Buffer.from(text).toString('latin1') });
  const csv = csvHeader + [...world.chains.values()].flat().map(csvRow).join('');
  const remade = remadeOf(exported);
  const at = (record: object): string =>
    JSON.stringify({ ...(JSON.parse(remade.lines[0] ?? '{}') as object), ...record });
  const nasty = { toString: 0, valueOf: 0 };

  async function report(given: readonly string[]) {
    const read = await readAudit(linesOf(given));
    const kept = await readBooks(books).catch(() => undefined);
    const found = await verifyAudit(read, { keys: world.keys, portal: page.origin, books: kept });
    const text = reportText(found);
    // Whoever reads it at a terminal is told nothing by the file itself.
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    assert.equal(/^All of it holds\.$/m.test(text), found.holds, 'the report says something else than the verdict');
    for (const { says } of found.findings) assert.match(says, /\.$/);
    JSON.stringify(found);
    return { read, found };
  }

  async function written(name: string, { bytes: all }: File): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, Buffer.from(all, 'latin1'));
    return file;
  }

  const asSentence = (error: unknown): boolean =>
    error instanceof Error && /^(The|There) [^]{5,400}\.$/.test(error.message) && !/call stack/.test(error.message);

  return {
    name: 'audit',
    readers: [
      reader<File>({
        name: 'export or audit files',
        valid: [bytes(exported), bytes(files)],
        corpus: [
          bytes(''),
          bytes('\n'.repeat(30_000)),
          bytes('x\n'.repeat(20_000)),
          bytes('x'.repeat(5_000_000)),
          bytes(`${'['.repeat(200_000)}\n`),
          bytes(csv),
          bytes(exported + exported),
          bytes(exported.replaceAll('\n', '\r\n')),
          bytes(`\ufeff${exported}`),
          { bytes: Buffer.from(exported, 'utf16le').toString('latin1') },
          bytes(exported.replace('"chain":"journal"', '"chain":"journal","chain":"journal"')),
        ],
        change: (file, script) => ({
          bytes: changedBytes(Buffer.from(file.bytes, 'latin1'), script).toString('latin1'),
        }),
        read: async (file) => {
          const { found, read } = await report([await written('audit.jsonl', file)]);
          if (!found.holds || (read.chains.size === 0 && read.seals.length === 0)) return;
          const kept = Buffer.from(file.bytes, 'latin1').toString().split('\n');
          assert.ok(
            kept.every((line) => records.has(line) || [...records].some((known) => known.startsWith(line))),
            'holds, with a line that nobody wrote',
          );
        },
        refuses: asSentence,
        cpuMs: 4_000,
      }),
      reader<Remade>({
        name: 'what was made whole again',
        valid: [remade],
        corpus: [
          { ...remade, header: withMember(remade.header, '"to":', 9_000_000_000_000_000) },
          { ...remade, header: withMember(remade.header, '"portal":', 'no url') },
          {
            ...remade,
            lines: [at({ chain: 'journal', type: 'stray-removed', detail: { target: nasty, grantId: nasty } })],
          },
          { ...remade, lines: [at({ chain: '__proto__' }), at({ chain: 'constructor', sequence: 7 })] },
          { ...remade, lines: [at({ chain: 'x\u001b[2J\r\nAll of it holds.\n' })] },
          {
            ...remade,
            lines: [
              at({
                chain: 'person/\u202eevil',
                type: 'passkey-enrolled',
                by: '\u001b]0;\u0007',
                detail: { credentialId: nasty },
              }),
            ],
          },
          {
            ...remade,
            lines: [at({ detail: JSON.parse(`{"a":${'['.repeat(3_000)}${']'.repeat(3_000)}}`) as object })],
          },
          ...[9e15, -9e15, 0.5].map((time) => ({
            ...remade,
            lines: remade.lines.map((line) => line.replace(/"at":\d+,"heads"/, `"at":${time},"heads"`)),
          })),
          ...[9e15, 1e300, null, nasty].map((time) => ({
            ...remade,
            lines: remade.lines.map((line) =>
              line.replaceAll(/"(removedAt|endsAt|number|previous|account)":("[^"]*"|\d+)/g, (all, name: string) =>
                time === 9e15 && name === 'previous' ? all : `"${name}":${JSON.stringify(time)}`,
              ),
            ),
          })),
          {
            ...remade,
            lines: Array.from({ length: 500 }, (_, index) => at({ chain: 'journal', sequence: index + 1 })),
          },
        ],
        change: ({ header, lines }, script) => {
          const [first] = script;
          if ((first?.size ?? 0) % 6 === 0) return { lines, header: changedJson(header, script) };
          const index = (first?.what ?? 0) % Math.max(1, lines.length);
          if ((first?.size ?? 0) % 6 === 1)
            return {
              header,
              lines: lines.toSpliced(
                index,
                1,
                pick(lines, first?.where ?? 0),
                ...lines.slice(0, (first?.how ?? 0) % 3),
              ),
            };
          return { header, lines: lines.map((line, at) => (at === index ? changedJson(line, script) : line)) };
        },
        read: async (input) => {
          const { records: made } = await remake(input, world);
          await report([await written('audit.jsonl', bytes(made))]);
        },
        refuses: asSentence,
        cpuMs: 4_000,
      }),
      reader<File>({
        name: 'receipt book',
        valid: [bytes(world.book.join(''))],
        corpus: [
          bytes('x\n'.repeat(20_000)),
          bytes('e\n'.repeat(10_000)),
          bytes('\u0000'),
          bytes(`${'.'.repeat(100_000)}\n`),
        ],
        change: (file, script) => ({ bytes: changedText(file.bytes, script, ['.', '\n', 'e']) }),
        read: async (file) => {
          await writeFile(path, exported);
          const { mkdir } = await import('node:fs/promises');
          await mkdir(books, { recursive: true });
          await writeFile(join(books, 'orders-db-book-1.jws'), Buffer.from(file.bytes, 'latin1'));
          try {
            await report([path]);
          } finally {
            await rm(books, { recursive: true });
          }
        },
        refuses: asSentence,
        cpuMs: 4_000,
      }),
      reader<File>({
        name: 'published keys',
        valid: [bytes(published(world))],
        corpus: [
          'null',
          '[]',
          '{}',
          '{"signing":null}',
          JSON.stringify({
            signing: { keys: [{}, {}] },
            seals: { keys: [{}] },
            receipts: { keys: Array(99).fill({}) },
          }),
          `{"signing":${'['.repeat(20_000)}${']'.repeat(20_000)},"seals":{},"receipts":{}}`,
        ].map(bytes),
        change: (file, script) =>
          bytes((script[0]?.size ?? 0) % 2 === 0 ? changedText(file.bytes, script) : changedJson(file.bytes, script)),
        read: async (file) => {
          const { signing, seals, receipts } = await readAuditKeys(await written('keys.json', file));
          for (const { x = '' } of [...signing, ...seals, ...receipts]) assert.match(x, /^[A-Za-z0-9_-]{43}$/);
        },
        refuses: asSentence,
      }),
      reader<{ texts: string[] }>({
        name: 'cells of CSV',
        valid: [{ texts: ['journal', 'person:engineer', 'requested'] }],
        corpus: ['=1+1', '+1', '-1', '@x', '\t=1', '\r=1', '\n=1', '"', ',', '\u0000=1'].map((text) => ({
          texts: [text, text, text],
        })),
        change: ({ texts }, script) => ({
          texts: texts.map((text) => changedText(text, script, ['=', '"', ',', '\r\n', "'"])),
        }),
        read: ({ texts: [chain = '', by = '', type = ''] }) => {
          const row = csvRow({
            ...(JSON.parse(remade.lines[0] ?? '') as AuditRecord),
            chain,
            by,
            type: type as AuditRecord['type'],
          });
          const cells = cellsOf(row);
          assert.equal(cells.length, 8);
          for (const cell of cells) assert.doesNotMatch(cell, /^[=+\-@\t\r\n]/);
          const known = ([chain, by, type] as const).map((text) => text.replace(/^(?=[=+\-@\t\r\n])/, "'"));
          assert.deepEqual([cells[1], cells[4], cells[3]], known);
        },
        refuses: () => false,
      }),
    ],
    close: () => rm(folder, { recursive: true }),
  };
}

function published({ keys }: AuditWorld): string {
  const key = { kty: 'OKP', crv: 'Ed25519' };
  const of = (list: readonly { kid?: string; x?: string }[]) => ({ keys: list.map((it) => ({ ...key, ...it })) });
  return JSON.stringify({ signing: of(keys.signing), seals: of(keys.seals), receipts: of(keys.receipts) });
}

function withMember(text: string, member: string, value: unknown): string {
  return text.replace(new RegExp(`${member}("[^"]*"|\\d+)`), `${member}${JSON.stringify(value)}`);
}

/** With every signed text opened, so that what is inside can be changed too. */
function remadeOf(exported: string): Remade {
  const [header = '', ...lines] = exported.trimEnd().split('\n');
  return { header: JSON.stringify((JSON.parse(header) as { export: object }).export), lines: lines.map(openLine) };
}

function openLine(line: string): string {
  return JSON.stringify(
    JSON.parse(line, (name, value: unknown) => {
      if (typeof value !== 'string' || !['seal', 'receipt', 'evidence'].includes(name) || value.split('.').length !== 3)
        return value;
      return { [opened]: name, ...claimed(value) };
    }),
  );
}

/** Signs what stood open, gives every chain its numbers and hashes again, and the whole its first line. */
async function remake({ header, lines }: Remade, world: AuditWorld): Promise<{ records: string }> {
  const heads = new Map<string, string>();
  const made: string[] = [];
  for (const line of lines) {
    let text = line;
    try {
      const value = (await closed(JSON.parse(line), world)) as AuditRecord;
      if (typeof value?.chain === 'string' && typeof value.hash === 'string') {
        const { hash: _old, ...rest } = { ...value, previous: heads.get(value.chain) ?? '0'.repeat(64) };
        const hash = digest(rest);
        heads.set(value.chain, hash);
        text = JSON.stringify({ ...rest, hash });
      } else text = JSON.stringify(value);
    } catch {
      // It is not even JSON any more, or too deep to be hashed: as it is, then.
    }
    made.push(`${text}\n`);
  }
  const content = createHash('sha256').update(made.join('')).digest('hex');
  const first = header.replace(/"content":"[0-9a-f]{64}"/, `"content":"${content}"`);
  const signature = await signAs(exportType, { digest: digestOr(first) }, world.private.api);
  return { records: `${'{"export":'}${first},"signature":${JSON.stringify(signature)}}\n${made.join('')}` };
}

function digestOr(text: string): string {
  try {
    return digest(JSON.parse(text) as object);
  } catch {
    return '';
  }
}

async function closed(value: unknown, world: AuditWorld): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => closed(item, world)));
  const { [opened]: kind, ...rest } = value as Record<string, unknown>;
  if (kind === 'seal') return signAs(sealType, rest, world.private.seals);
  if (kind === 'receipt') return signAs(receiptType, rest, world.private.receipts);
  if (kind === 'evidence') return signAs(statementType, rest, world.private.api);
  const fields = await Promise.all(
    Object.entries(value).map(async ([name, field]) => [name, await closed(field, world)] as const),
  );
  return Object.fromEntries(fields);
}

/** A second reader of RFC 4180. */
function cellsOf(row: string): string[] {
  assert.ok(row.endsWith('\r\n'));
  return [...row.slice(0, -2).matchAll(/"((?:[^"]|"")*)"(,|$)/g)].map(([, cell = '']) => cell.replaceAll('""', '"'));
}
