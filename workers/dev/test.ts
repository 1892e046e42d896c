/** `npm test`: gets what the tests stand on, then runs every check and every test side by side, and reports all failures at the end. */
import { readdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, relative } from 'node:path';
import { bundlesFolder, writeBundles } from '../../test/support/bundle-file.js';
import { type Failure, type Outcome, toolCheck } from './checks.js';
import { compile } from './compile.js';
import { readCompose } from './compose.js';
import { findChromium } from './find-chromium.js';
import { findRedis } from './find-redis.js';
import { findTemporal } from './find-temporal.js';
import { lane } from './lanes.js';
import { root } from './settings.js';
import { createUnchanged } from './unchanged.js';

interface Suite {
  /** Below `test`; a folder within one of them may be of another suite. */
  folders: string[];
  /** How many processes share its files. */
  lanes: number;
  /** The longest, so that none of them is alone at the end. */
  first: string[];
}

/** They wait for the clocks of real services, and need a processor when one strikes: no more than four lanes in all, besides fuzzing. */
const suites: Suite[] = [
  { folders: ['system'], lanes: 2, first: ['outages.ts', 'upgrade.ts', 'audit.ts', 'launcher.ts'] },
  { folders: ['browser', 'chaos'], lanes: 1, first: [] },
];
/** One lane begins with these, on services of its own. A lane that is through with its suite runs the tools, and then takes of these too. */
const common: Suite = {
  folders: ['workflow', 'integration', 'hostile', 'replay', 'unit'],
  lanes: 1,
  first: ['seals.ts', 'journal.ts', 'platform-connectors.ts'],
};
/** It takes what the others leave of the processors, from the beginning. */
const behind: Suite = { folders: ['hostile/parsers'], lanes: 1, first: [] };
const behindMs = 40 * 60_000;

/** What went well with these very files, and what a tool found in those that have not changed. */
const kept = 'node_modules/.cache/daypass';
const tools: [name: string, args: string[]][] = [
  ['typescript', ['--noEmit', '-p', '.', '--incremental', '--tsBuildInfoFile', `${kept}/types.json`]],
  ['eslint', ['.', '--max-warnings', '0']],
  ['prettier', ['--check', '--log-level', 'warn', '--cache', '--cache-location', `${kept}/formatting`, '.']],
];

const tell = (line: string): void => void process.stdout.write(`${line}\n`);
const startedAt = Date.now();
const workedBefore = worked();
let passed = 0;
const failures: (Failure & { part: string })[] = [];
const took: { part: string; seconds: number }[] = [];

await prepared('Temporal', async () => findTemporal(await readCompose(), tell));
await prepared('Redis', async () => findRedis(await readCompose(), tell));
await prepared('Chromium', () => findChromium(tell));
const unchanged = await createUnchanged(root, join(root, kept));
await prepared('Bundles of workflows', async () => (process.env[bundlesFolder] = await made('bundles', writeBundles)));
await prepared('Compiled', async () => (process.env['DAYPASS_TEST_COMPILED'] = await made('compiled', compile)));
// What is red stays red until a file changes, and what is green stays green; another seed by the environment.
const seed = (process.env['DAYPASS_TEST_SEED'] ??= String(unchanged.number));
tell(`Seed: ${seed} (DAYPASS_TEST_SEED)`);
const files = await filesOf();
await Promise.all([...[...suites, common].map(inLanes), inOrder(files.get(behind) ?? [], behindMs)]);
// Tests put more bundles beside them: of these very files, unless one changed meanwhile.
await unchanged.keep('bundles');

tell('\nWhat took longest:');
took.sort((one, other) => other.seconds - one.seconds);
for (const { part, seconds } of took.slice(0, 20)) tell(`${seconds.toFixed(1).padStart(8)} s  ${part}`);
const minutes = (Date.now() - startedAt) / 60_000;
const share = (worked() - workedBefore) / (60_000 * minutes * cpus().length);
tell(
  `All of it took ${minutes.toFixed(1)} minutes, in which the processors were busy for ${Math.round(share * 100)} %.`,
);
if (failures.length > 0) {
  tell('\nWhat failed:');
  for (const { part, title, message } of failures) tell(`  ${part}: ${title}\n${beginning(message)}`);
}
tell(`\n${sums({ passed, failures })}`);
process.exitCode = failures.length === 0 ? 0 : 1;

