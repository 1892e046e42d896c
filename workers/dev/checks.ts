/** One check of `npm test`: a tool that is happy or not, in a process of its own. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { root } from './settings.js';

const require = createRequire(import.meta.url);

export interface Failure {
  title: string;
  message: string;
}

export interface Outcome {
  passed: number;
  failures: Failure[];
}

/** A check that hangs must not hold up the report of all others. */
const longestMs = 10 * 60_000;

/** It counts as one. What it said is shown in one piece at its end: others run beside it. */
export async function toolCheck(tool: string, args: string[], nice: number): Promise<Outcome> {
  const child = spawn(process.execPath, [binary(tool), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: longestMs,
    killSignal: 'SIGKILL',
  });
  if (child.pid !== undefined) setPriority(child.pid, nice);
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  process.stdout.write(Buffer.concat(said));
  return code === 0
    ? { passed: 1, failures: [] }
    : { passed: 0, failures: [{ title: tool, message: `see above (exit ${code})` }] };
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
