/** One check of `npm test`: a tool that is happy or not, in a process of its own. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { runProgram } from './program.js';
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
export async function toolCheck(tool: string, given: string[]): Promise<Outcome> {
  const said: string[] = [];
  const args = [binary(tool), ...given];
  const onLine = (line: string): void => void said.push(line);
  const program = await runProgram({ name: tool, command: process.execPath, args, cwd: root, onLine });
  const late = setTimeout(() => void program.stop(), longestMs);
  const { code, signal } = await program.ended;
  clearTimeout(late);
  process.stdout.write(said.map((line) => `${line}\n`).join(''));
  return code === 0
    ? { passed: 1, failures: [] }
    : { passed: 0, failures: [{ title: tool, message: `see above (${code ?? signal})` }] };
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
