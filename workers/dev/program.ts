/** Runs a program and stops exactly that program: in its own process group, so that Ctrl-C leaves the order to us. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Trouble } from './trouble.js';

export interface ProgramOptions {
  name: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  stopSignal?: NodeJS.Signals;
  /** Called with every line that the program prints. */
  onLine?: (line: string) => void;
}

export interface Program {
  name: string;
  pid: number;
  /** Settles when the program has ended, for whatever reason. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  hasEnded(): boolean;
  /** The newest lines, for a message when it fails. */
  lastLines(): string[];
  /** Asks it to stop, then makes it stop. Stopping twice is stopping once. */
  stop(withinMs?: number): Promise<void>;
}

const linesKept = 30;
/** Ends the program when this process dies without a chance to stop it (Linux). */
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
const running = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function runProgram(options: ProgramOptions): Promise<Program> {
  const { name, command, args, onLine, stopSignal = 'SIGTERM', ...place } = options;
  const [file, ...prefix] =
    setpriv === undefined ? [command] : [setpriv, '--pdeathsig', dyingSignal(stopSignal), '--', command];
  const child = spawn(file ?? command, [...prefix, ...args], {
    ...place,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const hear = (line: string): void => {
    if (lines.push(line) > linesKept) lines.shift();
    onLine?.(line);
  };
  for (const stream of [child.stdout, child.stderr]) byLine(stream, hear);
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new Trouble(`${name} did not start: ${error instanceof Error ? error.message : String(error)}.`, {
      cause: error,
    });
  }
  running.add(child);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    name,
    pid: child.pid ?? 0,
    ended,
    hasEnded,
    lastLines: () => [...lines],
    async stop(withinMs = 10_000) {
      if (hasEnded()) return;
      child.kill(stopSignal);
      const late = new AbortController();
      const inTime = await Promise.race([
        ended.then(() => true),
        pause(withinMs, false, { signal: late.signal }).catch(() => true),
      ]);
      late.abort();
      if (!inTime) {
        child.kill('SIGKILL');
        await ended;
      }
    },
  };
}

/** Resolves once `isUp` says so; refuses with the program's own last words when it ends before. */
export async function whenUp(program: Program, isUp: () => Promise<boolean>, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    if (program.hasEnded()) {
      throw new Trouble(`${program.name} stopped while starting: ${lastWords(program)}`);
    }
    if (await isUp().catch(() => false)) return;
    if (Date.now() > deadline) {
      await program.stop();
      throw new Trouble(`${program.name} did not answer within ${withinMs / 1000} s: ${lastWords(program)}`);
    }
    await pause(50);
  }
}

/** What it said last, without the frames and braces of a stack trace. */
export function lastWords(program: Program): string {
  const telling = program.lastLines().filter((line) => !/^(\s*at |Node\.js v|\s*[{}^]*\s*$)/.test(line));
  const words = telling.slice(-3).join(' | ').trim();
  return words === '' ? 'it said nothing.' : words;
}

/** A postmaster must not be killed outright: its children would live on. */
function dyingSignal(stopSignal: NodeJS.Signals): string {
  return stopSignal === 'SIGINT' ? 'INT' : 'TERM';
}

function byLine(stream: NodeJS.ReadableStream, hear: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) hear(line);
  });
  stream.on('end', () => {
    if (rest !== '') hear(rest);
  });
}
