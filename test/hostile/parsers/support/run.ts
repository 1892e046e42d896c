/** Runs a format in its own process, and says what broke, by the input that broke it: also where the process hangs or dies of it. */
import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unread, type Told } from './fuzz.js';

const child = fileURLToPath(new URL('child.ts', import.meta.url));
/** The others may keep both processors busy: what stands still for so long is no waiting any more. */
const stillMs = 120_000;
const lookEveryMs = 5_000;
/** A parser that keeps everything would not fit. */
const heapMegabytes = 600;

/** Rejects with the input that broke a promise of this format. */
export async function runFormat(name: string, seed: number, seconds: number): Promise<Told> {
  const file = join(tmpdir(), `daypass-fuzz-${randomUUID()}.json`);
  try {
    const { code, said, complained } = await ended(name, seed, seconds, file);
    if (code === 0) return JSON.parse(said) as Told;
    throw new Error(await sentence(name, seed, file, code, complained));
  } finally {
    await rm(file, { force: true });
  }
}

interface Ended {
  code: number | NodeJS.Signals;
  said: string;
  complained: string;
}

function ended(name: string, seed: number, seconds: number, file: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const args = [
      `--max-old-space-size=${heapMegabytes}`,
      '--import',
      'tsx',
      child,
      name,
      `${seed}`,
      `${seconds}`,
      file,
    ];
    const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const [said, complained]: [Buffer[], Buffer[]] = [[], []];
    process_.stdout.on('data', (chunk: Buffer) => said.push(chunk));
    process_.stderr.on('data', (chunk: Buffer) => complained.push(chunk));
    let seen = '';
    let since = performance.now();
    const watch = setInterval(() => {
      void readFile(file, 'utf8')
        .catch(() => '')
        .then((now) => {
          if (now !== seen || now === '') [seen, since] = [now, performance.now()];
          else if (performance.now() - since > stillMs) process_.kill('SIGKILL');
        });
    }, lookEveryMs);
    process_.once('error', reject);
    process_.once('close', (code, signal) => {
      clearInterval(watch);
      resolve({
        code: code ?? signal ?? 'SIGKILL',
        said: Buffer.concat(said).toString(),
        complained: Buffer.concat(complained).toString(),
      });
    });
  });
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
