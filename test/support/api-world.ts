/**
 * The API in this process, before real Temporal, Redis and identity provider, with the real decisions worker and a target
 * in memory behind the real check of evidence.
 */
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createPace } from '../../activities/connectors/pace.js';
import { createAccounts } from '../../activities/accounts.js';
import { createReads } from '../../activities/assess.js';
import { createChains } from '../../activities/audit/chains.js';
import { openAuditFiles } from '../../activities/audit/files.js';
import type { Ceiling } from '../../activities/ceiling.js';
import { openBook } from '../../activities/connectors/book.js';
import type { StandingAccount } from '../../activities/contract.js';
import { createJudges } from '../../activities/judge.js';
import { apiConfig } from '../../activities/platform/config.js';
import { createLog } from '../../activities/platform/log.js';
import { connectRedis } from '../../activities/platform/redis.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { watchPolicy } from '../../activities/policy/load.js';
import { createBaselines } from '../../activities/policy/risk/baselines.js';
import { createPublish } from '../../activities/publish.js';
import { createTells } from '../../activities/tell.js';
import { startApi, type RunningApi } from '../../api/serve.js';
import { changeQueue, decisionsQueue, undoQueue } from '../../workflows/ids.js';
import { page } from './authenticator.js';
import { keyFiles, secretFile, target, type KeyFiles } from './api-world-keys.js';
import { workflowBundle } from './bundle.js';
import { memoryTarget } from './memory-target.js';
import { policyFolder, swap, type Edits } from './policy.js';
import { folder, oidc, redis, temporal, type TestProvider, type TestRedis, type TestTemporal } from './services.js';
import { until } from './until.js';
import { patience } from '../../workers/bundle.js';

const installation = 'api-test';
const longest = 8 * 3_600_000;
const believed = { installation, target, passkeys: [], page };

/** Reading is automatic and writing takes the manager, whatever the hour and the history. */
export const steady = {
  risk: swap('bands: { elevated: 30, high: 60, refuse: 95 }', 'bands: { elevated: 97, high: 98, refuse: 99 }'),
  entitlements: swap(
    'flow: { low: manager-then-owners, elevated: manager-then-owners, high: manager-then-two-owners }',
    'flow: { low: manager, elevated: manager, high: manager }',
  ),
};

export interface WorldServices {
  temporal?: TestTemporal;
  redis?: TestRedis;
  /** What is other than in the policy of all worlds. */
  policy?: Edits;
}

export class ApiWorld {
  readonly url: string;
  readonly provider: TestProvider;
  readonly client: Client;
  readonly sessionKey: Uint8Array;
  /** What the target holds now, by grant. */
  readonly standing: Map<string, StandingAccount>;
  readonly log: string[];
  private readonly closing: (() => Promise<unknown>)[];
  private readonly tokens = new Map<string, string>();
  private readonly work: { stop: () => Promise<void>; start: () => Promise<void>; close: () => Promise<void> };

  private constructor(
    parts: Pick<ApiWorld, 'url' | 'provider' | 'client' | 'sessionKey' | 'standing' | 'log'> & {
      work: ApiWorld['work'];
      closing: (() => Promise<unknown>)[];
    },
  ) {
    this.url = parts.url;
    this.provider = parts.provider;
    this.client = parts.client;
    this.sessionKey = parts.sessionKey;
    this.standing = parts.standing;
    this.log = parts.log;
    this.work = parts.work;
    this.closing = parts.closing;
  }

