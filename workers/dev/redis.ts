/** Runs Redis as a local program, as `temporal-dev.yml` describes it. */
import { mkdir } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { localCommand, type Services } from './compose.js';
import { type Program, runProgram, whenUp } from './program.js';

export interface LocalRedis {
  url: string;
  port: number;
  program: Program;
}

export interface RedisOptions {
  services: Services;
  command: string;
  port: number;
  state: string;
  onLine?: (line: string) => void;
}

export async function runRedis(options: RedisOptions): Promise<LocalRedis> {
  const { services, command, port, state, onLine } = options;
  await mkdir(state, { recursive: true, mode: 0o700 });
  const [, ...inContainer] = localCommand(services.redis, { state, ports: new Map([[7379, port]]) });
  // Redis wants the name and the value of a setting as two arguments.
  const args = inContainer.flatMap((argument) => {
    const [flag = '', ...value] = argument.split('=');
    return [flag, value.join('=')];
  });
  const program = await runProgram({ name: 'Redis', command, args, ...(onLine ? { onLine } : {}) });
  const url = `redis://127.0.0.1:${port}`;
  await whenUp(program, () => answers(url), 15_000);
  return { url, port, program };
}

async function answers(url: string): Promise<boolean> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 1_000 });
  redis.on('error', () => {
    // Told by the rejected promise below.
  });
  try {
    await redis.connect();
    return (await redis.ping()) === 'PONG';
  } finally {
    redis.disconnect();
  }
}