function sums(of: Outcome): string {
  return `${of.passed} passed, ${of.failures.length} failed`;
}

/** With the seed, where one is needed to see it again. */
function beginning(message: string): string {
  const lines = message.split('\n').filter((line) => line.trim() !== '');
  return lines
    .slice(0, 12)
    .map((line) => `    ${line.slice(0, 400)}`)
    .join('\n');
}

function count(part: string, outcome: Outcome, since: number): void {
  passed += outcome.passed;
  failures.push(...outcome.failures.map((failure) => ({ ...failure, part })));
  // A file that only others use.
  if (outcome.passed + outcome.failures.length === 0) return;
  const seconds = (Date.now() - since) / 1000;
  took.push({ part, seconds });
  tell(`${part}: ${sums(outcome)} in ${seconds.toFixed(1)} s`);
}

/** What all processors have done until now, in milliseconds. */
function worked(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** What is missing fails once, by name; the tests that need it fail too, and the others still run. */
async function prepared(title: string, find: () => Promise<string>): Promise<void> {
  try {
    tell(`${title}: ${await find()}`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell(message);
    failures.push({ part: title, title: 'is missing', message });
  }
}

/** The folder that `make` filled, unless it did with these very files. */
async function made(what: string, make: (to: string) => Promise<void>): Promise<string> {
  const to = join(root, kept, what);
  if (await unchanged.has(what)) return to;
  await make(to);
  await unchanged.keep(what);
  return to;
}

async function inLanes(suite: Suite): Promise<void> {
  const one = async (): Promise<void> => {
    await inOrder(files.get(suite) ?? []);
    for (let tool = tools.shift(); tool; tool = tools.shift()) {
      const [name, args] = tool;
      const since = Date.now();
      count(name, await checked(name, args), since);
    }
    await inOrder(files.get(common) ?? []);
  };
  await Promise.all(Array.from({ length: suite.lanes }, one));
}

/** Once it went well, it is asked again when a file has changed. */
async function checked(name: string, args: string[]): Promise<Outcome> {
  if (await unchanged.has(name)) {
    tell(`${name}: nothing has changed since it passed`);
    return { passed: 1, failures: [] };
  }
  const outcome = await toolCheck(name, args);
  if (outcome.failures.length === 0) await unchanged.keep(name);
  return outcome;
}

async function inOrder(rest: string[], withinMs?: number): Promise<void> {
  await lane(rest, (file, outcome, since) => count(file, outcome, since), withinMs);
}

/** The test files of each suite, in their order. What no suite runs is a failure of its own. */
async function filesOf(): Promise<Map<Suite, string[]>> {
  const all = [...suites, common, behind];
  const found = new Map(all.map((suite): [Suite, string[]] => [suite, []]));
  const rank = new Map<string, number>();
  const inward = all
    .flatMap((suite) => suite.folders.map((folder) => ({ suite, folder })))
    .sort((one, other) => other.folder.length - one.folder.length);
  const names = await readdir(join(root, 'test'), { recursive: true });
  for (const name of names.sort()) {
    const folders = name.split('/');
    if (!name.endsWith('.ts') || folders.includes('support') || folders[0] === 'bench') continue;
    const place = inward.find(({ folder }) => name.startsWith(`${folder}/`));
    if (!place) {
      failures.push({ part: `test/${name}`, title: 'is run by no suite', message: 'name its folder in test.ts' });
      continue;
    }
    const { suite, folder } = place;
    const file = join(root, 'test', name);
    found.get(suite)?.push(file);
    const at = suite.first.indexOf(relative(folder, name));
    rank.set(file, (at === -1 ? suite.first.length : at) + 100 * suite.folders.indexOf(folder));
  }
  for (const each of found.values()) each.sort((one, other) => (rank.get(one) ?? 0) - (rank.get(other) ?? 0));
  return found;
}
