/**
 * `npm run bench:compare -- <commit>`: what a change costs people who wait. Measures an earlier commit and these files in one run,
 * by turns, each on a system of its own and with its own benchmark, and prints both beside each other.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { markdown, ms, percentile } from './table.js';

const run = promisify(execFile);
const [commit, count = '25', rounds = '2'] = process.argv.slice(2);
if (commit === undefined) {
  process.stderr.write('Name the commit to compare with: npm run bench:compare -- <commit> [grants] [rounds]\n');
  process.exit(2);
}

/** Milliseconds of one row of the table that `latency` prints. */
interface Row {
  p50: number;
  p95: number;
}

type Rows = Map<string, Row[]>;

const folder = await mkdtemp(join(tmpdir(), 'daypass-compare-'));
try {
  const earlier = join(folder, 'earlier');
  await run('git', ['clone', '--quiet', '.', earlier]);
  await run('git', ['checkout', '--quiet', commit], { cwd: earlier });
  await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: earlier, maxBuffer: 2 ** 24 });
  const before: Rows = new Map();
  const after: Rows = new Map();
  // By turns, so that what else the machine does meets both.
  for (let round = 0; round < Number(rounds); round += 1) {
    await measure(earlier, before);
    await measure(process.cwd(), after);
  }
  print(before, after);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(checkout: string, into: Rows): Promise<void> {
  process.stderr.write(`measuring ${checkout}\n`);
  const { stdout } = await run(process.execPath, ['--import', 'tsx', 'test/bench/main.ts', 'latency', count, '1'], {
    cwd: checkout,
    maxBuffer: 2 ** 24,
  });
  const [, latency = ''] = /### Latency([^]*?)(?:\n###|$)/.exec(stdout) ?? [];
  const found = [...latency.matchAll(/^\| (.+?) \| ([\d.]+) ms \| ([\d.]+) ms \|/gm)];
  if (found.length === 0) throw new Error(`The benchmark in ${checkout} printed no figures:\n${stdout}`);
  for (const [, name = '', p50, p95] of found) {
    into.set(name, [...(into.get(name) ?? []), { p50: Number(p50), p95: Number(p95) }]);
  }
}

function print(before: Rows, after: Rows): void {
  const middle = (rows: Row[], share: keyof Row): number =>
    percentile(
      rows.map((row) => row[share]),
      0.5,
    );
  const rows = [...before].map(([name, then]) => {
    const now = after.get(name) ?? [];
    return [
      name,
      ...(['p50', 'p95'] as const).flatMap((share) => {
        const [one, other] = [middle(then, share), middle(now, share)];
        return [ms(one), ms(other), more(one, other)];
      }),
    ];
  });
  const table = {
    title: `What changed since ${commit}`,
    columns: ['span', 'p50 then', 'now', 'more', 'p95 then', 'now', 'more'],
    rows,
    notes: [`${rounds} rounds of ${count} grants of each kind, by turns; medians of the rounds.`],
  };
  process.stdout.write(`${markdown(table)}\n`);
}

function more(one: number, other: number): string {
  const percent = Math.round((other / one - 1) * 100);
  return `${percent > 0 ? '+' : ''}${percent} %`;
}
