/** The decisions process, as it is run: it is ready when it serves, outlives Redis, ends in peace, and refuses wrong settings. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { readCodecKeys } from '../../activities/platform/keys.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { reassessId, sealsId } from '../../workflows/ids.js';
import { bundleFile } from '../support/bundle-file.js';
import { createSigner, privateKey } from '../support/signer.js';
import { folder, ownRedis, temporal, type TestRedis } from '../support/services.js';
import { until } from '../support/until.js';
import { startWorker, type WorkerProcess } from '../support/worker-process.js';

describe('the decisions process', function () {
  this.timeout(120_000);
  let env: Record<string, string>;
  let redis: TestRedis;
  let auditDir: string;
  let worker: WorkerProcess | undefined;

  before(async () => {
    const keys = await folder();
    const file = async (name: string, content: string): Promise<string> => {
      await writeFile(join(keys, name), content, { mode: 0o600 });
      return join(keys, name);
    };
    const key = (): string => randomBytes(32).toString('base64');
    const server = await temporal();
    redis = await ownRedis();
    env = {
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: server.namespace,
      DAYPASS_INSTALLATION: 'test',
      DAYPASS_CODEC_KEYS_FILE: await file('codec.json', JSON.stringify({ current: 'k', keys: { k: key() } })),
      DAYPASS_API_KEYS_FILE: await file('api.json', JSON.stringify((await createSigner(Date.now())).keys)),
      DAYPASS_RISK_KEY_FILE: await file('risk.key', key()),
      DAYPASS_RECEIPT_KEYS_FILE: await file('receipts.json', JSON.stringify({ keys: [] })),
      DAYPASS_SEAL_KEY_FILE: await file('seal.json', JSON.stringify(await privateKey('Ed25519'))),
      DAYPASS_AUDIT_DIR: (auditDir = await folder()),
      DAYPASS_WORKFLOW_BUNDLE_FILE: await bundleFile(),
      DAYPASS_POLICY_DIR: 'policy',
      DAYPASS_PORTAL_URL: 'http://localhost:7300',
      REDIS_URL: redis.url,
      // Nothing is sent here.
      SMTP_URL: 'smtp://127.0.0.1:1',
    };
  });

  afterEach(async () => {
    await worker?.stop('SIGKILL');
    worker = undefined;
  });

  const start = async (change: Record<string, string> = {}): Promise<WorkerProcess> =>
    (worker = await startWorker('decisions', { ...env, ...change }));

  it('is ready under the name of a build, and keeps the schedules, only while that build is the current one', async () => {
    const { address, namespace } = await temporal();
    const connection = await Connection.connect({ address });
    const client = new Client({ connection, namespace });
    const schedule = client.schedule.getHandle(reassessId);
    const isKept = () =>
      schedule.describe().then(
        () => true,
        () => false,
      );
    const makeCurrent = (buildId: string) => {
      const wanted = { namespace, deploymentName: 'daypass-decisions', buildId };
      return client.workflowService.setWorkerDeploymentCurrentVersion(wanted).then(
        () => true,
        () => false,
      );
    };
    if (await isKept()) await schedule.delete();
    const buildId = `build-${randomUUID()}`;
    const started = await start({ DAYPASS_WORKER_BUILD: buildId });
    const idle = `build ${buildId} is not the current one; temporal worker deployment set-current-version --deployment-name daypass-decisions --build-id ${buildId} --yes`;
    try {
      await until(async () => (await started.waitsFor())?.join() === idle, { withinMs: 60_000, what: 'the reason' });
      // The server hears of a new worker a moment after it polls.
      await until(() => started.output().includes('"serving"'), { withinMs: 30_000, what: 'a worker' });
      assert.equal(await isKept(), false);
      await until(() => makeCurrent(buildId), { withinMs: 60_000, everyMs: 500, what: 'the current build' });
      await started.ready(30_000);
      await until(isKept, { withinMs: 30_000, what: 'the schedule' });
      await makeCurrent('');
      await until(() => started.output().includes('"standing":"gets work"'), { withinMs: 30_000, what: 'draining' });
      await started.ready();
    } finally {
      await makeCurrent('');
      await connection.close();
    }
    assert.equal(await started.stop(), 0);
  });

  it('serves, goes on without Redis, and ends in peace', async () => {
    const started = await start();
    await started.ready(60_000);
    await redis.stop();
    await until(() => started.output().includes('redis is away'));
    assert.deepEqual(await started.waitsFor(), []);
    await redis.start();
    await until(() => started.output().includes('redis is back'));
    assert.equal(await started.stop('SIGTERM'), 0, started.output());
    const said = started.output().trim().split('\n');
    assert.deepEqual(
      said.filter((line) => !line.startsWith('{')),
      [],
      'every line is JSON',
    );
  });

  it('seals the audit into its files from its start on', async () => {
    const started = await start();
    await started.ready(60_000);
    const hasSeal = async (): Promise<boolean> => (await readdir(auditDir)).includes('newest-seal.jws');
    await until(hasSeal, { what: 'the first seal', withinMs: 60_000 });
  });

  it('runs workflows without a hook of the SDK into each of their promises', async () => {
    const { address, namespace } = await temporal();
    const connection = await Connection.connect({ address });
    const keys = await readCodecKeys(env['DAYPASS_CODEC_KEYS_FILE'] ?? '');
    const { workflow } = new Client({ connection, namespace, dataConverter: dataConverter(keys) });
    try {
      await (await start()).ready(60_000);
      const seals = workflow.getHandle(sealsId);
      await until(
        () =>
          seals.describe().then(
            () => true,
            () => false,
          ),
        { what: 'the workflow of seals' },
      );
      assert.equal(await seals.query('__stack_trace'), '');
    } finally {
      await connection.close();
    }
  });

  it('waits for Temporal, and ends while it waits', async () => {
    const started = await start({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    await until(() => started.output().includes('Temporal cannot be reached at 127.0.0.1:1'), { withinMs: 60_000 });
    assert.deepEqual(await started.waitsFor(), ['decisions']);
    const from = performance.now();
    assert.equal(await started.stop('SIGINT'), 0, started.output());
    // The client's pause between two tries cannot be cut short.
    assert.ok(performance.now() - from < 10_000, `took ${performance.now() - from} ms`);
  });

  it('does not start with a wrong policy or a wrong setting, and says what is wrong', async () => {
    const policy = await folder();
    await cp('policy', policy, { recursive: true });
    await writeFile(join(policy, 'entitlements.yml'), 'nonsense: true\n');
    const wrong: [change: Record<string, string>, sentence: RegExp][] = [
      [{ DAYPASS_POLICY_DIR: policy }, /entitlements\.yml/],
      [{ REDIS_URL: 'somewhere' }, /^decisions: Wrong settings: REDIS_URL must be a URL/m],
    ];
    for (const [change, sentence] of wrong) {
      const { ended, output } = await start(change);
      assert.equal(await ended, 1, output());
      assert.match(output(), sentence);
      assert.ok(!output().includes('    at '), 'no stack');
    }
  });
});
