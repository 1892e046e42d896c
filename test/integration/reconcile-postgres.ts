/** A grant that was terminated in Temporal: reconcile finds its account at the real PostgreSQL and takes it away. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { exportJWK, generateKeyPair } from 'jose';
import { createPace } from '../../activities/connectors/pace.js';
import { createAccounts, type AccountDeps } from '../../activities/accounts.js';
import type { Stray } from '../../activities/contract.js';
import type { Credential } from '../../activities/connectors/connector.js';
import type { PostgresPrivilege } from '../../activities/connectors/postgres/index.js';
import { connectMailer, type Mailer } from '../../activities/mail/mailer.js';
import { createNotify } from '../../activities/notify.js';
import { openCredential } from '../../activities/platform/jwe.js';
import { signStatement } from '../../activities/platform/jws.js';
import type { PrivateJwk } from '../../activities/platform/keys.js';
import { createLog } from '../../activities/platform/log.js';
import { connectRedis } from '../../activities/platform/redis.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { createReconciles } from '../../activities/reconciles.js';
import { Target } from '../../workflows/attributes.js';
import { digest } from '../../workflows/domain/digest.js';
import type { Request } from '../../workflows/domain/request.js';
import type { GrantView } from '../../workflows/domain/view.js';
import { changeQueue, decisionsQueue, grantWorkflowId, reconcileWorkflowId, undoQueue } from '../../workflows/ids.js';
import { collect } from '../../workflows/messages.js';
import type { Reconciled } from '../../workflows/reconcile.js';
import { workflowBundle } from '../support/bundle.js';
import { page } from '../support/authenticator.js';
import { change, exampleDirectory } from '../support/change.js';
import { receiptBook } from '../support/receipt-book.js';
import { rule, Script } from '../support/script.js';
import { redis as sharedRedis, temporal } from '../support/services.js';
import { startSmtp, type TestSmtp } from '../support/smtp.js';
import { until } from '../support/until.js';
import { postgresGround, type PostgresGround } from '../support/connector-contract-postgres-ground.js';
import { patience } from '../../workers/bundle.js';

const log = createLog('test', 'fatal');
const target = 'orders-db';
const hour = 3_600_000;

describe('reconcile at a real PostgreSQL', function () {
  this.timeout(90_000);
  const closing: (() => Promise<unknown> | void)[] = [];
  const noted: Stray[] = [];
  let client: Client;
  let ground: PostgresGround;
  let smtp: TestSmtp;
  let redis: ReturnType<typeof connectRedis>;
  let signingKey: PrivateJwk;
  let credentialKey: PrivateJwk;

  before(async () => {
    const { address, namespace } = await temporal();
    const keys = { current: 'test', keys: { test: randomBytes(32) } };
    [signingKey, credentialKey] = [await newKey('Ed25519'), await newKey('X25519')];
    ground = await postgresGround();
    const receipts = await receiptBook('test', target);
    closing.push(() => receipts.book.close());
    closing.push(() => ground.stop());
    smtp = await startSmtp();
    const mailer: Mailer = connectMailer(smtp.url, 'Daypass <daypass@localhost>');
    closing.push(
      () => smtp.stop(),
      () => mailer.close(),
    );
    redis = connectRedis((await sharedRedis()).url);
    closing.push(() => redis.disconnect());
    const connection = await Connection.connect({ address });
    const native = await NativeConnection.connect({ address });
    closing.push(
      () => connection.close(),
      () => native.close(),
    );
    client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'mark') });

    const script = new Script({ rule: rule({ automatic: true }) });
    script.receiptKeys = [receipts.key];
    const { assess, openStep, judge, stillEligible } = script;
    const policy = { current: () => exampleDirectory() };
    const notify = createNotify({ mailer, redis, policy, portalUrl: 'http://localhost:7300', log });
    const reconciles = createReconciles({
      client,
      notes: { stray: async (stray) => void noted.push(stray) },
      notify,
      reads: { stillEligible },
      log,
    });
    const deps: AccountDeps<PostgresPrivilege> = {
      believed: {
        installation: 'test',
        target,
        ceilings: new Map([
          [
            'orders-db/read',
            {
              privilege: { role: 'orders_reader' },
              longestMs: 8 * hour,
              approvals: { least: 1, groups: ['managers'] },
              attested: false,
              automatic: { longestMs: 4 * hour, perHour: 100 },
            },
          ],
        ]),
        apiKeys: { keys: [publicPart(signingKey)] },
        credentialKey: publicPart(credentialKey),
        passkeys: [],
        page,
      },
      connector: ground.as({}),
      book: receipts.book,
      pace: createPace(100).removing,
      log,
    };
    const { provision, ceiling, remove, list } = createAccounts(deps);
    const work = async (options: Pick<WorkerOptions, 'taskQueue' | 'activities' | 'workflowBundle'>): Promise<void> => {
      const worker = await Worker.create({
        connection: native,
        namespace,
        dataConverter: dataConverter(keys),
        ...patience,
        ...options,
      });
      const running = worker.run();
      closing.push(async () => {
        worker.shutdown();
        await running;
      });
    };
    const tell = async (): Promise<void> => undefined;
    const believed = async () => ({ installation: 'test', api: [], receipts: [receipts.key] });
    const decisions = { assess, openStep, judge, stillEligible, tell, believed, ...reconciles };
    await work({ taskQueue: decisionsQueue, workflowBundle: await workflowBundle(), activities: decisions });
    await work({ taskQueue: changeQueue(target), activities: { provision, ceiling } });
    await work({ taskQueue: undoQueue(target), activities: { remove, list } });
  });

  after(async () => {
    for (const close of closing.reverse()) await close();
  });

  async function activeGrant() {
    const { request } = change({ request: { target, requestedDurationMs: hour } });
    const handle = await client.workflow.start('grant', {
      workflowId: grantWorkflowId(request.grantId),
      taskQueue: decisionsQueue,
      args: [{ request, evidence: await signed(request) }],
      memo: { request },
      typedSearchAttributes: [{ key: Target, value: target }],
    });
    await until(async () => ((await handle.describe()).memo?.view as GrantView | undefined)?.state === 'ACTIVE', {
      what: 'the grant to be active',
    });
    const collected = await handle.executeUpdate(collect, { args: [{ collectId: randomUUID(), by: request.subject }] });
    const credential = (await openCredential(collected.sealed, credentialKey)) as unknown as Credential;
    return { request, handle, credential, session: await ground.login(credential) };
  }

  const signed = (request: Request): Promise<string> =>
    signStatement(
      {
        type: 'request',
        installation: 'test',
        grantId: request.grantId,
        requestDigest: digest(request),
        actor: request.requester,
        signIn: { time: request.requestTime, methods: ['pwd'], groups: ['engineers'] },
        issuedAt: request.requestTime,
        entitlement: request.entitlement,
        target,
        subject: request.subject,
        notBefore: request.requestTime - 1000,
        activateBy: request.requestTime + hour,
        endBy: request.requestTime + 2 * hour,
        longestMs: request.requestedDurationMs,
      },
      signingKey,
    );

  const pass = (): Promise<Reconciled> =>
    client.workflow.execute<() => Promise<Reconciled>>('reconcile', {
      workflowId: `${reconcileWorkflowId(target)}-${new Date().toISOString().slice(0, 19)}Z`,
      taskQueue: decisionsQueue,
    });

  it('ends the access of a terminated grant and leaves the others theirs', async () => {
    const [terminated, other] = [await activeGrant(), await activeGrant()];
    await terminated.session.use();
    await terminated.handle.terminate('by hand in the Temporal UI');
    // While visibility is late, it is a later pass that finds it.
    const running = `WorkflowId = '${terminated.handle.workflowId}' AND ExecutionStatus = 'Running'`;
    await until(async () => (await client.workflow.count(running)).count === 0, { what: 'visibility' });

    assert.deepEqual(await pass(), { standing: 2, strays: 1, missing: 0 });

    assert.equal(await terminated.session.isOpen(), false);
    await assert.rejects(ground.login(terminated.credential), /authentication failed/);
    await other.session.use();
    const roles = await ground.sql(`SELECT rolname FROM pg_roles WHERE rolname LIKE 'daypass\\_%'`);
    assert.ok(roles.some(({ rolname }) => rolname === other.credential.username));
    assert.ok(!roles.some(({ rolname }) => rolname === terminated.credential.username));

    const mail = await until(() => smtp.taken.find(({ to }) => to === 'operator@example.org'), { what: 'the mail' });
    assert.match(mail.mail.subject ?? '', /^Removed at orders-db: an account that no grant explains/);
    assert.ok(mail.mail.text?.includes(terminated.request.grantId));
    const [stray] = noted;
    assert.deepEqual([stray?.grantId, stray?.removal?.wasPresent], [terminated.request.grantId, true]);
    await other.handle.terminate('the test is over');
  });

  it('tells a grant whose account somebody dropped', async () => {
    const { credential, handle, session } = await activeGrant();
    await session.close();
    await ground.sql(`DROP OWNED BY ${credential.username}`);
    await ground.sql(`DROP ROLE ${credential.username}`);
    await until(async () => (await pass()).missing === 1, { what: 'a pass that misses it' });
    await until(
      async () => ((await handle.describe()).memo?.view as GrantView).conditions.includes('externallyModified'),
      { what: 'the condition of the grant' },
    );
    assert.equal((await pass()).missing, 0);
    await handle.terminate('the test is over');
  });
});

async function newKey(crv: 'Ed25519' | 'X25519'): Promise<PrivateJwk> {
  const alg = crv === 'Ed25519' ? 'EdDSA' : 'ECDH-ES+A256KW';
  const { privateKey } = await generateKeyPair(alg, { crv, extractable: true });
  return { ...(await exportJWK(privateKey)), kid: crv } as PrivateJwk;
}

function publicPart({ kty, crv, x, kid }: PrivateJwk) {
  return { kty, crv, x, kid };
}
