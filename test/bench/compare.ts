/**
 * `npm run bench:compare -- <commit>`: what a change costs. Measures an earlier commit and these files in one run, by turns,
 * each on a stack of its own and with its own benchmark, and prints both beside each other.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const [commit, count = '25', rounds = '2'] = process.argv.slice(2);
if (commit === undefined) {
  process.stderr.write('Name the commit to compare with: npm run bench:compare -- <commit> [grants] [rounds]\n');
  process.exit(2);
}

/** Milliseconds of one row of the table that the benchmark prints. */
interface Row {
  median: number;
  max: number;
}

interface Figures {
  rows: Map<string, Row[]>;
  /** Of one grant with one approval, collected and used. */
  events: number[];
  bytes: number[];
}

const folder = await mkdtemp(join(tmpdir(), 'daypass-compare-'));
try {
  const earlier = join(folder, 'earlier');
  await run('git', ['clone', '--quiet', '.', earlier]);
  await run('git', ['checkout', '--quiet', commit], { cwd: earlier });
  await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: earlier, maxBuffer: 2 ** 24 });
  const before = noFigures();
  const after = noFigures();
  // By turns, so that what else the machine does meets both.
  for (let round = 0; round < Number(rounds); round += 1) {
    await measure(earlier, before);
    await measure(process.cwd(), after);
  }
  print(before, after);
} finally {
  await rm(folder, { recursive: true, force: true });
}

function noFigures(): Figures {
  return { rows: new Map(), events: [], bytes: [] };
}

async function measure(checkout: string, into: Figures): Promise<void> {
  process.stderr.write(`measuring ${checkout}\n`);
  const { stdout } = await run(process.execPath, ['--import', 'tsx', 'test/bench/figures.ts', count], {
    cwd: checkout,
    maxBuffer: 2 ** 24,
  });
  for (const [, name = '', median, max] of stdout.matchAll(/^\| (.+?) \| (\d+) ms \| (\d+) ms \|/gm)) {
    into.rows.set(name, [...(into.rows.get(name) ?? []), { median: Number(median), max: Number(max) }]);
  }
  const size = /: (\d+) events, (\d+) bytes/.exec(stdout);
  if (into.rows.size === 0 || !size) throw new Error(`The benchmark in ${checkout} printed no figures:\n${stdout}`);
  into.events.push(Number(size[1]));
  into.bytes.push(Number(size[2]));
}

function print(before: Figures, after: Figures): void {
  say(`${rounds} rounds of ${count} grants of each kind, by turns; medians of the rounds\n`);
  say(`| span or cost | at ${commit} | now | more | max of all: then | now |`);
  say('| --- | --- | --- | --- | --- | --- |');
  for (const [name, then] of before.rows) {
    const now = after.rows.get(name) ?? [];
    const [one, other] = [then, now].map((rows) => middle(rows.map(({ median }) => median)));
    const [most, mostNow] = [then, now].map((rows) => Math.max(...rows.map(({ max }) => max)));
    say(`| ${name} | ${one} ms | ${other} ms | ${more(one, other)} | ${most} ms | ${mostNow} ms |`);
  }
  for (const name of ['events', 'bytes'] as const) {
    const [one, other] = [before, after].map((figures) => middle(figures[name]));
    say(`| history of one grant, ${name} | ${one} | ${other} | ${more(one, other)} | | |`);
  }
}

function middle(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}

function more(one = Number.NaN, other = Number.NaN): string {
  const percent = Math.round((other / one - 1) * 100);
  return `${percent > 0 ? '+' : ''}${percent} %`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
