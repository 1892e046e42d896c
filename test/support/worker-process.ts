/** One of our worker processes, as the launcher runs it: its own Node, its own environment, its log to look into. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '../../workers/dev/ports.js';
import { root } from '../../workers/dev/settings.js';
import { ownArgs } from './own-args.js';
import { until } from './until.js';

export interface WorkerProcess {
  /** Everything it said so far. */
  output(): string;
  /** What it still waits for; empty when it is ready. Undefined while it does not answer. */
  waitsFor(): Promise<string[] | undefined>;
  ready(withinMs?: number): Promise<void>;
  /** Ends with this code; `null` when it was killed. */
  ended: Promise<number | null>;
  stop(signal?: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number | null>;
}

export async function startWorker(
  file: 'connectors' | 'decisions',
  env: Record<string, string>,
): Promise<WorkerProcess> {
  const port = await freePort();
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, ownArgs(join(root, `workers/${file}.ts`)), {
    cwd: root,
    env: { PATH, HOME, DAYPASS_HEALTH_PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = once(child, 'close').then(([code]) => code as number | null);

  async function waitsFor(): Promise<string[] | undefined> {
    try {
      const answer = await fetch(`http://localhost:${port}/health/ready`);
      const body = (await answer.json()) as { waitsFor?: string[] };
      return body.waitsFor ?? [];
    } catch {
      return undefined;
    }
  }

  return {
    output: () => output,
    waitsFor,
    async ready(withinMs = 30_000) {
      await until(async () => (await waitsFor())?.length === 0, { withinMs, what: `${file} is ready` });
    },
    ended,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}
