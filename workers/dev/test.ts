/** `npm test`: gets what the tests stand on, then runs every check and every test, and reports all failures at the end. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Failure, mochaCheck, type Outcome, toolCheck } from './checks.js';
import { readCompose } from './compose.js';
import { findChromium } from './find-chromium.js';
import { findRedis } from './find-redis.js';
import { findTemporal } from './find-temporal.js';
import { root } from './settings.js';
import { Trouble } from './trouble.js';

interface Part {
  title: string;
  run(): Promise<Outcome>;
}

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

const programs: Part[] = [
  prepared('Temporal', async () => findTemporal(await readCompose(), tell)),
  prepared('Redis', async () => findRedis(await readCompose(), tell)),
  prepared('Chromium', () => findChromium(tell)),
];

/** Side by side: integration tests mostly wait for the clocks of real services. */
const lanes: Part[][] = [
  [
    { title: 'types', run: () => toolCheck('types', 'typescript', ['--noEmit', '-p', '.']) },
    { title: 'lint', run: () => toolCheck('lint', 'eslint', ['.', '--max-warnings', '0']) },
    { title: 'formatting', run: () => toolCheck('formatting', 'prettier', ['--check', '--log-level', 'warn', '.']) },
    suite('unit'),
    suite('workflow'),
    suite('replay'),
    suite('browser'),
  ],
  [suite('integration')],
];

let passed = 0;
const failures: (Failure & { part: string })[] = [];
await inOrder(programs);
tell('Each part is shown when it is through; the longest takes some minutes.');
await Promise.all(lanes.map(inOrder));
if (failures.length > 0) {
  tell('\nWhat failed:');
  for (const { part, title, message } of failures) tell(`  ${part}: ${title}\n    ${message.split('\n')[0] ?? ''}`);
}
tell(`\n${sums(passed, failures.length)}`);
process.exitCode = failures.length === 0 ? 0 : 1;

function sums(good: number, bad: number): string {
  return `${good} passed, ${bad} failed`;
}

async function inOrder(parts: Part[]): Promise<void> {
  for (const { title, run } of parts) {
    const startedAt = Date.now();
    const outcome = await run();
    passed += outcome.passed;
    failures.push(...outcome.failures.map((failure) => ({ ...failure, part: title })));
    if (outcome.passed + outcome.failures.length === 0) continue;
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    tell(`${title}: ${sums(outcome.passed, outcome.failures.length)} in ${seconds} s`);
  }
}

/** A program that is missing fails once, by name; the tests that need it fail too, and the others still run. */
function prepared(title: string, find: () => Promise<string>): Part {
  return {
    title,
    run: async () => {
      try {
        tell(`${title}: ${await find()}`);
        return { passed: 0, failures: [] };
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        tell(error.message);
        return { passed: 0, failures: [{ title: 'is missing', message: error.message }] };
      }
    },
  };
}

function suite(folder: string): Part {
  return {
    title: `test/${folder}`,
    run: async () => {
      const files = await testFiles(join(root, 'test', folder));
      return files.length === 0 ? { passed: 0, failures: [] } : mochaCheck(`test/${folder}`, files);
    },
  };
}

async function testFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((name) => name.endsWith('.ts') && !name.split('/').includes('support'))
    .sort()
    .map((name) => join(folder, name));
}
