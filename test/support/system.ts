/**
 * The whole system for tests: real Temporal, Redis, PostgreSQL, identity provider and mail, and our three processes as real
 * child processes with the environment that the launcher gives them. Each part can be taken away and brought back.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { Client } from '../../api/client/client.js';
import { createSealer } from '../../api/identity/seal.js';
import { createSessions } from '../../api/identity/session.js';
import { readSecret } from '../../activities/platform/keys.js';
import { readCompose } from '../../workers/dev/compose.js';
import { findTemporal } from '../../workers/dev/find-temporal.js';
import { developmentKeys } from '../../workers/dev/keys.js';
import { type Mail, startMail } from '../../workers/dev/mail/mail.js';
import { freePorts } from '../../workers/dev/ports.js';
import { ownProcesses } from '../../workers/dev/processes.js';
import { stackSettings } from '../../workers/dev/settings.js';
import { noConfiguration } from '../../workers/dev/temporal.js';
import { grantWorkflowId } from '../../workflows/ids.js';
import { bundleFile } from './bundle-file.js';
import { type Edits, policyFolder, swap } from './policy.js';
import {
  folder,
  oidc,
  ownOrdersDb,
  ownPostgres,
  ownRedis,
  ownTemporal,
  type Restartable,
  type TestOrdersDb,
  type TestProvider,
  type TestRedis,
  whenTestsEnd,
} from './services.js';
import { SystemProcess } from './system-process.js';

const run = promisify(execFile);
export const installation = 'system';
/** Below the age at which a sign-in stops being fresh, so that a test never depends on how long the run takes. */
const tokenKeptMs = 3 * 60_000;

/** Scores do not depend on the day of the run: reading is automatic, and writing takes the manager and then an owner. */
export const steady = {
  risk: swap('bands: { elevated: 30, high: 60, refuse: 95 }', 'bands: { elevated: 97, high: 98, refuse: 99 }'),
};

export interface Role {
  name: string;
  mayLogIn: boolean;
}

export class System {
  readonly portal: string;
  readonly api: SystemProcess;
  readonly decisions: SystemProcess;
  readonly connectors: SystemProcess;
  readonly temporal: Restartable;
  readonly redis: TestRedis;
  readonly ordersDb: TestOrdersDb;
  readonly mail: Mail;
  readonly policyDir: string;
  /** Keys, receipts, audit files. */
  readonly stateDir: string;
  private readonly parts: SystemParts;
  private readonly tokens = new Map<string, { token: string; at: number }>();

  constructor(parts: SystemParts) {
    this.parts = parts;
    this.portal = parts.portal;
    [this.decisions, this.connectors, this.api] = parts.processes;
    this.temporal = parts.temporal;
    this.redis = parts.redis;
    this.ordersDb = parts.ordersDb;
    this.mail = parts.mail;
    this.policyDir = parts.policyDir;
    this.stateDir = parts.stateDir;
  }

  /** Asks the target itself, as its superuser. */
  get superuser(): pg.Pool {
    return this.parts.superuser;
  }

  /** Where anybody of the namespace finds Temporal. */
  get engine(): { address: string; namespace: string } {
    return this.parts.engine;
  }

  /** The API as this person or service sees it. */
  as(account: string): Client {
    return new Client({ url: this.portal, token: () => this.token(account) });
  }

  async token(account: string): Promise<string> {
    const known = this.tokens.get(account);
    if (known && Date.now() - known.at < tokenKeptMs) return known.token;
    const token = await this.parts.provider.token(account);
    this.tokens.set(account, { token, at: Date.now() });
    return token;
  }

  /** The cookie of someone who signed in at that instant. */
  async cookie(account: string, signedInAt: number, groups: string[]): Promise<string> {
    const sessions = createSessions(createSealer(await readSecret(this.parts.sessionKeyFile)), { secure: false });
    const signIn = { time: signedInAt, methods: ['pwd', 'otp', 'mfa'], groups };
    const { cookie } = await sessions.start(`person:${account}`, signIn);
    return cookie.split(';')[0] ?? '';
  }

  /** The role of a grant at the database, asked of the database itself. */
  async roleOf(grantId: string): Promise<Role | undefined> {
    return (await this.roles()).find(({ name }) => name === accountOf(grantId));
  }

  /** Every role that Daypass ever made there and that still stands. */
  async roles(): Promise<Role[]> {
    const { rows } = await this.parts.superuser.query<Role>(
      `SELECT rolname AS name, rolcanlogin AS "mayLogIn" FROM pg_roles WHERE starts_with(rolname, 'daypass_${installation}_')`,
    );
    return rows;
  }

  /** Runs the Temporal CLI on a grant, as an operator does, and answers what it said. */
  temporalCli(grantId: string, ...command: string[]): Promise<string> {
    return this.temporalCommand(...command, '--workflow-id', grantWorkflowId(grantId));
  }

  async temporalCommand(...command: string[]): Promise<string> {
    const { address, namespace, cli } = this.parts.engine;
    const { PATH = '', HOME = '' } = process.env;
    const { stdout } = await run(cli, [...command, '--address', address, '--namespace', namespace], {
      env: { PATH, HOME, TEMPORAL_CONFIG_FILE: noConfiguration },
    });
    return stdout;
  }

