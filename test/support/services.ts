/**
 * The real services that tests stand on: each is started at the first question for it, once per mocha process, on free
 * loopback ports, and stopped when the process ends. Settings come from `temporal-dev.yml`.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCompose } from '../../workers/dev/compose.js';
import { findRedis } from '../../workers/dev/find-redis.js';
import { findTemporal } from '../../workers/dev/find-temporal.js';
import { freePort, freePorts } from '../../workers/dev/ports.js';
import { runPostgres } from '../../workers/dev/postgres.js';
import type { Program } from '../../workers/dev/program.js';
import { runRedis } from '../../workers/dev/redis.js';
import { runTemporal } from '../../workers/dev/temporal.js';

export interface TestTemporal {
  address: string;
  namespace: string;
  uiUrl: string;
}

/** A service that a test may take away and bring back, at the same address and with the same data. */
export interface Restartable {
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface TestRedis extends Restartable {
  url: string;
  port: number;
}

export interface TestPostgres extends Restartable {
  host: string;
  port: number;
  superuser: { user: string; password: string };
}

const tell = (line: string): void => void process.stderr.write(`${line}\n`);
const stops: (() => Promise<void>)[] = [];

export const temporal = once(async (): Promise<TestTemporal> => {
  const { address, namespace, uiUrl, program } = await startTemporal({ state: await folder() });
  stops.push(() => program.stop());
  return { address, namespace, uiUrl };
});

/** A server of its own, for tests that stop Temporal: it keeps its data and its address between `stop` and `start`. */
export async function ownTemporal(): Promise<TestTemporal & Restartable> {
  const [port, uiPort] = await freePorts(2);
  const at = { state: await folder(), port, uiPort, forget: false };
  const first = await startTemporal(at);
  const { address, namespace, uiUrl } = first;
  return { address, namespace, uiUrl, ...restartable(first.program, async () => (await startTemporal(at)).program) };
}

export const redis = once(async (): Promise<TestRedis> => ownRedis());

/** A Redis of its own, for tests that stop it. */
export async function ownRedis(): Promise<TestRedis> {
  const services = await readCompose();
  const options = { services, command: await findRedis(services, tell), port: await freePort(), state: await folder() };
  const { url, port, program } = await runRedis(options);
  return { url, port, ...restartable(program, async () => (await runRedis(options)).program) };
}

export const postgres = once(async (): Promise<TestPostgres> => ownPostgres());

/** A PostgreSQL of its own, for tests that stop it. */
export async function ownPostgres(): Promise<TestPostgres> {
  const options = {
    services: await readCompose(),
    port: await freePort(),
    state: join(await folder(), 'data'),
    password: randomBytes(18).toString('base64url'),
    settings: ['fsync=off'],
  };
  const { host, port, superuser, program } = await runPostgres(options);
  return { host, port, superuser, ...restartable(program, async () => (await runPostgres(options)).program) };
}

/** A folder that goes when the tests have ended. Others may pass through it: PostgreSQL does not run as root. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'daypass-test-'));
  await chmod(path, 0o711);
  stops.unshift(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Stops everything that was started here. */
export async function stopServices(): Promise<void> {
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
}

async function startTemporal(at: { state: string; port?: number; uiPort?: number; forget?: boolean }) {
  const services = await readCompose();
  const [port = 0, uiPort = 0] = at.port === undefined ? await freePorts(2) : [at.port, at.uiPort];
  return runTemporal({
    services,
    command: await findTemporal(services, tell),
    port,
    uiPort,
    state: at.state,
    forget: at.forget ?? true,
  });
}

function restartable(first: Program, again: () => Promise<Program>): Restartable {
  let program = first;
  const stop = (): Promise<void> => program.stop();
  stops.push(stop);
  return {
    stop,
    async start() {
      if (program.hasEnded()) program = await again();
    },
  };
}

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => (started ??= start());
}
