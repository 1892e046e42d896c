/** The journal on the real Temporal: a line counts with its signature alone, once, and nobody can stop or flood the chain. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createChains } from '../../activities/audit/chains.js';
import { createStrayNotes } from '../../activities/audit/stray.js';
import type { Removal, Tells } from '../../activities/contract.js';
import { signAs, signStatement } from '../../activities/platform/jws.js';
import type { JwkSet, PrivateJwk } from '../../activities/platform/keys.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { createJournal } from '../../api/journal.js';
import { Problem } from '../../api/problem.js';
import { receiptType, type ReceiptKey } from '../../workflows/domain/receipt.js';
import { firstBroken, type AuditRecord, type Head } from '../../workflows/domain/record.js';
import { decisionsQueue, grantIdFrom, journalId } from '../../workflows/ids.js';
import { note, record, strayFound } from '../../workflows/messages.js';
import { workflowBundle } from '../support/bundle.js';
import { ownTemporal, type Restartable, type TestTemporal } from '../support/services.js';
import { privateKey } from '../support/signer.js';
import { until } from '../support/until.js';

const keys = { current: 'test', keys: { test: randomBytes(32) } };
const installation = 'test';

describe('the journal', function () {
  this.timeout(120_000);
  let server: TestTemporal & Restartable;
  let client: Client;
  let connection: Connection;
  let native: NativeConnection;
  let worker: { worker: Worker; ran: Promise<void> } | undefined;
  let api: PrivateJwk;
  let connector: PrivateJwk;
  let apiKeys: JwkSet;
  let receiptKeys: ReceiptKey[];
  /** What the sinks have, by `publish`. */
  let published: AuditRecord[];
  let publish: Tells['publish'];

  before(async () => {
    server = await ownTemporal();
    const { address, namespace } = server;
    connection = await Connection.connect({ address });
    native = await NativeConnection.connect({ address });
    client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'mark') });
    api = { ...(await privateKey('Ed25519')), kid: 'api' };
    connector = { ...(await privateKey('Ed25519')), kid: 'connector' };
    apiKeys = { keys: [publicOf(api)] };
    receiptKeys = [{ kid: 'connector', x: connector.x ?? '', targets: ['orders-db'] }];
    await startWorker();
  });

  beforeEach(() => {
    published = [];
    publish = async ({ records }) => void published.push(...records);
  });

  after(async () => {
    await stopWorker();
    await native.close();
    await connection.close();
    await server.stop();
  });

  async function startWorker(): Promise<void> {
    const chains = createChains({
      client,
      installation,
      apiKeys: { current: () => apiKeys },
      receiptKeys: { current: () => receiptKeys },
      files: { newestSeal: () => Promise.resolve(undefined) },
      sealKey: api,
    });
    const made = await Worker.create({
      connection: native,
      namespace: server.namespace,
      taskQueue: decisionsQueue,
      workflowBundle: await workflowBundle(),
      dataConverter: dataConverter(keys),
      activities: { ...chains, publish: (input: Parameters<Tells['publish']>[0]) => publish(input) },
      shutdownGraceTime: '1s',
    });
    worker = { worker: made, ran: made.run() };
  }

  async function stopWorker(): Promise<void> {
    worker?.worker.shutdown();
    await worker?.ran;
    worker = undefined;
  }

  const handle = () => client.workflow.getHandle(journalId);
  const journal = (key = api) => createJournal({ client, installation, key });
  const opens = (workflows: string[]) => journal().note('payloads-opened', 'person:operator', { workflows });
  const many = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent += 10) {
      await Promise.all(Array.from({ length: Math.min(10, count - sent) }, (_, at) => opens([`grant/${sent + at}`])));
    }
  };
  const statement = (key: PrivateJwk, change: object = {}) =>
    signStatement(
      {
        type: 'note',
        installation,
        noteId: randomUUID(),
        issuedAt: Date.now(),
        event: 'audit-exported',
        by: 'person:auditor',
        detail: { format: 'jsonl' },
        ...change,
      },
      key,
    );

  /** The whole chain, over all runs, by the runs' own answers. */
  async function chain(): Promise<AuditRecord[]> {
    const all: AuditRecord[] = [];
    for await (const { runId, status } of client.workflow.list({ query: `WorkflowId = '${journalId}'` })) {
      if (emptyRuns.has(runId)) continue;
      const records = closedRuns.get(runId) ?? (await recordsOf(runId));
      if (status.name !== 'RUNNING') closedRuns.set(runId, records);
      all.push(...records);
    }
    return all.sort((a, b) => a.sequence - b.sequence);
  }

  /** They say no more than they said once. */
  const closedRuns = new Map<string, AuditRecord[]>();

  /** Nothing was ever said in them, and no worker can be asked about them. */
  const emptyRuns = new Set<string>();

  /** The sealed input of a run that a run before it began, and where the chain stood then. */
  async function handedOnBefore(): Promise<{ inputs?: Payload[]; last: number }> {
    for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${journalId}'` })) {
      const { events } = await client.workflow.getHandle(journalId, runId).fetchHistory();
      const started = events?.[0]?.workflowExecutionStartedEventAttributes;
      if (!started?.continuedExecutionRunId) continue;
      const [first] = await recordsOf(runId);
      if (first) return { inputs: started.input?.payloads ?? [], last: first.sequence };
    }
    return { last: 0 };
  }

  async function recordsOf(runId: string): Promise<AuditRecord[]> {
    const records: AuditRecord[] = [];
    for (;;) {
      const page = await client.workflow.getHandle(journalId, runId).query(record, records.at(-1)?.sequence ?? 0);
      if (page.length === 0) return records;
      records.push(...page);
    }
  }

  const newest = async (after: number): Promise<AuditRecord[]> =>
    (await chain()).filter((each) => each.sequence > after);
  const headNow = async (): Promise<number> => {
    try {
      const { memo } = await handle().describe();
      return (memo?.['view'] as { head: { sequence: number } } | undefined)?.head.sequence ?? 0;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 0;
      throw error;
    }
  };
  const reaches = (sequence: number) =>
    until(async () => (await headNow()) >= sequence, { what: `record ${sequence}`, withinMs: 60_000 });

  afterEach(async () => {
    const all = await chain();
    assert.equal(firstBroken(all), undefined);
    const described = await handle().describe();
    assert.equal(described.status.name, 'RUNNING');
  });

  it('begins with the first note, which stands in it with the signature of the API', async () => {
    const before = Date.now();
    await opens(['grant/a']);
    await reaches(1);
    const [first] = await chain();
    assert.equal(first?.type, 'payloads-opened');
    assert.equal(first.by, 'person:operator');
    assert.deepEqual(first.detail['workflows'], ['grant/a']);
    assert.equal(typeof first.detail['evidence'], 'string');
    assert.ok(first.at >= before - 1_000);
    await until(() => published.length === 1, { what: 'the publication' });
    const { searchAttributes } = await handle().describe();
    assert.ok(searchAttributes['ChangedAt'], 'so that the sealer finds it');
  });

  it('takes a note once, however often it is sent, also when it comes again runs later', async () => {
    const head = await headNow();
    const sent = { statement: await statement(api) };
    for (let times = 0; times < 3; times += 1) await handle().signal(note, sent);
    await opens(['grant/b']);
    await reaches(head + 2);
    const run = (await handle().describe()).runId;
    await many(105);
    await until(async () => (await handle().describe()).runId !== run, { what: 'another run', withinMs: 30_000 });
    await reaches(head + 107);
    await handle().signal(note, sent);
    await opens(['grant/c']);
    await reaches(head + 108);
    const all = await chain();
    assert.equal(all.length, head + 108);
    assert.equal(all.filter(({ type }) => type === 'audit-exported').length, 1);
    await until(() => published.length === 108, { what: 'all publications' });
    assert.deepEqual(published, await newest(head));
  });

  it('records what the API did not sign as such, a few times, and counts the rest', async () => {
    const stranger = { ...(await privateKey('Ed25519')), kid: 'api' };
    const head = await headNow();
    const unsealed = new Client({ connection, namespace: server.namespace });
    const forged = [
      { statement: await statement(stranger) },
      { statement: await statement(api, { installation: 'another' }) },
      { statement: await statement(api, { event: 'note-refused' }) },
      { statement: await statement(api, { event: 'stray-removed' }) },
      { statement: await signAs('daypass-receipt+jws', { type: 'note', installation }, api) },
      { statement: 'a.b.c' },
      { statement: 7 } as unknown as { statement: string },
      {} as { statement: string },
    ];
    for (const each of forged) await handle().signal(note, each);
    await unsealed.workflow.getHandle(journalId).signal(note, { statement: await statement(api) });
    await unsealed.workflow.getHandle(journalId).signal('note');
    await opens(['grant/d']);
    await reaches(head + 6);
    await until(async () => (await newest(head)).length === 6, { what: 'five refusals and the note' });
    const types = (await newest(head)).map(({ type }) => type).sort();
    assert.deepEqual(types, [...Array<string>(5).fill('note-refused'), 'payloads-opened']);
    const run = (await handle().describe()).runId;
    await many(100);
    await until(async () => (await handle().describe()).runId !== run, { what: 'another run', withinMs: 30_000 });
    const counted = (await newest(head))
      .filter(({ type }) => type === 'note-refused')
      .map(({ detail }) => detail['count']);
    assert.deepEqual(counted, [1, 1, 1, 1, 1, 5]);
  });

  it('believes a new key once it is pinned, and a retired one no longer than its time, whatever date it signs', async () => {
    const next = { ...(await privateKey('Ed25519')), kid: 'next' };
    const head = await headNow();
    const now = Date.now();
    apiKeys = { keys: [{ ...publicOf(api), until: now + 3_600_000 }, publicOf(next)] };
    await journal(next).note('audit-exported', 'person:auditor', { format: 'csv' });
    await handle().signal(note, { statement: await statement(api) });
    await reaches(head + 2);
    apiKeys = { keys: [{ ...publicOf(api), until: now - 60_000 }, publicOf(next)] };
    await handle().terminate('for the keys of now');
    await journal(next).note('audit-exported', 'person:auditor', { format: 'csv' });
    await handle().signal(note, { statement: await statement(api, { issuedAt: now - 120_000 }) });
    await handle().signal(note, { statement: await statement(api, { issuedAt: now }) });
    await reaches(head + 5);
    assert.deepEqual(
      (await newest(head)).map(({ type }) => type),
      ['audit-exported', 'audit-exported', 'audit-exported', 'note-refused', 'note-refused'],
    );
    apiKeys = { keys: [publicOf(api)] };
    await handle().terminate('for the keys of before');
    await opens(['grant/e']);
    await reaches(head + 6);
  });

  it('goes on where it was after it was terminated, and is not ended by a cancellation', async () => {
    await opens(['grant/f']);
    const head = await headNow();
    await handle().cancel();
    await opens(['grant/g']);
    await until(async () => (await headNow()) > head);
    const before = await chain();
    await until(async () => (await headNow()) === before.length);
    await handle().terminate('by hand');
    await assert.rejects(handle().result(), WorkflowFailedError);
    const old = await statement(api, { issuedAt: Date.now() - 3_600_000 });
    await opens(['grant/h']);
    await reaches(before.length + 1);
    await handle().signal(note, { statement: old });
    await reaches(before.length + 2);
    const all = await chain();
    assert.deepEqual(all.slice(0, before.length), before);
    assert.deepEqual(
      all.slice(before.length).map(({ type }) => type),
      ['payloads-opened', 'note-refused'],
    );
    // The API did sign it: what it says is not lost.
    assert.equal(all.at(-1)?.detail['evidence'], old);
  });

  it('goes on where it was when somebody starts it with a state of their own, or with that of an older run', async () => {
    const { inputs, last } = await handedOnBefore();
    assert.ok(inputs, 'a run that was continued');
    const start = async (args: unknown[], sealedAs = client) => {
      await handle().terminate('by hand');
      const retry = { maximumAttempts: 3 };
      await sealedAs.workflow.start('journal', { workflowId: journalId, taskQueue: decisionsQueue, args, retry });
    };
    const { memo } = await handle().describe();
    const { head: now } = memo?.['view'] as { head: Head };
    await start([{ head: now, noted: [], strays: [], forgottenBefore: 8e15 }]);
    await opens(['grant/secret-1']);
    await reaches(now.sequence + 1);
    // Sealed bytes, as they stand in the history: whoever reaches Temporal can copy them, without any key.
    const asTheyAre = new Client({
      connection,
      namespace: server.namespace,
      dataConverter: { payloadCodecs: [{ encode: async () => inputs, decode: async (all) => all }] },
    });
    await start([undefined], asTheyAre);
    await opens(['grant/secret-2']);
    await reaches(now.sequence + 2);
    assert.ok(last < now.sequence);
    const types = (await newest(now.sequence)).map(({ type }) => type);
    assert.deepEqual(types, ['payloads-opened', 'payloads-opened']);
  });

  it('goes on where it was after six runs that nobody worked on', async () => {
    const head = await headNow();
    await handle().terminate('by hand');
    for (let runs = 0; runs < 6; runs += 1) {
      await client.workflow.start('journal', { workflowId: journalId, taskQueue: 'nowhere' });
      await handle().terminate('by hand');
      emptyRuns.add((await handle().describe()).runId);
    }
    await opens(['grant/after']);
    await reaches(head + 1);
    const [next] = await newest(head);
    assert.deepEqual(next?.detail['workflows'], ['grant/after']);
  });

  it('takes a note whatever a connector’s clock says, and however many strays it tells', async () => {
    const head = await headNow();
    const ahead = Date.now() + 3_600_000;
    const { runId } = await handle().describe();
    for (let number = 1; number <= 420; number += 1) {
      const grantId = grantIdFrom(randomBytes(17));
      const said = { installation, target: 'orders-db', kind: 'removed', grantId, book: 'ahead', number, at: ahead };
      const receipt = await signAs(receiptType, said, connector);
      await handle().signal(strayFound, { target: 'orders-db', grantId, account: `daypass_${grantId}`, receipt });
      if (number % 60 === 0) await reaches(head + number);
    }
    await reaches(head + 420);
    await until(async () => (await handle().describe()).runId !== runId, { withinMs: 20_000, what: 'another run' });
    await opens(['grant/l']);
    await reaches(head + 421);
    assert.equal((await newest(head + 420))[0]?.type, 'payloads-opened');
  });

  it('takes strays with a receipt of their own target’s connector, each once', async () => {
    const head = await headNow();
    const grantId = grantIdFrom(randomBytes(17));
    const account = `daypass_${grantId}`;
    const receipt = (kind: string, change: object = {}, key = connector) =>
      signAs(
        receiptType,
        { installation, target: 'orders-db', kind, grantId, book: 'book', number: 1, at: Date.now(), ...change },
        key,
      );
    const stray = { target: 'orders-db', grantId, account };
    const strays = createStrayNotes(client);
    await strays.stray({ ...stray, listed: await receipt('listed', { grantId: undefined }) });
    await strays.stray({ ...stray, listed: await receipt('listed', { grantId: undefined }) });
    const gone = { receipt: await receipt('removed') } as Removal;
    await strays.stray({ ...stray, removal: gone });
    await strays.stray({ ...stray, removal: gone });
    await assert.rejects(strays.stray(stray), /receipt/);
    const forged = [
      { ...stray, receipt: await receipt('removed', { target: 'other-db' }) },
      { ...stray, target: 'other-db', receipt: await receipt('removed', { target: 'other-db' }) },
      { ...stray, receipt: await receipt('removed', {}, api) },
      { ...stray, receipt: await receipt('made') },
    ];
    for (const each of forged) await handle().signal(strayFound, each);
    await reaches(head + 6);
    const found = (await newest(head)).map(({ type }) => type);
    assert.deepEqual(found.slice(0, 2), ['stray-stands', 'stray-removed']);
    assert.equal(found.length, 6);
    assert.ok(found.slice(2).every((type) => type === 'note-refused'));
  });

  it('publishes when the sinks are back, everything and in order', async () => {
    const head = await headNow();
    publish = async () => {
      throw new Error('the disk is full');
    };
    await many(5);
    await reaches(head + 5);
    publish = async ({ records }) => void published.push(...records);
    await until(() => published.length === 5, { what: 'all publications', withinMs: 30_000 });
    assert.deepEqual(published, await newest(head));
  });

  it('refuses to do unseen what cannot be recorded: while Temporal is away, and while it is flooded', async () => {
    const lost = new Client({ connection: Connection.lazy({ address: 'localhost:1' }), namespace: server.namespace });
    const unheard = createJournal({ client: lost, installation, key: api });
    await assert.rejects(unheard.note('audit-exported', 'person:auditor', {}), isUnavailable);
    await assert.rejects(opens(['x'.repeat(9_000)]), RangeError);

    await opens(['grant/k']);
    await stopWorker();
    let taken = 0;
    await assert.rejects(async () => {
      for (; taken < 600; taken += 1) await handle().signal(note, { statement: 'flood' });
    });
    await assert.rejects(opens(['grant/i']), isUnavailable);
    const head = await headNow();
    await startWorker();
    await until(() => opens(['grant/j']).then(() => true), { what: 'the journal takes notes again', withinMs: 60_000 });
    await until(async () => (await newest(head)).some(({ type }) => type === 'payloads-opened'), { withinMs: 30_000 });
    const refusals = (await newest(head)).filter(({ type }) => type === 'note-refused');
    assert.ok(refusals.length <= 12, `${refusals.length} records of ${taken} messages`);
  });
});

const isUnavailable = (error: unknown): boolean => error instanceof Problem && error.code === 'temporal-unavailable';

function publicOf({ kty, crv, x, kid }: PrivateJwk) {
  return { kty, crv, x, kid };
}
