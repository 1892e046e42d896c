/** One check of `npm test`: it runs in a process of its own and answers with what passed and what failed. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { root } from './settings.js';

const require = createRequire(import.meta.url);
const reporter = fileURLToPath(new URL('reporter.cjs', import.meta.url));

export interface Failure {
  title: string;
  message: string;
}

export interface Outcome {
  passed: number;
  failures: Failure[];
}

const counted = z.object({
  passed: z.int(),
  failures: z.array(z.object({ title: z.string(), message: z.string() })),
});

/** A tool that is happy or not. It counts as one. */
export async function toolCheck(title: string, tool: string, args: string[]): Promise<Outcome> {
  const code = await node([binary(tool), ...args]);
  return code === 0
    ? { passed: 1, failures: [] }
    : { passed: 0, failures: [{ title, message: `see above (exit ${code})` }] };
}

/** The tests in some files, counted one by one. A run that breaks off counts as a failure, whatever passed before. */
export async function mochaCheck(title: string, files: string[]): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'daypass-report-'));
  const output = join(folder, 'report.json');
  try {
    const code = await node([
      binary('mocha'),
      '--reporter',
      reporter,
      '--reporter-option',
      `output=${output}`,
      ...files,
    ]);
    // A run that broke off left no file.
    const text = await readFile(output, 'utf8').catch(() => '{"passed":0,"failures":[]}');
    const outcome: Outcome = counted.parse(JSON.parse(text));
    if (code !== 0 && outcome.failures.length === 0) {
      outcome.failures.push({ title, message: `the run broke off (exit ${code}), see above` });
    }
    return outcome;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const packageJson = z.object({ bin: z.union([z.string(), z.record(z.string(), z.string())]) });

/** The script behind a package's command, wherever npm put it. */
function binary(name: string): string {
  const path = require.resolve(`${name}/package.json`);
  const { bin } = packageJson.parse(require(path));
  const script = typeof bin === 'string' ? bin : bin[name === 'typescript' ? 'tsc' : name];
  if (script === undefined) throw new Error(`The package ${name} has no command.`);
  return join(dirname(path), script);
}

/** A check that hangs must not hold up the report of all others. */
const longestMs = 25 * 60_000;

/** Runs Node, and shows what it said in one piece at its end: two checks run at a time. */
function node(args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const said: Buffer[] = [];
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: longestMs,
      killSignal: 'SIGKILL',
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      process.stdout.write(Buffer.concat(said));
      resolve(code ?? 1);
    });
  });
}