  /** What stands on others stops before them, as in the launcher. */
  async stop(): Promise<void> {
    await this.api.stop();
    await Promise.all([this.decisions.stop(), this.connectors.stop()]);
    await Promise.all([this.temporal, this.redis, this.ordersDb].map((service) => service.stop()));
  }

  async start(): Promise<void> {
    await Promise.all([this.temporal, this.redis, this.ordersDb].map((service) => service.start()));
    await Promise.all([this.decisions, this.connectors].map((worker) => worker.start()));
    await this.api.start();
  }

  /** What the processes said, and so what must hold no secret. */
  said(): string {
    return [this.api, this.decisions, this.connectors].flatMap(({ said }) => said).join('\n');
  }
}

export function accountOf(grantId: string): string {
  return `daypass_${installation}_${grantId}`;
}

interface SystemParts {
  portal: string;
  processes: [decisions: SystemProcess, connectors: SystemProcess, api: SystemProcess];
  temporal: Restartable;
  engine: { address: string; namespace: string; cli: string };
  redis: TestRedis;
  ordersDb: TestOrdersDb;
  superuser: pg.Pool;
  mail: Mail;
  policyDir: string;
  stateDir: string;
  provider: TestProvider;
  sessionKeyFile: string;
}

let started: Promise<System> | undefined;

/** Started at the first question for it, once per mocha process; stopped when the tests end. */
export function system(): Promise<System> {
  return (started ??= startSystem());
}

export interface SystemOptions {
  /** What is changed in the example policy, and in the example ceiling. */
  policy?: Edits;
  ceiling?: (text: string) => string;
  /** Of the target's server. */
  postgresSettings?: string[];
}

/** One of its own; it stops with all services. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { policy = steady, ceiling = manyAnHour, postgresSettings } = options;
  const stateDir = await folder();
  const policyDir = await policyFolder(policy);
  const [engine, redis, ordersDb, mail, provider, keys, bundle, cli] = await Promise.all([
    ownTemporal(),
    ownRedis(),
    ownPostgres(postgresSettings).then(ownOrdersDb),
    startMail({ smtp: 0, page: 0 }),
    oidc(policyDir),
    developmentKeys(join(stateDir, 'keys')),
    // Built ahead, as in production, so that a worker that is started again is there at once.
    bundleFile(),
    readCompose().then((services) => findTemporal(services, (line) => void process.stderr.write(`${line}\n`))),
  ]);
  await writeFile(keys.files.portalSecret, provider.clientSecret, { mode: 0o600 });
  const [portalPort, decisionsPort, connectorsPort] = (await freePorts(3)) as [number, number, number];
  const { PATH, HOME } = process.env;
  const settings = stackSettings({
    PATH,
    HOME,
    DAYPASS_STATE_DIR: stateDir,
    DAYPASS_POLICY_DIR: policyDir,
    DAYPASS_ZONE_DIR: await zoneFolder(stateDir, ceiling),
    DAYPASS_INSTALLATION: installation,
    DAYPASS_PORT: String(portalPort),
    ORDERS_DB_PORT: String(ordersDb.port),
    ORDERS_DB_PROVISIONER: ordersDb.provisioner.password,
    DAYPASS_WORKFLOW_BUNDLE_FILE: bundle,
  });
  const portal = `http://localhost:${portalPort}`;
  const { address, namespace, uiUrl } = engine;
  const own = ownProcesses({
    settings,
    keys,
    addresses: {
      portal,
      docs: `${portal}/docs`,
      issuer: provider.issuer,
      temporal: { address, namespace },
      temporalUi: uiUrl,
      redis: redis.url,
      smtp: mail.smtpUrl,
    },
    temporalEnv: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, TEMPORAL_CONFIG_FILE: noConfiguration },
    zoneDir: settings.env['DAYPASS_ZONE_DIR'] ?? '',
    provider: {
      clientId: provider.clientId,
      clientSecretFile: keys.files.portalSecret,
      audience: provider.audience,
    },
    healthPorts: { decisions: decisionsPort, connectors: connectorsPort },
  });
  const named = (name: string): SystemProcess => {
    const found = own.find((each) => each.name === name);
    if (!found) throw new Error(`The launcher has no process ${name}.`);
    return new SystemProcess(found);
  };
  const { host, port, superuser: login } = ordersDb;
  const superuser = new pg.Pool({ host, port, ...login, database: 'postgres', max: 2 });
  // The database is taken away under it.
  superuser.on('error', () => undefined);
  const it = new System({
    portal,
    processes: [named('decisions'), named('connectors'), named('api')],
    temporal: engine,
    engine: { address, namespace, cli },
    redis,
    ordersDb,
    superuser,
    mail,
    policyDir,
    stateDir,
    provider,
    sessionKeyFile: keys.files.session,
  });
  whenTestsEnd(async () => {
    await superuser.end();
    await it.stop();
    await mail.stop();
  });
  await it.start();
  return it;
}

/** One run asks more often in an hour than the example ceiling would allow without people. */
const manyAnHour = swap('perHour: 20', 'perHour: 1000');

async function zoneFolder(stateDir: string, ceiling: (text: string) => string): Promise<string> {
  const zone = join(stateDir, 'zone');
  await mkdir(zone, { mode: 0o700 });
  const example = await readFile('policy/ceilings/orders-db.yml', 'utf8');
  const file = join(zone, 'orders-db.yml');
  await writeFile(file, ceiling(example));
  await chmod(file, 0o600);
  return zone;
}
