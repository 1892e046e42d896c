/**
 * The real services that tests stand on: each is started at the first question for it, once per mocha process, on free
 * loopback ports, and stopped when the process ends. Settings come from `temporal-dev.yml`.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readCompose } from '../../workers/dev/compose.js';
import { findRedis } from '../../workers/dev/find-redis.js';
import { findTemporal } from '../../workers/dev/find-temporal.js';
import { readDirectory } from '../../workers/dev/directory.js';
import { type Mail, startMail } from '../../workers/dev/mail/mail.js';
import { makeOrdersDb, ordersDatabase } from '../../workers/dev/orders-db.js';
import { freePort, freePorts } from '../../workers/dev/ports.js';
import { runPostgres } from '../../workers/dev/postgres.js';
import type { Program } from '../../workers/dev/program.js';
import { audience, callbackPath, portalClient } from '../../workers/dev/provider/configuration.js';
import { startProvider } from '../../workers/dev/provider/provider.js';
import { newProviderSecrets } from '../../workers/dev/provider/secrets.js';
import { tokenFor } from '../../workers/dev/provider/token.js';
import { runRedis } from '../../workers/dev/redis.js';
import { runTemporal } from '../../workers/dev/temporal.js';

export interface TestTemporal {
  address: string;
  namespace: string;
  uiUrl: string;
}

/** A service that a test may take away and bring back, at the same address and with the same data. */
export interface Restartable {
  /** The folder with its data. */
  state: string;
  /** Of the process that runs now, or ran last. */
  pid(): number;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Without a word of warning. Resolves when all of it is gone. */
  kill(): Promise<void>;
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

export interface TestProvider {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** What bearer tokens are for. */
  audience: string;
  /** Redirects are taken at this path of any `http://localhost:<port>`. */
  callbackPath: string;
  /** A bearer token for a person or a service of the directory. */
  token(account: string): Promise<string>;
  stop(): Promise<void>;
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
  const again = async (): Promise<Program> => (await startTemporal(at)).program;
  return { address, namespace, uiUrl, ...restartable(first.program, at.state, again) };
}

export const redis = once(async (): Promise<TestRedis> => ownRedis());

/** A Redis of its own, for tests that stop it. */
export async function ownRedis(): Promise<TestRedis> {
  const services = await readCompose();
  const options = { services, command: await findRedis(services, tell), port: await freePort(), state: await folder() };
  const { url, port, program } = await runRedis(options);
  return { url, port, ...restartable(program, options.state, async () => (await runRedis(options)).program) };
}

export const postgres = once(async (): Promise<TestPostgres> => ownPostgres());

/** A PostgreSQL of its own, for tests that stop it. It may forget what the disk does not hold, unless its settings are given. */
export async function ownPostgres(settings = ['fsync=off']): Promise<TestPostgres> {
  const options = {
    services: await readCompose(),
    port: await freePort(),
    state: join(await folder(), 'data'),
    password: randomBytes(18).toString('base64url'),
    settings,
  };
  const { host, port, superuser, program } = await runPostgres(options);
  const again = async (): Promise<Program> => (await runPostgres(options)).program;
  return { host, port, superuser, ...restartable(program, options.state, again) };
}

export interface TestOrdersDb extends TestPostgres {
  database: string;
  provisioner: { user: string; password: string };
}

/** The example database on the shared PostgreSQL, as `npm start` makes it: tables, privilege roles, provisioner. */
export const ordersDb = once(async (): Promise<TestOrdersDb> => ownOrdersDb(await postgres()));

/** The example database on a server of the test's own. */
export async function ownOrdersDb(server: TestPostgres): Promise<TestOrdersDb> {
  const password = randomBytes(18).toString('base64url');
  await makeOrdersDb(server, password);
  return { ...server, database: ordersDatabase, provisioner: { user: 'daypass_provisioner', password } };
}

/**
 * The development identity provider with the accounts of a policy folder (the example when none is given), once per folder.
 * A portal on any port of localhost may use it; `portalUrl` is only needed for a real browser's form rules.
 */
export async function oidc(policyDir = 'policy', portalUrl = 'http://localhost:7300'): Promise<TestProvider> {
  const key = `${resolve(policyDir)} ${portalUrl}`;
  const known = providers.get(key) ?? startOidc(policyDir, portalUrl);
  providers.set(key, known);
  return known;
}

const providers = new Map<string, Promise<TestProvider>>();

async function startOidc(policyDir: string, portalUrl: string): Promise<TestProvider> {
  const secrets = await newProviderSecrets();
  const { issuer, stop } = await startProvider({ port: await freePort(), portalUrl, policyDir, secrets });
  stops.push(stop);
  return {
    issuer,
    clientId: portalClient,
    clientSecret: secrets.portalSecret,
    audience,
    callbackPath,
    token: async (account) =>
      tokenFor(account, { issuer, directory: await readDirectory(policyDir), serviceSecret: secrets.serviceSecret }),
    stop,
  };
}

/** The mail catcher: `messages()` has what was sent, newest first. */
export const mail = once(async (): Promise<Mail> => {
  const started = await startMail({ smtp: 0, page: 0 });
  stops.push(started.stop);
  return started;
});

/** A folder that goes when the tests have ended. Others may pass through it: PostgreSQL does not run as root. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'daypass-test-'));
  await chmod(path, 0o711);
  stops.unshift(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** For what stands on these services: it stops before them. */
export function whenTestsEnd(stop: () => Promise<void>): void {
  stops.push(stop);
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

function restartable(first: Program, state: string, again: () => Promise<Program>): Restartable {
  let program = first;
  const stop = (): Promise<void> => program.stop();
  stops.push(stop);
  return {
    state,
    pid: () => program.pid,
    stop,
    async kill() {
      if (program.hasEnded()) return;
      process.kill(program.pid, 'SIGKILL');
      await program.ended;
    },
    async start() {
      if (program.hasEnded()) program = await again();
    },
  };
}

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => (started ??= start());
}
