/** The activity `tell` on the real Temporal, with a real Redis and a real SMTP server. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Redis } from 'ioredis';
import { openAuditFiles } from '../../activities/audit/files.js';
import type { Change } from '../../activities/contract.js';
import { connectMailer, type Mailer } from '../../activities/mail/mailer.js';
import { createNotify } from '../../activities/notify.js';
import { createLog } from '../../activities/platform/log.js';
import { connectRedis } from '../../activities/platform/redis.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { createPublish, recordsStream } from '../../activities/publish.js';
import { createTells, type TellDeps } from '../../activities/tell.js';
import { changedChannel } from '../../workflows/ids.js';
import { standInBundle } from '../support/bundle.js';
import { change, exampleDirectory } from '../support/change.js';
import { folder, ownRedis, temporal, type TestRedis } from '../support/services.js';
import { startSmtp, type TestSmtp } from '../support/smtp.js';
import { until } from '../support/until.js';

const log = createLog('test', 'fatal');
const keys = { current: 'test', keys: { test: randomBytes(32) } };
const taskQueue = `tell-${randomUUID()}`;

describe('telling a change', function () {
  this.timeout(60_000);
  let client: Client;
  let connection: Connection;
  let native: NativeConnection;
  let worker: Worker;
  let running: Promise<void>;
  let server: TestRedis;
  let redis: Redis;
  let smtp: TestSmtp;
  let mailer: Mailer;
  /** How often the baselines were told, and what they answer. */
  let noted: Change[];
  let note: TellDeps['baselines']['note'];

  before(async () => {
    const { address, namespace } = await temporal();
    server = await ownRedis();
    redis = connectRedis(server.url);
    smtp = await startSmtp();
    mailer = connectMailer(smtp.url, 'Daypass <daypass@localhost>');
    connection = await Connection.connect({ address });
    native = await NativeConnection.connect({ address });
    client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'throw') });
    const policy = { current: () => exampleDirectory() };
    const deps: TellDeps = {
      publish: createPublish(redis),
      files: openAuditFiles({ dir: await folder(), fileBytesMax: 1_000_000, log }),
      notify: createNotify({ mailer, redis, policy, portalUrl: 'http://localhost:7300', log }),
      baselines: { note: (it) => note(it) },
      log,
    };
    worker = await Worker.create({
      connection: native,
      namespace,
      taskQueue,
      dataConverter: dataConverter(keys),
      workflowBundle: await standInBundle(),
      activities: createTells(deps),
    });
    running = worker.run();
  });

  beforeEach(() => {
    noted = [];
    note = async (it) => void noted.push(it);
    smtp.taken.length = 0;
  });

  after(async () => {
    worker.shutdown();
    await running;
    await native.close();
    await connection.close();
    mailer.close();
    redis.disconnect();
    await smtp.stop();
  });

  const start = (it: Change) =>
    client.workflow.start('telling', { taskQueue, workflowId: `telling/${randomUUID()}`, args: [it] });
  const lines = async () => (await redis.xrange(recordsStream, '-', '+')).map(([, fields]) => fields);

  it('shows in the live view within a second, and reaches the stream, people and baselines', async () => {
    const watching = connectRedis(server.url);
    await until(() => watching.status === 'ready', { what: 'the connection of the live view' });
    const seen = new Promise<{ id: string; at: number }>((resolve) => {
      watching.on('message', (_channel, id: string) => resolve({ id, at: Date.now() }));
    });
    await watching.subscribe(changedChannel);
    const it = change({ news: [{ kind: 'asked', to: ['person:owner'] }], records: 3 });
    const before = Date.now();
    const handle = await start(it);
    const { id, at } = await seen;
    assert.equal(id, it.view.grantId);
    assert.ok(at - before < 1000, `${at - before} ms`);
    await handle.result();
    assert.equal((await lines()).length, 3);
    assert.deepEqual(JSON.parse((await lines())[0]?.[5] ?? ''), it.records[0]);
    assert.equal(smtp.taken.length, 1);
    assert.equal(noted.length, 1);
    watching.disconnect();
  });

  it('appends each record once, though tells overlap, repeat, and come out of order', async () => {
    await redis.del(recordsStream);
    const it = change({ records: 4 });
    const part = (from: number, to: number): Change => ({ ...it, records: it.records.slice(from, to) });
    for (const [from, to] of [
      [2, 4],
      [0, 2],
      [0, 4],
      [1, 3],
    ] as const) {
      await (await start(part(from, to))).result();
    }
    const sequences = (await lines()).map((fields) => (JSON.parse(fields[5] ?? '') as { sequence: number }).sequence);
    assert.deepEqual(sequences, [3, 4, 1, 2]);
  });

  it('repeats only what failed', async () => {
    let failures = 3;
    note = async (it) => {
      noted.push(it);
      failures -= 1;
      if (failures >= 0) throw new Error('baselines are away');
    };
    let published = 0;
    const watching = connectRedis(server.url);
    await until(() => watching.status === 'ready');
    watching.on('message', () => (published += 1));
    await watching.subscribe(changedChannel);
    await (await start(change({ news: [{ kind: 'asked', to: ['person:owner'] }] }))).result();
    assert.equal(noted.length, 4);
    assert.equal(smtp.taken.length, 1);
    assert.equal(published, 1);
    watching.disconnect();
  });

  it('keeps the live view and the record when mail cannot be sent, and sends it later, once', async () => {
    await redis.del(recordsStream);
    const port = Number(new URL(smtp.url).port);
    await smtp.stop();
    const handle = await start(change({ news: [{ kind: 'asked', to: ['group:db-owners'] }], records: 2 }));
    await until(async () => (await lines()).length === 2, { what: 'the records in the stream' });
    await until(() => noted.length === 1, { what: 'the baselines' });
    smtp = await startSmtp(port);
    await handle.result();
    assert.equal(smtp.taken.length, 2);
    assert.equal(noted.length, 1);
  });

  it('sends mail while Redis is away, and publishes when it is back', async () => {
    await server.stop();
    const it = change({ news: [{ kind: 'asked', to: ['group:db-owners'] }], records: 2 });
    const handle = await start(it);
    await until(() => smtp.taken.length === 2, { what: 'the mails' });
    await server.start();
    await handle.result();
    assert.equal(smtp.taken.length, 2);
    assert.ok((await lines()).some((fields) => fields.includes(`grant/${it.view.grantId}`)));
  });

  it('says in history which part is missing, and nothing of what the servers said', async () => {
    note = async () => {
      throw new Error('password=hunter2 for Engineer');
    };
    const handle = await start(change());
    const pending = await until(async () => (await handle.describe()).raw.pendingActivities?.[0]?.lastFailure, {
      what: 'the failure of the activity',
    });
    assert.doesNotMatch(JSON.stringify(pending), /hunter2|Engineer/);
    note = async () => undefined;
    await handle.result();
  });
});
