/** Lanes of `npm test`: processes side by side, each handed the next test file of its suite when it is through with one. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join, relative } from 'node:path';
import { z } from 'zod';
import type { Outcome } from './checks.js';
import { portsPart } from './ports.js';
import { root } from './settings.js';

/** A file that hangs must not hold up the report of all others. */
const longestMs = 8 * 60_000;
/** Long enough for a lane that stops a whole system, short enough for a person. */
const endsWithinMs = 60_000;

const answer = z.object({
  passed: z.int(),
  failures: z.array(z.object({ title: z.string(), message: z.string() })),
  report: z.string(),
});

let lanes = 0;

type Tell = (what: string, outcome: Outcome, since: number) => void;

/** Takes files off the list until there are none, and tells what came of each. */
export async function lane(files: string[], tell: Tell, withinMs = longestMs): Promise<void> {
  const ports = String((lanes += 1));
  let child: ChildProcess | undefined;
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    child ??= start(ports);
    const since = Date.now();
    tell(relative(root, file), await handOver(child, file, withinMs), since);
    // Whatever it died of, the next file gets a new one.
    if (hasEnded(child)) child = undefined;
  }
  const since = Date.now();
  if (child) tell('what was started for tests ends', await ends(child), since);
}

function start(ports: string): ChildProcess {
  return fork(join(root, 'test/support/lane.ts'), {
    cwd: root,
    env: { ...process.env, [portsPart]: ports },
    execArgv: ['--enable-source-maps', '--import', 'tsx'],
  });
}

async function handOver(child: ChildProcess, file: string, withinMs: number): Promise<Outcome> {
  const over = new AbortController();
  const { signal } = over;
  const late = setTimeout(() => child.kill('SIGKILL'), withinMs);
  try {
    // Where it cannot be sent, the process has ended, and that is heard below.
    child.send(file, () => undefined);
    const ended = once(child, 'exit', { signal }).then(([code, by]): unknown => broken(String(code ?? by)));
    const answered = once(child, 'message', { signal }).then(([message]): unknown => message);
    const { report, ...outcome } = answer.parse(await Promise.race([answered, ended]));
    process.stdout.write(`\n${report}\n`);
    return outcome;
  } finally {
    clearTimeout(late);
    over.abort();
  }
}

function broken(how: string): z.infer<typeof answer> {
  return { passed: 0, failures: [{ title: 'broke off', message: `the process ended by ${how}` }], report: '' };
}

/** Services stop, and then nothing may be left that keeps the process. */
async function ends(child: ChildProcess): Promise<Outcome> {
  const ended = once(child, 'exit');
  const late = setTimeout(() => child.kill('SIGKILL'), endsWithinMs);
  child.disconnect();
  const [code, by] = await ended;
  clearTimeout(late);
  return code === 0
    ? { passed: 0, failures: [] }
    : { passed: 0, failures: [{ title: 'left something running', message: `the process ended by ${code ?? by}` }] };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
