/**
 * Verifies an export, or audit files, offline: what anybody can check who trusts none of us, with the public keys alone.
 * Answers with the first thing that does not hold, what was checked and how many of each, and what this cannot see.
 */
import type { ReceiptKind } from '../../../workflows/domain/receipt.js';
import { verified } from '../../../workflows/domain/signature.js';
import { digest } from '../../../workflows/domain/digest.js';
import type { Statement } from '../../../workflows/domain/evidence.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import type { AuditFile, ExportHeader } from './audit-file.js';
import type { BookFile } from './books.js';
import { capital, checkChain, type CheckedChain } from './chain.js';
import { checkEvidence, type Attested } from './evidence.js';
import { named, type Finding, type FindingCode } from './finding.js';
import type { AuditKeys } from './keys.js';
import { checkPasskeys, enrolledIn, type KnownPasskey } from './passkeys.js';
import { checkBooks, checkReceipts, type PlacedReceipt } from './receipts.js';
import { checkHeads, checkSeals } from './seals.js';
import { checkStory, type Fault } from './story.js';
import { compareBooks, type BookCounts } from './told.js';
import { unseen } from './unseen.js';

/** What the API signs of an export: the digest of its first line. */
export const exportType = 'daypass-export+jws';

export interface Given {
  keys: AuditKeys;
  /** Passkeys as a zone's owner listed them. */
  zone?: KnownPasskey[];
  /** Where people prove passkeys; absent: as the export says. */
  portal?: string;
  /** What the connectors keep themselves. */
  books?: BookFile[];
}

export interface Counts {
  lines: number;
  chains: number;
  grants: number;
  records: number;
  seals: number;
  heads: number;
  statements: Partial<Record<Statement['type'], number>>;
  passkeys: number;
  receipts: Partial<Record<ReceiptKind, number>>;
  books: number;
  stories: number;
  /** Where the connectors' books were given. */
  receiptBooks?: BookCounts;
}

export interface Report {
  holds: boolean;
  /** Ordered: the first one is the first record that does not hold. */
  findings: Finding[];
  checked: Counts;
  /** What this cannot see, each in a sentence. */
  unseen: string[];
}

export async function verifyAudit(file: AuditFile, { keys, zone, portal: given, books: kept }: Given): Promise<Report> {
  const header = file.header?.says;
  const portal = given ?? header?.portal;
  const chains = [...file.chains].map(([chain, placed]) =>
    checkChain(chain, placed, {
      ordered: header !== undefined,
      begins: beginOf(
        chain,
        placed.map(({ record }) => record),
        header,
      ),
      broken: file.broken,
    }),
  );
  const begun: Finding[] = chains.flatMap(({ finding }) => finding ?? []);
  const { seals, findings: ofSeals } = checkSeals(file.seals, keys.seals, header);
  const heads = checkHeads(seals, new Map(chains.map((it) => [it.chain, it])), header);
  // Not pushed all at once: there may be more of them than a call takes arguments.
  const found = begun.concat(heads.findings);

  const checked: Counts = {
    lines: file.lines,
    chains: chains.length,
    grants: 0,
    records: chains.reduce((sum, { records }) => sum + records.length, 0),
    seals: seals.length,
    heads: heads.checked,
    statements: {},
    passkeys: 0,
    receipts: {},
    books: 0,
    stories: 0,
  };
  const installations = new Set(header ? [header.installation] : []);
  for (const { seal } of seals) installations.add(seal.installation);
  const attested: Attested[] = [];
  const enrolled: KnownPasskey[] = [];
  const receipts: PlacedReceipt[] = [];
  for (const { records } of chains) {
    const evidence = await checkEvidence(records, keys.signing);
    add(checked.statements, evidence.counts);
    attested.push(...evidence.attested);
    found.push(...faults('bad-evidence', evidence.fault));
    if (!evidence.fault) enrolled.push(...enrolledIn(records));
    const made = checkReceipts(records, keys.receipts);
    receipts.push(...made.receipts);
    found.push(...faults('bad-receipt', made.fault));
    for (const installation of evidence.installations) installations.add(installation);
    for (const { receipt } of made.receipts) installations.add(receipt.installation);
    const first = records[0];
    if (!first?.chain.startsWith('grant/')) continue;
    checked.grants += 1;
    checked.stories += 1;
    found.push(...faults('story', checkStory(records)));
  }
  for (const { receipt } of receipts) add(checked.receipts, { [receipt.kind]: 1 });
  const books = checkBooks(receipts);
  checked.books = books.books;
  for (const finding of books.findings) found.push(finding);
  const compared =
    kept &&
    compareBooks(kept, keys.receipts, {
      header,
      chains: new Map(chains.map(({ chain, records }) => [chain, records])),
      newest: [...chains.map(({ records }) => records.at(-1)?.at ?? 0), ...seals.map(({ seal }) => seal.at)].reduce(
        (newest, at) => Math.max(newest, at),
        0,
      ),
      placed: receipts,
    });
  for (const installation of compared?.installations ?? []) installations.add(installation);
  if (compared) checked.receiptBooks = compared.checked;
  const passkeys = await checkPasskeys(attested, { enrolled, zone, portal });
  checked.passkeys = passkeys.checked;
  found.push(...faults('bad-passkey', passkeys.fault));
  if (installations.size > 1) {
    const says = `This mixes installations: ${[...installations].toSorted().join(', ')}.`;
    found.push({ code: 'bad-header', says });
  }

  const findings = [
    ...inOrder(found, chains),
    ...ofSeals,
    ...(compared?.findings ?? []),
    ...ofFile(file, chains, found, keys),
  ];
  const last = seals.at(-1)?.seal;
  return {
    holds: findings.length === 0,
    findings,
    checked,
    unseen: unseen({
      header,
      chains,
      heads,
      seals: { first: seals[0]?.seal.number, last },
      passkeysUnknown: passkeys.unknown,
      receiptsElsewhere: books.elsewhere,
      receiptBooks: compared?.checked,
      portal,
    }),
  };
}

