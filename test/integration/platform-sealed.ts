/** On the real server: nothing of a workflow stands there in clear, and nothing that anyone else puts there wedges it. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { UnreadablePayload } from '../../activities/platform/codec.js';
import type { KeyRing } from '../../activities/platform/keys.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { standInBundle } from '../support/bundle.js';
import { temporal } from '../support/services.js';
import { until } from '../support/until.js';
import { answer, end, heard, sealed, type Fails } from '../support/workflows/sealed.js';

const taskQueue = `sealed-${randomUUID()}`;
const keys: KeyRing = { current: 'k1', keys: { k1: randomBytes(32) } };
const secret = `secret-${randomUUID()}`;

const activities: Fails = {
  async fail(said) {
    throw Object.assign(new Error(`activity failed with ${said}`), { name: 'Told' });
  },
  async echo(said) {
    return said;
  },
};

describe('payloads at the real server', function () {
  this.timeout(120_000);
  let client: Client;
  let namespace: string;
  let native: NativeConnection;
  let worker: Worker;
  let running: Promise<void>;
  let workflowBundle: WorkflowBundle;

  before(async () => {
    const server = await temporal();
    namespace = server.namespace;
    const connection = await Connection.connect({ address: server.address });
    client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'throw') });
    native = await NativeConnection.connect({ address: server.address });
    workflowBundle = await standInBundle();
    const options = { connection: native, namespace, taskQueue, workflowBundle, activities };
    worker = await Worker.create({ ...options, dataConverter: dataConverter(keys) });
    running = worker.run();
  });

  after(async () => {
    worker.shutdown();
    await running;
    await native.close();
    await client.connection.close();
  });

  async function start(by: Client = client): Promise<WorkflowHandle<typeof sealed>> {
    const handle = await by.workflow.start(sealed, {
      taskQueue,
      workflowId: `sealed/${randomUUID()}`,
      args: [secret],
      memo: { request: { secret } },
      staticSummary: `summary ${secret}`,
    });
    await until(async () => (await handle.query(heard, secret)).length === 2);
    return handle;
  }

  /** As a hand at the Temporal CLI, or another program, would send it. */
  async function send(workflowId: string, signalName: string, payloads: Payload[]): Promise<void> {
    const input = { payloads };
    await client.workflowService.signalWorkflowExecution({
      namespace,
      workflowExecution: { workflowId },
      signalName,
      input,
    });
  }

  it('stand there sealed, all of them: arguments, results, memo, summaries, queries, updates, failures and their stacks', async () => {
    const handle = await start();
    assert.deepEqual(await handle.query(heard, secret), [secret, `activity failed with ${secret}`]);
    assert.equal(await handle.executeUpdate(answer, { args: [secret] }), `${secret} ${secret}`);
    await handle.signal(end, secret);
    // The client reads what nobody else can.
    await assert.rejects(handle.result(), (error: Error) => (error.cause as Error).message === `failed with ${secret}`);
    const { memo } = await handle.describe();
    assert.deepEqual(memo, { request: { secret }, view: { secret } });

    const history = JSON.stringify(await handle.fetchHistory());
    const raw = await client.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId: handle.workflowId },
    });
    const seen = plainText(history) + plainText(JSON.stringify(raw));
    assert.ok(!seen.includes(secret));
    assert.ok(!seen.includes('sealed.ts'), 'no stack of ours');
    assert.ok(!seen.includes('activity failed'));
    // The search saw what stands there: names do.
    assert.ok(seen.includes('fail') && seen.includes(handle.workflowId));
  });

  it('that nobody sealed, that were moved, changed or are nonsense, arrive as markers and wedge nothing', async () => {
    const [handle, other] = [await start(), await start()];
    const { events } = await other.fetchHistory();
    const [foreign] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    assert.ok(foreign);
    const { workflowId } = handle;
    await send(workflowId, 'hear', [
      { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('"by hand"') },
    ]);
    await send(workflowId, 'hear', [foreign]);
    await send(workflowId, 'hear', [
      { ...foreign, metadata: { ...foreign.metadata, 'workflow-id': Buffer.from(workflowId) } },
    ]);
    await send(workflowId, 'hear', [{ ...foreign, metadata: { ...foreign.metadata, 'key-id': Buffer.from('k9') } }]);
    await send(workflowId, 'hear', [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"') }]);
    await send(workflowId, 'hear', [{ metadata: { encoding: Buffer.from('no/such') }, data: randomBytes(8) }]);
    await send(workflowId, 'hear', [{}]);
    await handle.signal('hear', 'from us');

    const messages = await until(async () => {
      const all = await handle.query(heard, secret);
      return all.length === 10 ? all.slice(2) : undefined;
    });
    const reasons = ['unsealed', 'other-workflow', 'broken', 'unknown-key', 'unsealed', 'unsealed', 'unsealed'];
    assert.deepEqual(messages, [...reasons.map((unreadable) => ({ unreadable })), 'from us']);
    // Unsealed, and heard: what narrows is honoured from anyone.
    await send(workflowId, 'end', []);
    await assert.rejects(handle.result());
    await other.terminate();
  });

  it('are replayed with an older key after rotation', async () => {
    const handle = await start();
    await handle.signal(end, secret);
    await assert.rejects(handle.result());
    const history = await handle.fetchHistory();
    const rotated = dataConverter({ current: 'k2', keys: { ...keys.keys, k2: randomBytes(32) } });
    await Worker.runReplayHistory({ workflowBundle, dataConverter: rotated }, history, handle.workflowId);
  });

  it('that a client cannot open are an error with its reason, or a marker for one that lists', async () => {
    const handle = await start();
    const { connection } = client;
    const foreign: KeyRing = { current: 'k1', keys: { k1: randomBytes(32) } };
    const strict = new Client({ connection, namespace, dataConverter: dataConverter(foreign, 'throw') });
    await assert.rejects(strict.workflow.getHandle(handle.workflowId).describe(), (error: Error) => {
      const found = [error, error.cause].find((it) => it instanceof UnreadablePayload);
      assert.ok(found, String(error));
      return true;
    });
    const lenient = new Client({ connection, namespace, dataConverter: dataConverter(foreign) });
    const { memo } = await lenient.workflow.getHandle(handle.workflowId).describe();
    assert.deepEqual(memo, { request: { unreadable: 'broken' }, view: { unreadable: 'broken' } });
    await handle.terminate();
  });
});

/** The text, and whatever base64 in it decodes to. */
function plainText(json: string): string {
  const inside = [...json.matchAll(/"([A-Za-z0-9+/]{8,}={0,2})"/g)].map(([, text = '']) =>
    Buffer.from(text, 'base64').toString(),
  );
  return json + inside.join('\n');
}