  static async start(services: WorldServices = {}): Promise<ApiWorld> {
    const engine = services.temporal ?? (await temporal());
    const memory = services.redis ?? (await redis());
    const policyDir = await policyFolder({ ...steady, ...services.policy });
    const provider = await oidc(policyDir);
    const keys = await keyFiles();
    const clientSecretFile = await secretFile(provider.clientSecret);
    const lines: string[] = [];
    const log = createLog('api-test', 'debug', (line) => lines.push(line));

    const api: RunningApi = await withTemporal(engine, () =>
      startApi(
        apiConfig({
          DAYPASS_INSTALLATION: installation,
          DAYPASS_CODEC_KEYS_FILE: keys.codec.file,
          DAYPASS_POLICY_DIR: policyDir,
          DAYPASS_PORTAL_URL: 'http://localhost:7300',
          REDIS_URL: memory.url,
          DAYPASS_PORT: '0',
          DAYPASS_SIGNING_KEY_FILE: keys.signing.file,
          DAYPASS_CREDENTIAL_KEY_FILE: keys.credential.file,
          DAYPASS_API_KEYS_FILE: keys.signing.set,
          DAYPASS_SEAL_KEYS_FILE: keys.signing.set,
          DAYPASS_RECEIPT_KEYS_FILE: keys.receipt.set,
          DAYPASS_SESSION_KEY_FILE: keys.session.file,
          OIDC_ISSUER: provider.issuer,
          OIDC_CLIENT_ID: provider.clientId,
          OIDC_CLIENT_SECRET_FILE: clientSecretFile,
          OIDC_AUDIENCE: provider.audience,
          DAYPASS_TEMPORAL_UI_URL: engine.uiUrl,
        }),
        log,
      ),
    );

    const client = new Client({
      connection: await Connection.connect({ address: engine.address }),
      namespace: engine.namespace,
      dataConverter: dataConverter(keys.codec.ring, 'throw'),
    });
    const policy = watchPolicy(policyDir, log);
    const ours = connectRedis(memory.url, log);
    // What tests asked for before, on the same Redis, counts against no caller of these.
    await until(async () => (await ours.del('none', ...(await ours.keys('daypass:limit:*')))) >= 0);
    const standing = new Map<string, StandingAccount>();
    const work = createWork({ engine, client, keys, policy, redis: ours, log, standing, auditDir: await folder() });
    await work.start();
    return new ApiWorld({
      url: api.url,
      provider,
      client,
      sessionKey: keys.session.key,
      standing,
      log: lines,
      work,
      closing: [
        () => api.close(),
        () => work.stop(),
        () => client.connection.close(),
        () => Promise.resolve(policy.close()),
        () => Promise.resolve(ours.disconnect()),
        () => work.close(),
      ],
    });
  }

  /** Nobody judges, provisions or removes from here on. */
  stopWork(): Promise<void> {
    return this.work.stop();
  }

  startWork(): Promise<void> {
    return this.work.start();
  }

  async stop(): Promise<void> {
    for (const close of this.closing) await close();
  }

  async token(account: string): Promise<string> {
    const known = this.tokens.get(account) ?? (await this.provider.token(account));
    this.tokens.set(account, known);
    return known;
  }

