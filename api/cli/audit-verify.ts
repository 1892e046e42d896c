/**
 * `npm run audit:verify -- <export> [--keys <folder or file>] [--receipts <folder>] [--zone <zone file>] [--portal <url>] [--temporal] [--json]`:
 * checks an export, or audit files, offline; with `--receipts` also against the connectors' own books; with `--temporal` also against
 * Temporal's own histories, for which it needs a worker and the codec's keys. Exit code 0 when all of it holds, 1 when something
 * does not, 2 when it could not be checked.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createCodec } from '../../activities/platform/codec.js';
import { readCodecKeys } from '../../activities/platform/keys.js';
import { connectClient } from '../../activities/platform/temporal.js';
import { createChains } from '../audit/chains.js';
import { readAudit, type AuditFile } from '../audit/verify/audit-file.js';
import { readBooks } from '../audit/verify/books.js';
import { readAuditKeys } from '../audit/verify/keys.js';
import { linesOf } from '../audit/verify/lines.js';
import { reportText } from '../audit/verify/report.js';
import { compareWithTemporal } from '../audit/verify/temporal.js';
import { verifyAudit, type Report } from '../audit/verify/verify.js';
import { readZonePasskeys } from '../audit/verify/zone.js';

const usage =
  'Use: npm run audit:verify -- <export or audit files> [--keys <folder or file>] [--receipts <folder>] [--zone <zone file>] [--portal <url>] [--temporal] [--json]';

/** Of the development stack, where its launcher keeps them. */
const developmentKeys = '.daypass/keys';

async function run(): Promise<boolean> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      keys: { type: 'string' },
      receipts: { type: 'string' },
      zone: { type: 'string' },
      portal: { type: 'string' },
      temporal: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  if (positionals.length === 0) throw new Error(`Name what to verify. ${usage}`);
  const keys = await readAuditKeys(values.keys ?? knownKeys());
  const zone = values.zone === undefined ? undefined : await readZonePasskeys(values.zone);
  const books = values.receipts === undefined ? undefined : await readBooks(values.receipts);
  const file = await readAudit(linesOf(positionals));
  if (file.chains.size === 0 && file.seals.length === 0) {
    throw new Error(
      `There is no record in ${positionals.join(', ')}: it is no export in JSON Lines, and no audit file.`,
    );
  }
  const offline = await verifyAudit(file, { keys, zone, portal: values.portal, books });
  const report = values.temporal ? { ...offline, ...(await compared(file, offline)) } : offline;
  process.stdout.write(values.json ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report));
  return report.holds;
}

/** Temporal's address comes from its own configuration (`TEMPORAL_ADDRESS`, ...). */
async function compared(file: AuditFile, offline: Report): Promise<Partial<Report>> {
  const ring = await readCodecKeys(process.env['DAYPASS_CODEC_KEYS_FILE'] ?? join(developmentKeys, 'codec.json'));
  const client = await connectClient({ keys: ring });
  try {
    const source = { client, chains: createChains(client), codec: createCodec(ring, 'throw') };
    const { findings, compared: count, gone, decisions, unreadable } = await compareWithTemporal(file, source);
    const all = [...offline.findings, ...findings];
    const sentence =
      `Compared with Temporal: ${count} chains and ${decisions} decisions that were sent; ` +
      `${gone} chains are no longer kept there, and ${unreadable} signals there cannot be read.`;
    return { holds: all.length === 0, findings: all, unseen: [...offline.unseen, sentence] };
  } finally {
    await client.connection.close();
  }
}

function knownKeys(): string {
  if (existsSync(developmentKeys)) return developmentKeys;
  const way = 'save what GET /v1/keys answers, compare it with what you pinned before, and give it with --keys';
  throw new Error(`Without public keys nothing is proved: ${way}.`);
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
