/**
 * `npm run audit:verify -- <export> [--keys <folder or file>] [--zone <zone file>] [--portal <url>] [--json]`: checks an export, or
 * audit files, offline. Exit code 0 when all of it holds, 1 when something does not, 2 when it could not be checked.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readAudit } from '../audit/verify/audit-file.js';
import { readAuditKeys } from '../audit/verify/keys.js';
import { linesOf } from '../audit/verify/lines.js';
import { reportText } from '../audit/verify/report.js';
import { verifyAudit } from '../audit/verify/verify.js';
import { readZonePasskeys } from '../audit/verify/zone.js';

const usage =
  'Use: npm run audit:verify -- <export or audit files> [--keys <folder or file>] [--zone <zone file>] [--portal <url>] [--json]';

/** Of the development stack, where its launcher keeps them. */
const developmentKeys = '.daypass/keys';

async function run(): Promise<boolean> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      keys: { type: 'string' },
      zone: { type: 'string' },
      portal: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (positionals.length === 0) throw new Error(`Name what to verify. ${usage}`);
  const keys = await readAuditKeys(values.keys ?? knownKeys());
  const zone = values.zone === undefined ? undefined : await readZonePasskeys(values.zone);
  const file = await readAudit(linesOf(positionals));
  if (file.chains.size === 0 && file.seals.length === 0) {
    throw new Error(
      `There is no record in ${positionals.join(', ')}: it is no export in JSON Lines, and no audit file.`,
    );
  }
  const report = await verifyAudit(file, { keys, zone, portal: values.portal });
  process.stdout.write(values.json ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report));
  return report.holds;
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
