/** The workflow of a person on the real server: found or started by its first passkey, read without a worker, kept for ever. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { exportJWK, generateKeyPair } from 'jose';
import { createChains } from '../../activities/audit/chains.js';
import { signStatement } from '../../activities/platform/jws.js';
import type { PrivateJwk } from '../../activities/platform/keys.js';
import { createLog } from '../../activities/platform/log.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { createPeople, type People } from '../../api/people.js';
import { Problem } from '../../api/problem.js';
import type { Enrolment, PersonView } from '../../workflows/domain/passkeys.js';
import { firstBroken, type AuditRecord } from '../../workflows/domain/record.js';
import { decisionsQueue, personWorkflowId } from '../../workflows/ids.js';
import * as messages from '../../workflows/passkey-messages.js';
import { workflowBundle } from '../support/bundle.js';
import { temporal } from '../support/services.js';
import { until } from '../support/until.js';
import { patience } from '../../workers/bundle.js';

const installation = 'test';

describe('the workflow of a person', function () {
  this.timeout(60_000);
  let client: Client;
  let native: NativeConnection;
  let worker: Worker;
  let ran: Promise<void>;
  let people: People;
  let key: PrivateJwk;
  const keys = { current: 'test', keys: { test: randomBytes(32) } };
  const published: AuditRecord[] = [];
  const publish = async ({ records }: { records: AuditRecord[] }): Promise<void> => void published.push(...records);

  before(async () => {
    const { address, namespace } = await temporal();
    client = new Client({
      connection: await Connection.connect({ address }),
      namespace,
      dataConverter: dataConverter(keys, 'throw'),
    });
    native = await NativeConnection.connect({ address });
    const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    const { x = '', d = '' } = await exportJWK(privateKey);
    key = { kty: 'OKP', crv: 'Ed25519', x, d, kid: 'api' };
    const apiKeys = { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: 'api' }] };
    people = createPeople({ client, installation, apiKeys: () => apiKeys, log: createLog('test', 'fatal') });
    await work();
  });
  after(async () => {
    await rest();
    await native.close();
    await client.connection.close();
  });

  async function work(): Promise<void> {
    const chains = createChains({
      client,
      installation,
      apiKeys: { current: () => ({ keys: [] }) },
      receiptKeys: { current: () => [] },
      files: { newestSeal: () => Promise.resolve(undefined) },
      sealKey: key,
    });
    worker = await Worker.create({
      connection: native,
      namespace: client.options.namespace,
      dataConverter: dataConverter(keys),
      shutdownGraceTime: '1s',
      shutdownForceTime: '3s',
      taskQueue: decisionsQueue,
      workflowBundle: await workflowBundle(),
      activities: { ...chains, publish },
      stickyQueueScheduleToStartTimeout: '2s',
      ...patience,
    });
    ran = worker.run();
  }

  async function rest(): Promise<void> {
    worker.shutdown();
    await ran;
  }

  const someone = (): string => `p${randomUUID().slice(0, 8)}`;

  async function enrolment(personId: string, more: Partial<Enrolment> & { actor?: string } = {}): Promise<Enrolment> {
    const { actor = `person:${personId}`, ...rest } = more;
    const credentialId = rest.credentialId ?? randomBytes(16).toString('base64url');
    const publicKey = rest.publicKey ?? randomBytes(77).toString('base64url');
    const signIn = { time: Date.now(), methods: ['pwd'], groups: ['managers'] };
    const statement = {
      type: 'passkey',
      installation,
      actor,
      signIn,
      issuedAt: Date.now(),
      credentialId,
      publicKey,
    } as const;
    const evidence = await signStatement(statement, key);
    const usual = { name: 'Laptop', counter: 0, transports: ['internal'], backedUp: false, by: `person:${personId}` };
    return { ...usual, credentialId, publicKey, evidence, ...rest };
  }

  const use = (credentialId: string, counter: number, challenge: string = randomUUID()) =>
    ({ credentialId, challenge, counter, for: 'approve', by: 'person:x' }) as const;
  const code = (expected: string) => (error: unknown) => error instanceof Problem && error.code === expected;

  it('starts with the first passkey, finds itself with the second, and is read while no worker is there', async () => {
    const id = someone();
    assert.deepEqual(await people.passkeysOf(id), []);
    const first = await enrolment(id);
    await people.enrol(id, first);
    await people.enrol(id, await enrolment(id, { name: 'Key ring' }));
    await people.rename(id, { credentialId: first.credentialId, name: 'Work laptop', by: `person:${id}` });
    await rest();
    try {
      assert.deepEqual(
        (await people.passkeysOf(id)).map(({ name }) => name),
        ['Work laptop', 'Key ring'],
      );
    } finally {
      await work();
    }
    // Who asks before the new worker has taken a task may be told to send the same again.
    const handle = client.workflow.getHandle(personWorkflowId(id));
    await until(() => handle.query(messages.record), { withinMs: 30_000, what: 'an answer of the new worker' });
    await people.remove(id, { credentialId: first.credentialId, by: `person:${id}` });
    assert.deepEqual(
      (await people.passkeysOf(id)).map(({ name }) => name),
      ['Key ring'],
    );
    await assert.rejects(people.enrol(id, first), code('passkey-exists'));
  });

  it('lets a proof count once, of two at the same time too', async () => {
    const id = someone();
    const { credentialId, ...more } = await enrolment(id);
    await people.enrol(id, { credentialId, ...more });
    const proof = use(credentialId, 0);
    const both = await Promise.allSettled([people.use(id, proof), people.use(id, proof)]);
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    await assert.rejects(people.use(id, proof), code('passkey-replayed'));
    await people.use(id, use(credentialId, 5));
    await assert.rejects(people.use(id, use(credentialId, 5)), code('passkey-counter'));
    await assert.rejects(people.use(id, use('another', 5)), code('passkey-unknown'));
    await assert.rejects(people.use(someone(), proof), code('passkey-unknown'));
  });

  it('counts no entry that its API did not sign for exactly this person, whoever put it there', async () => {
    const id = someone();
    const mine = await enrolment(id);
    await people.enrol(id, mine);
    const other = await enrolment(id, { actor: 'person:other' });
    const moved = { ...(await enrolment(id)), evidence: mine.evidence };
    const unsigned = { ...(await enrolment(id)), evidence: 'x.y.z' };
    // As anyone can who reaches Temporal with the codec's keys.
    const handle = client.workflow.getHandle(personWorkflowId(id));
    for (const forged of [other, moved, unsigned]) await handle.executeUpdate(messages.enrol, { args: [forged] });
    assert.deepEqual(
      (await people.passkeysOf(id)).map(({ credentialId }) => credentialId),
      [mine.credentialId],
    );
  });

  it('is not wedged by messages of any shape, and takes removals of anyone', async () => {
    const id = someone();
    const mine = await enrolment(id);
    await people.enrol(id, mine);
    const handle = client.workflow.getHandle(personWorkflowId(id));
    const wrong = [{ credentialId: 'no id!' }, { ...mine, counter: -1, name: '', credentialId: '' }];
    const nonsense: unknown[] = [undefined, null, {}, [], 'x', 7, ...wrong];
    for (const name of ['enrol', 'rename', 'use', 'remove', 'unheard-of']) {
      for (const raw of nonsense) await assert.rejects(handle.executeUpdate(name, { args: [raw] }));
    }
    await handle.cancel();
    await handle.executeUpdate('remove', { args: [{ credentialId: mine.credentialId }] });
    assert.deepEqual(await people.passkeysOf(id), []);
    const record = await handle.query(messages.record);
    assert.deepEqual(record.at(-1)?.by, 'unverified:signal');
  });

  it('hands its state and its chain on when a run has grown long, and publishes every record', async function () {
    // Some three hundred updates, one after the other.
    this.timeout(150_000);
    const id = someone();
    const { credentialId, ...more } = await enrolment(id);
    await people.enrol(id, { credentialId, ...more });
    const handle = client.workflow.getHandle(personWorkflowId(id));
    const { runId } = await handle.describe();
    let names = 0;
    const rename = async () => people.rename(id, { credentialId, name: `Laptop ${(names += 1)}`, by: `person:${id}` });
    await until(
      async () => {
        for (let n = 0; n < 20; n += 1) await rename();
        return (await handle.describe()).runId !== runId;
      },
      { withinMs: 120_000, everyMs: 1, what: 'another run' },
    );
    assert.equal((await people.passkeysOf(id)).length, 1);
    await rename();
    const [known] = await people.passkeysOf(id);
    assert.equal(known?.name, `Laptop ${names}`);
    await assert.rejects(people.enrol(id, { credentialId, ...more }), code('passkey-exists'));
    const chain = () => published.filter((one) => one.chain === `person/${id}`);
    await until(async () => chain().length === names + 1, { withinMs: 10_000, everyMs: 50, what: 'all records' });
    assert.equal(firstBroken(chain()), undefined);
    assert.equal(chain().at(-1)?.sequence, names + 1);
    const { records } = { records: await handle.query(messages.record, names) };
    assert.deepEqual(
      records.map(({ sequence }) => sequence),
      [names + 1],
    );
  });

  it('is not started a second time by a state of somebody’s own choosing, nor by six runs that do nothing', async () => {
    const id = someone();
    const workflowId = personWorkflowId(id);
    const handle = client.workflow.getHandle(workflowId);
    const chain = () => published.filter((one) => one.chain === workflowId);
    // What was not yet published when it was ended by force, its chain lacks.
    const isTold = async (records: number) => until(() => chain().length === records, { what: `${records} records` });
    await people.enrol(id, await enrolment(id));
    await people.enrol(id, await enrolment(id));
    await isTold(2);
    const before = { sequence: 0, hash: '0'.repeat(64) };
    const chosen = { personId: id, passkeys: [], removed: [], answered: [], records: [], before, published: 1e9 };
    for (const [at, handed] of [chosen, { ...chosen, personId: 'other' }, undefined].entries()) {
      await handle.terminate('by hand');
      const retry = { maximumAttempts: 3 };
      await client.workflow.start('person', { workflowId, taskQueue: decisionsQueue, args: [handed], retry });
      await people.enrol(id, await enrolment(id));
      assert.equal((await people.passkeysOf(id)).length, 1);
      await isTold(3 + at);
    }
    await handle.terminate('by hand');
    for (let runs = 0; runs < 6; runs += 1) {
      await client.workflow.start('person', { workflowId, taskQueue: 'nowhere' });
      await handle.terminate('by hand');
    }
    await people.enrol(id, await enrolment(id));
    await isTold(6);
    assert.equal(firstBroken(chain()), undefined);
    assert.equal(chain().at(-1)?.sequence, 6);
  });

  it('believes nothing of a run that is tried again, which looks as if it went on', async () => {
    const id = someone();
    const workflowId = personWorkflowId(id);
    const before = { sequence: 5, hash: 'a'.repeat(64) };
    const chosen = { personId: id, passkeys: [], removed: [], answered: [], records: [], before, published: 1e9 };
    await client.workflow.start('person', {
      workflowId,
      taskQueue: decisionsQueue,
      args: [chosen],
      retry: { maximumAttempts: 1_000 },
      workflowRunTimeout: '1s',
    });
    const first = await client.workflow.getHandle(workflowId).describe();
    const again = await until(async () => {
      const now = await client.workflow.getHandle(workflowId).describe();
      return now.runId === first.runId ? undefined : now.memo?.['view'];
    });
    assert.deepEqual((again as PersonView).head.sequence, 0);
    await client.workflow.getHandle(workflowId).terminate('by hand');
  });
});