  /** A call with the bearer token of an account; without one where `account` is undefined. */
  async call(account: string | undefined, method: string, path: string, options: CallOptions = {}): Promise<Answered> {
    const { body, headers = {}, raw } = options;
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const sent = new Headers(headers);
    if (account !== undefined) sent.set('authorization', `Bearer ${await this.token(account)}`);
    if (content !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json');
    const response = await fetch(new URL(path, this.url), {
      method,
      headers: sent,
      body: content,
      redirect: 'manual',
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return {
      status: response.status,
      type,
      headers: response.headers,
      text,
      body: type.includes('json') ? JSON.parse(text) : undefined,
    };
  }

  /** Asks, and waits until the grant is in one of these states. */
  async grant(account: string, body: object, states: string[]): Promise<string> {
    const asked = await this.call(account, 'POST', '/v1/grants', { body });
    if (asked.status !== 201) throw new Error(`asking answered ${asked.status}: ${asked.text}`);
    const id = String(asked.body.grantId);
    await this.reaches(account, id, states);
    return id;
  }

  async reaches(account: string, id: string, states: string[]): Promise<Answered['body']> {
    let seen = await this.call(account, 'GET', `/v1/grants/${id}`);
    for (let turn = 0; turn < 20 && !states.includes(String(seen.body.state)); turn += 1) {
      seen = await this.call(account, 'GET', `/v1/grants/${id}?wait=PT2S&after=${String(seen.body.changes)}`);
    }
    if (!states.includes(String(seen.body.state))) throw new Error(`${id} is ${seen.text}`);
    return seen.body;
  }
}

export interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
  /** Sent as it is. */
  raw?: string;
}

export interface Answered {
  status: number;
  type: string;
  headers: Headers;
  text: string;
  // Tests look into answers field by field; their shape is checked against the OpenAPI document.
  body: Record<string, unknown>;
}

export const readOrders = {
  entitlement: 'orders-db/read',
  justification: 'Look into a late order.',
  requestedDuration: 'PT15M',
};

export const writeOrders = {
  entitlement: 'orders-db/write',
  justification: 'Correct the address of a late order.',
  requestedDuration: 'PT15M',
};

/** The settings of Temporal's own environment configuration, for as long as `start` takes: other suites have other servers. */
async function withTemporal<T>(engine: TestTemporal, start: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  Object.assign(process.env, { TEMPORAL_ADDRESS: engine.address, TEMPORAL_NAMESPACE: engine.namespace });
  try {
    return await start();
  } finally {
    for (const name of ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

interface WorkParts {
  engine: TestTemporal;
  keys: KeyFiles;
  policy: ReturnType<typeof watchPolicy>;
  redis: ReturnType<typeof connectRedis>;
  client: Client;
  log: ReturnType<typeof createLog>;
  standing: Map<string, StandingAccount>;
  auditDir: string;
}

/** The workers of all queues, with everything real but mail and the target. */
function createWork({ engine, client, keys, policy, redis, log, standing, auditDir }: WorkParts): ApiWorld['work'] {
  const apiKeys = { current: () => ({ keys: [keys.signing.public] }) };
  const { kid, x } = keys.receipt.key;
  const receiptKeys = { current: () => [{ kid, x, targets: [target] }] };
  const baselines = createBaselines({ redis, key: keys.risk, policy });
  const notify = { tell: () => Promise.resolve() };
  const files = openAuditFiles({ dir: auditDir, fileBytesMax: 1_000_000, log });
  const decisions = {
    ...createReads({ policy, baselines, apiKeys, receiptKeys, installation }),
    ...createJudges({ policy, apiKeys, installation }),
    ...createTells({ publish: createPublish(redis), files, notify, baselines, log }),
    ...createChains({ client, installation, apiKeys, receiptKeys, files, sealKey: keys.signing.public }),
  };
  const book = openBook({ installation, target, key: keys.receipt.key, dir: auditDir, log });
  const { ceiling, provision, renew, setEnd, remove } = createAccounts({
    believed: { ...believed, ceilings, apiKeys: apiKeys.current(), credentialKey: keys.credential.public },
    connector: memoryTarget(standing),
    book,
    pace: createPace(1_000).removing,
    log,
  });
  let running: { worker: Worker; done: Promise<void> }[] = [];
  let connection: NativeConnection | undefined;
  return {
    start: async () => {
      if (running.length > 0) return;
      connection = await NativeConnection.connect({ address: engine.address });
      const common = {
        connection,
        namespace: engine.namespace,
        dataConverter: dataConverter(keys.codec.ring),
        shutdownGraceTime: '1s',
        shutdownForceTime: '3s',
      };
      const workers = [
        await Worker.create({
          ...common,
          taskQueue: decisionsQueue,
          workflowBundle: await workflowBundle(),
          activities: decisions,
          stickyQueueScheduleToStartTimeout: '2s',
          ...patience,
        }),
        await Worker.create({
          ...common,
          taskQueue: changeQueue(target),
          activities: { ceiling, provision, renew, setEnd },
        }),
        await Worker.create({ ...common, taskQueue: undoQueue(target), activities: { remove } }),
      ];
      running = workers.map((worker) => ({ worker, done: worker.run() }));
    },
    stop: async () => {
      for (const { worker } of running) worker.shutdown();
      await Promise.all(running.map(({ done }) => done));
      running = [];
      await connection?.close();
      connection = undefined;
    },
    close: async () => {
      await files.close();
      await book.close();
    },
  };
}

const ceilings = new Map<string, Ceiling<string>>(
  ['orders-db/read', 'orders-db/write'].map((id) => [
    id,
    {
      privilege: id,
      longestMs: longest,
      approvals: { least: 1, groups: ['managers', 'db-owners'] },
      attested: false,
      automatic: { longestMs: longest, perHour: 1_000 },
      emergency: { longestMs: 3_600_000, groups: ['oncall'] },
    },
  ]),
);
