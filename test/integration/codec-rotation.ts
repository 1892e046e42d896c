/** The codec's key is rotated under running workflows at the real server: old keys read, the new key writes, and nobody is left behind. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { UnreadablePayload } from '../../activities/platform/codec.js';
import { readCodecKeys, type KeyRing } from '../../activities/platform/keys.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { standInBundle } from '../support/bundle.js';
import { keysCommand } from '../support/keys-command.js';
import { temporal } from '../support/services.js';
import { until } from '../support/until.js';
import { hear, heard, sealed, type Fails } from '../support/workflows/sealed.js';
import { patience } from '../../workers/bundle.js';

const taskQueue = `rotation-${randomUUID()}`;
const activities: Fails = { fail: () => Promise.reject(new Error('no')), echo: (said) => Promise.resolve(said) };

describe('the key ring of the codec', function () {
  this.timeout(120_000);
  let folder: string;
  let connection: Connection;
  let native: NativeConnection;
  let namespace: string;
  let workflowBundle: WorkflowBundle;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'daypass-rotation-'));
    const server = await temporal();
    namespace = server.namespace;
    connection = await Connection.connect({ address: server.address });
    native = await NativeConnection.connect({ address: server.address });
    workflowBundle = await standInBundle();
  });
  after(async () => {
    await connection.close();
    await native.close();
    await rm(folder, { recursive: true });
  });

  const clientWith = (ring: KeyRing) =>
    new Client({ connection, namespace, dataConverter: dataConverter(ring, 'throw') });

  async function whileWorking<T>(ring: KeyRing, work: () => Promise<T>): Promise<T> {
    const options = { connection: native, namespace, taskQueue, workflowBundle, activities };
    const worker = await Worker.create({ ...options, ...patience, dataConverter: dataConverter(ring) });
    return worker.runUntil(work);
  }

  /** Ids of the keys that the workflow's history was sealed with, in order. */
  async function sealedWith(workflowId: string): Promise<string[]> {
    const { history } = await connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId },
    });
    const text = JSON.stringify(history);
    return [
      ...new Set([...text.matchAll(/"key-id":"([^"]+)"/g)].map(([, id = '']) => Buffer.from(id, 'base64').toString())),
    ];
  }

  it('rotates in two steps under a running workflow', async () => {
    const keys = keysCommand(folder);
    const file = join(folder, 'codec.json');
    assert.equal((await keys('new', 'codec')).code, 0);
    const before = await readCodecKeys(file);

    const workflowId = `rotation/${randomUUID()}`;
    const old = clientWith(before);
    const handle = await whileWorking(before, async () => {
      const started = await old.workflow.start(sealed, { taskQueue, workflowId, args: ['first'], memo: { by: 'old' } });
      await until(async () => (await started.query(heard, '')).length === 2);
      return started;
    });
    assert.deepEqual(await sealedWith(workflowId), [before.current]);

    // First step: everyone has both keys, and seals with the old one.
    assert.equal((await keys('rotate-codec', '--file', file)).code, 0);
    const between = await readCodecKeys(file);
    assert.equal(between.current, before.current);
    const [added = ''] = Object.keys(between.keys).filter((id) => id !== before.current);

    // Second step: a worker that was started again seals with the new key, and reads what the old one sealed.
    assert.equal((await keys('rotate-codec', '--current', added, '--file', file)).code, 0);
    const rotated = await readCodecKeys(file);
    assert.equal(rotated.current, added);
    await whileWorking(rotated, async () => {
      // By a process that was not started again yet.
      await clientWith(between).workflow.getHandle(workflowId).signal(hear, 'of the first step');
      await clientWith(rotated).workflow.getHandle(workflowId).signal(hear, 'of the second step');
      const said = await clientWith(between).workflow.getHandle(workflowId).query(heard, '');
      assert.deepEqual(said.slice(-2), ['of the first step', 'of the second step']);
    });
    assert.deepEqual(await sealedWith(workflowId), [before.current, added]);
    assert.deepEqual((await clientWith(rotated).workflow.getHandle(workflowId).describe()).memo?.['by'], 'old');

    // Whoever missed the first step finds a sentence, and nothing to believe.
    const later = await clientWith(rotated).workflow.start(sealed, {
      taskQueue,
      workflowId: `rotation/${randomUUID()}`,
      args: ['second'],
      memo: { by: 'new' },
    });
    await assert.rejects(
      old.workflow
        .getHandle(later.workflowId)
        .describe()
        .then((it) => it.memo),
      (error) => error instanceof UnreadablePayload && error.reason === 'unknown-key',
    );
    await handle.terminate();
    await later.terminate();
  });

  it('makes current only what is in the ring, and leaves it as it was otherwise', async () => {
    const keys = keysCommand(folder);
    const file = join(folder, 'codec.json');
    const before = await readCodecKeys(file);
    const { code, complains } = await keys('rotate-codec', '--current', 'nobody', '--file', file);
    assert.equal(code, 1);
    assert.match(complains, /holds no key nobody; it holds/);
    assert.deepEqual(await readCodecKeys(file), before);
  });
});
