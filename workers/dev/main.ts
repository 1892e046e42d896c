/** The launcher: everything up, one screen that says where, and one Ctrl-C that stops what was started. */
import { screen } from './screen.js';
import { type Stack, startStack } from './stack.js';
import { Trouble } from './trouble.js';

const interrupted = new AbortController();
const interruption = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Asked again: whatever is left is ended hard, when this process goes.
      if (interrupted.signal.aborted) process.exit(1);
      interrupted.abort();
      resolve();
    });
  }
});

process.exitCode = await run();

async function run(): Promise<number> {
  const startedAt = Date.now();
  let stack: Stack;
  try {
    stack = await startStack({ tell: say, signal: interrupted.signal });
  } catch (error) {
    if (interrupted.signal.aborted) return 0;
    return fail(error);
  }
  say(await screen(stack.addresses, stack.settings, stack.logs, Date.now() - startedAt));
  const trouble = await Promise.race([stack.died, interruption.then(() => undefined)]);
  if (trouble) say(`\n${trouble.message}`);
  else say('\nStopping.');
  try {
    await stack.stop();
  } catch (error) {
    return fail(error);
  }
  say('Everything that was started has stopped. `npm start` goes on where this left off.');
  return trouble ? 1 : 0;
}

function fail(error: unknown): number {
  if (error instanceof Trouble) process.stderr.write(`\n${error.message}\n`);
  else process.stderr.write(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