/** A grant is kept whole; where Temporal no longer has the beginning of another chain, an export says so. */
function beginOf(chain: string, records: readonly AuditRecord[], header: ExportHeader | undefined): number {
  if (chain.startsWith('grant/')) return 1;
  if (header) return (Object.hasOwn(header.begins, chain) ? header.begins[chain] : undefined) ?? 1;
  return records.reduce((first, { sequence }) => Math.min(first, sequence), Infinity);
}

function faults(code: FindingCode, fault: Fault | undefined): Finding[] {
  if (!fault) return [];
  const { chain, sequence } = fault.record;
  return [{ code, chain, sequence, says: `${capital(named(chain, sequence))} ${fault.why}.` }];
}

function add<Kind extends string>(to: Partial<Record<Kind, number>>, more: Partial<Record<Kind, number>>): void {
  for (const kind of Object.keys(more) as Kind[]) to[kind] = (to[kind] ?? 0) + (more[kind] ?? 0);
}

/** By the order of the chains in the file, then by record. */
function inOrder(found: readonly Finding[], chains: readonly CheckedChain[]): Finding[] {
  const places = new Map(chains.map(({ chain }, index) => [chain, index]));
  const placeOf = ({ chain = '' }: Finding): number => places.get(chain) ?? chains.length;
  return found.toSorted((a, b) => placeOf(a) - placeOf(b) || (a.sequence ?? 0) - (b.sequence ?? 0));
}

/** What is wrong with the file as a whole, where no record is to blame. */
function ofFile(
  file: AuditFile,
  chains: readonly CheckedChain[],
  found: readonly Finding[],
  keys: AuditKeys,
): Finding[] {
  const findings: Finding[] = [...file.findings];
  const told = new Set(found.map(({ line }) => line));
  for (const line of file.broken.filter((it) => !told.has(it))) {
    findings.push({ code: 'unreadable', line, says: `Line ${line} is no line of an audit: it was changed or cut.` });
  }
  const { header } = file;
  if (!header) return findings;
  const { says, signature, contentIsWhole } = header;
  const payload = verified(
    signature,
    exportType,
    keys.signing.map(({ kid = '', x = '' }) => ({ kid, x })),
  )?.payload as { digest?: unknown } | undefined;
  if (payload?.digest !== digest(says)) {
    findings.push({ code: 'bad-header', line: 1, says: 'The first line is not what a pinned key of the API signed.' });
  }
  const records = [...file.chains.values()].reduce((sum, placed) => sum + placed.length, 0);
  if (says.records !== records || says.chains !== chains.length) {
    const was = `${says.records} records of ${says.chains} chains`;
    const is = `${records} of ${chains.length}`;
    findings.push({ code: 'cut-off', says: `The export was made with ${was}, and ${is} are here.` });
  }
  if (!contentIsWhole) {
    const why = 'The file is not, to the byte, what was exported';
    findings.push({ code: 'changed', line: 2, says: `${why}: its content does not fit the digest in its first line.` });
  }
  return findings;
}
