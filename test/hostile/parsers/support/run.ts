/** Runs a format in its own process, and says what broke, by the input that broke it: also where the process hangs or dies of it. */
import { readFile, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../../../workers/dev/program.js';
import { stepBack } from '../../../../workers/dev/step-back.js';
import { unread, type Told } from './fuzz.js';

const child = fileURLToPath(new URL('child.ts', import.meta.url));
/** The others may keep both processors busy: what stands still for so long is no waiting any more. */
const stillMs = 600_000;
const lookEveryMs = 5_000;
/** A parser that keeps everything would not fit. */
const heapMegabytes = 600;

/** Rejects with the input that broke a promise of this format. */
export async function runFormat(name: string, seed: number, seconds: number): Promise<Told> {
  const file = join(tmpdir(), `daypass-fuzz-${randomUUID()}.json`);
  try {
    const { code, said } = await ended(name, seed, seconds, file);
    if (code === 0) return JSON.parse(said.findLast((line) => line.startsWith('{')) ?? '') as Told;
    throw new Error(await sentence(name, seed, file, code, said.join('\n')));
  } finally {
    await rm(file, { force: true });
  }
}

interface Ended {
  code: number | NodeJS.Signals;
  said: string[];
}

async function ended(name: string, seed: number, seconds: number, file: string): Promise<Ended> {
  const said: string[] = [];
  const program = await runProgram({
    name,
    command: process.execPath,
    args: [`--max-old-space-size=${heapMegabytes}`, '--import', 'tsx', child, name, `${seed}`, `${seconds}`, file],
    onLine: (line) => void said.push(line),
  });
  stepBack(program.pid, 10);
  let seen = '';
  let since = performance.now();
  const watch = setInterval(() => {
    void readFile(file, 'utf8')
      .catch(() => '')
      .then((now) => {
        if (now !== seen || now === '') [seen, since] = [now, performance.now()];
        else if (performance.now() - since > stillMs) void program.stop(0);
      });
  }, lookEveryMs);
  const { code, signal } = await program.ended;
  clearInterval(watch);
  return { code: code ?? signal ?? 'SIGKILL', said };
}

async function sentence(
  name: string,
  seed: number,
  file: string,
  code: Ended['code'],
  complained: string,
): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const found = (text === '' ? {} : JSON.parse(text)) as { reader?: string; input?: unknown; because?: string };
  const input = JSON.stringify(found.input) ?? 'none';
  return [
    `${name}: ${found.reader ?? 'the start'} ${found.because ?? ''} (seed ${seed}, exit ${code})`,
    `Input, for the corpus of this reader: ${input.slice(0, 3_000)}${input.length > 3_000 ? `... (${input.length} characters)` : ''}`,
    ...(found.because !== undefined && found.because !== unread ? [] : [complained.slice(-2_000)]),
  ].join('\n');
}
