/** Seals on the real Temporal: what changed is sealed within two minutes, and numbers go on whatever becomes of the sealer. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createChains } from '../../activities/audit/chains.js';
import { openAuditFiles, type AuditFiles } from '../../activities/audit/files.js';
import { createSeals } from '../../activities/audit/seals.js';
import type { Tells } from '../../activities/contract.js';
import { createCodec } from '../../activities/platform/codec.js';
import type { PrivateJwk } from '../../activities/platform/keys.js';
import { createLog } from '../../activities/platform/log.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { keepSealing } from '../../workers/seals.js';
import { digest } from '../../workflows/domain/digest.js';
import { firstPrevious, type Head } from '../../workflows/domain/record.js';
import { sealType, type Seal } from '../../workflows/domain/seal.js';
import { verified } from '../../workflows/domain/signature.js';
import { decisionsQueue, grantIdFrom, grantWorkflowId, sealsId } from '../../workflows/ids.js';
import { seals } from '../../workflows/messages.js';
import { standInBundle } from '../support/bundle.js';
import { folder, ownTemporal, type Restartable, type TestTemporal } from '../support/services.js';
import { privateKey } from '../support/signer.js';
import { until } from '../support/until.js';
import { becomes } from '../support/workflows/grant.js';
import { patience } from '../../workers/bundle.js';

const keys = { current: 'test', keys: { test: randomBytes(32) } };
const installation = 'test';

describe('seals', function () {
  this.timeout(300_000);
  let server: TestTemporal & Restartable;
  let client: Client;
  let connection: Connection;
  let native: NativeConnection;
  let worker: Worker;
  let ran: Promise<void>;
  let key: PrivateJwk;
  let dir: string;
  let files: AuditFiles;
  let isDiskFull = false;
  const lines: string[] = [];
  const log = createLog('test', 'warn', (line) => lines.push(line));
  const stop = new AbortController();
  let keeping: Promise<void>;

  before(async () => {
    server = await ownTemporal();
    const { address, namespace } = server;
    connection = await Connection.connect({ address });
    native = await NativeConnection.connect({ address });
    client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'mark') });
    key = { ...(await privateKey('Ed25519')), kid: 'seals' };
    dir = await folder();
    files = openAuditFiles({ dir, fileBytesMax: 1_000_000, log });
    const publish: Tells['publish'] = async ({ seals: some = [] }) => {
      if (isDiskFull) throw new Error('the disk is full');
      await files.append(some.map((seal) => JSON.stringify({ seal })));
      for (const seal of some) await files.keepSeal(seal);
    };
    worker = await Worker.create({
      connection: native,
      namespace,
      taskQueue: decisionsQueue,
      workflowBundle: await standInBundle(),
      dataConverter: dataConverter(keys),
      ...patience,
      activities: {
        ...createChains({
          client,
          installation,
          apiKeys: { current: () => ({ keys: [] }) },
          receiptKeys: { current: () => [] },
          files,
          sealKey: key,
        }),
        ...createSeals({ client, codec: createCodec(keys, 'mark'), installation, key, log }),
        publish,
      },
      shutdownGraceTime: '1s',
    });
    ran = worker.run();
  });

  after(async () => {
    stop.abort();
    await keeping;
    worker.shutdown();
    await ran;
    await files.close();
    await native.close();
    await connection.close();
    await server.stop();
  });

  /** A chain whose workflow shows this head. */
  async function chain(head: Head, sealedWith = client): Promise<string> {
    const workflowId = grantWorkflowId(grantIdFrom(randomBytes(17)));
    await sealedWith.workflow.start('grant', { workflowId, taskQueue: decisionsQueue, args: [{ head }] });
    return workflowId;
  }

  const headOf = (sequence: number): Head => ({ sequence, hash: digest({ sequence }) });

  /** Every seal in the files, read and verified. */
  async function sealed(): Promise<Seal[]> {
    const names = (await readdir(dir)).filter((name) => name.endsWith('.jsonl'));
    const texts = await Promise.all(names.map((name) => readFile(join(dir, name), 'utf8')));
    const all = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '');
    return all.map((line) => {
      const found = verified((JSON.parse(line) as { seal: string }).seal, sealType, [{ kid: 'seals', x: key.x ?? '' }]);
      assert.ok(found, 'signed');
      return found.payload as Seal;
    });
  }

  const has = (all: Seal[], workflowId: string, { sequence, hash }: Head): boolean =>
    all.some(({ heads }) =>
      heads.some((head) => head.chain === workflowId && head.sequence === sequence && head.hash === hash),
    );

  it('hold the head of a chain within two minutes of its last change, each one once chained to the one before', async () => {
    const first = await chain(headOf(3));
    keeping = keepSealing(client, log, stop.signal);
    await until(async () => has(await sealed(), first, headOf(3)), { what: 'the first seal', withinMs: 60_000 });
    const later = await chain(headOf(1));
    await client.workflow.getHandle(first).signal(becomes, { head: headOf(9) });
    const changedAt = Date.now();
    await until(async () => has(await sealed(), first, headOf(9)) && has(await sealed(), later, headOf(1)), {
      what: 'the seal of what changed',
      withinMs: 120_000,
      everyMs: 500,
    });
    assert.ok(Date.now() - changedAt < 120_000);
    await wholeChain();
  });

  it('go on with the next number after the sealer was terminated, at once and with what was sealed in between', async () => {
    const before = (await sealed()).length;
    await client.workflow.getHandle(sealsId).terminate('by hand');
    const changed = await chain(headOf(4));
    await until(async () => has(await sealed(), changed, headOf(4)), { what: 'the next seal', withinMs: 90_000 });
    assert.ok((await sealed()).length > before);
    await wholeChain();
    const answered = await client.workflow.getHandle(sealsId).query(seals, before);
    assert.equal(answered.length, (await sealed()).length - before);
  });

  it('go on with the next number when somebody starts the sealer with a number and a time of their own', async () => {
    const handle = client.workflow.getHandle(sealsId);
    const before = (await sealed()).length;
    const changed = await chain(headOf(6));
    await handle.terminate('by hand');
    const chosen = { number: 1_000, digest: 'a'.repeat(64), since: Date.now() + 3_600_000 };
    await client.workflow.start('seals', { workflowId: sealsId, taskQueue: 'nowhere', args: [chosen] });
    await handle.terminate('by hand');
    const start = { workflowId: sealsId, taskQueue: decisionsQueue, args: [chosen] };
    // The launcher starts it again within the minute; whoever comes first.
    await client.workflow.start('seals', { ...start, workflowIdConflictPolicy: 'TERMINATE_EXISTING' });
    await until(async () => has(await sealed(), changed, headOf(6)), { what: 'the next seal', withinMs: 90_000 });
    assert.ok((await sealed()).length > before);
    await wholeChain();
  });

  it('go on with the next number even where Temporal has forgotten every run, from what is in the files', async () => {
    const { sealKey, elsewhere } = { sealKey: key, elsewhere: 'other' };
    const chains = (dirOf: AuditFiles, name = installation) =>
      createChains({
        client: new Client({
          connection,
          namespace: server.namespace,
          dataConverter: dataConverter(otherKeys, 'mark'),
        }),
        installation: name,
        apiKeys: { current: () => ({ keys: [] }) },
        receiptKeys: { current: () => [] },
        files: dirOf,
        sealKey,
      });
    // What this client can open of earlier runs: nothing.
    const newest = (await sealed()).at(-1);
    assert.ok(newest);
    const found = await chains(files).lastSeal();
    assert.deepEqual(found, { number: newest.number, digest: digest(newest), since: newest.at });
    // A seal of somebody else counts for nothing.
    assert.equal((await chains(files, elsewhere).lastSeal()).number, 0);
    const forged = openAuditFiles({ dir: await folder(), fileBytesMax: 1_000, log });
    await forged.keepSeal('a.b.c');
    assert.equal((await chains(forged).lastSeal()).number, 0);
  });

  it('leave out what nobody can read, say so, and seal all the others', async () => {
    const foreign = new Client({ connection, namespace: server.namespace, dataConverter: dataConverter(otherKeys) });
    const unreadable = grantWorkflowId(grantIdFrom(randomBytes(17)));
    await foreign.workflow.start('grant', {
      workflowId: unreadable,
      taskQueue: 'nobody',
      memo: { view: { head: headOf(1) } },
      searchAttributes: { ChangedAt: [new Date()] },
    });
    const activities = createSeals({ client, codec: createCodec(keys, 'mark'), installation, key, log });
    const fine = await chain(headOf(2));
    const ask = () => activities.seal({ number: 1, previous: firstPrevious, since: Date.now() - 60_000 });
    const signed = await until(async () => {
      const { seal = '' } = await ask();
      const found = verified(seal, sealType, [{ kid: 'seals', x: key.x ?? '' }])?.payload as Seal | undefined;
      return found && has([found], fine, headOf(2)) ? found : undefined;
    });
    assert.ok(!signed.heads.some((head) => head.chain === unreadable));
    assert.ok(lines.some((line) => line.includes(unreadable)));
  });

  it('show in visibility long before the overlap of two looks is over', async () => {
    const delays: number[] = [];
    for (let count = 0; count < 20; count += 1) {
      const workflowId = await chain(headOf(count + 1));
      await until(async () => (await client.workflow.getHandle(workflowId).describe()).memo?.['view']);
      const from = performance.now();
      const query = `WorkflowId = '${workflowId}' AND ChangedAt > '2026-01-01T00:00:00Z'`;
      await until(async () => (await client.workflow.count(query)).count === 1, { everyMs: 5 });
      delays.push(performance.now() - from);
    }
    const worst = Math.max(...delays);
    assert.ok(worst < 10_000, `${worst} ms`);
  });

  it('are not made without end while they cannot be written, and all are written when they can', async () => {
    isDiskFull = true;
    const changed = await chain(headOf(5));
    const before = (await sealed()).length;
    const isMade = async () => (await client.workflow.getHandle(sealsId).query(seals, before)).length > 0;
    await until(isMade, { what: 'a seal that is made', withinMs: 90_000, everyMs: 500 });
    assert.equal((await sealed()).length, before);
    isDiskFull = false;
    await until(async () => has(await sealed(), changed, headOf(5)), { what: 'the seal', withinMs: 120_000 });
    await wholeChain();
  });

  async function wholeChain(): Promise<void> {
    const all = await sealed();
    let previous = firstPrevious;
    for (const [index, seal] of all.entries()) {
      assert.equal(seal.number, index + 1);
      assert.equal(seal.previous, previous);
      previous = digest(seal);
    }
  }
});

const otherKeys = { current: 'other', keys: { other: randomBytes(32) } };
