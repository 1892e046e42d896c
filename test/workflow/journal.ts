/** The journal on the real Temporal: a line counts with its signature alone, once, and nobody can stop or flood the chain. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { createStrayNotes } from '../../activities/audit/stray.js';
import type { Removal } from '../../activities/contract.js';
import { signAs } from '../../activities/platform/jws.js';
import { createJournal } from '../../api/journal.js';
import { Problem } from '../../api/problem.js';
import { receiptType } from '../../workflows/domain/receipt.js';
import { firstBroken, type Head } from '../../workflows/domain/record.js';
import { decisionsQueue, grantIdFrom, journalId } from '../../workflows/ids.js';
import { note, strayFound } from '../../workflows/messages.js';
import { privateKey } from '../support/signer.js';
import { until } from '../support/until.js';
import { installation, JournalWorld, publicOf } from './support/journal-world.js';

describe('the journal', function () {
  this.timeout(120_000);
  let world: JournalWorld;

  before(async () => {
    world = await JournalWorld.start();
  });
  beforeEach(() => {
    world.publish = world.publishes();
  });
  after(() => world.stop());

  afterEach(async () => {
    const all = await world.chain();
    assert.equal(firstBroken(all), undefined);
    const described = await world.handle().describe();
    assert.equal(described.status.name, 'RUNNING');
  });

  it('begins with the first note, which stands in it with the signature of the API', async () => {
    const before = Date.now();
    await world.opens(['grant/a']);
    await world.reaches(1);
    const [first] = await world.chain();
    assert.equal(first?.type, 'payloads-opened');
    assert.equal(first.by, 'person:operator');
    assert.deepEqual(first.detail['workflows'], ['grant/a']);
    assert.equal(typeof first.detail['evidence'], 'string');
    assert.ok(first.at >= before - 1_000);
    await until(() => world.published.length === 1, { what: 'the publication' });
    const { searchAttributes } = await world.handle().describe();
    assert.ok(searchAttributes['ChangedAt'], 'so that the sealer finds it');
  });

  it('takes a note once, however often it is sent, also when it comes again runs later', async () => {
    const head = await world.headNow();
    const sent = { statement: await world.statement(world.api) };
    for (let times = 0; times < 3; times += 1) await world.handle().signal(note, sent);
    await world.opens(['grant/b']);
    await world.reaches(head + 2);
    const run = (await world.handle().describe()).runId;
    await world.many(105);
    await until(async () => (await world.handle().describe()).runId !== run, { what: 'another run', withinMs: 30_000 });
    await world.reaches(head + 107);
    await world.handle().signal(note, sent);
    await world.opens(['grant/c']);
    await world.reaches(head + 108);
    const all = await world.chain();
    assert.equal(all.length, head + 108);
    assert.equal(all.filter(({ type }) => type === 'audit-exported').length, 1);
    await until(() => world.published.length === 108, { what: 'all publications' });
    assert.deepEqual(world.published, await world.newest(head));
  });

  it('records what the API did not sign as such, a few times, and counts the rest', async () => {
    const stranger = { ...(await privateKey('Ed25519')), kid: 'api' };
    const head = await world.headNow();
    const unsealed = new Client({ connection: world.connection, namespace: world.server.namespace });
    const forged = [
      { statement: await world.statement(stranger) },
      { statement: await world.statement(world.api, { installation: 'another' }) },
      { statement: await world.statement(world.api, { event: 'note-refused' }) },
      { statement: await world.statement(world.api, { event: 'stray-removed' }) },
      { statement: await signAs('daypass-receipt+jws', { type: 'note', installation }, world.api) },
      { statement: 'a.b.c' },
      { statement: 7 } as unknown as { statement: string },
      {} as { statement: string },
    ];
    for (const each of forged) await world.handle().signal(note, each);
    await unsealed.workflow.getHandle(journalId).signal(note, { statement: await world.statement(world.api) });
    await unsealed.workflow.getHandle(journalId).signal('note');
    await world.opens(['grant/d']);
    await world.reaches(head + 6);
    await until(async () => (await world.newest(head)).length === 6, { what: 'five refusals and the note' });
    const types = (await world.newest(head)).map(({ type }) => type).sort();
    assert.deepEqual(types, [...Array<string>(5).fill('note-refused'), 'payloads-opened']);
    const run = (await world.handle().describe()).runId;
    await world.many(100);
    await until(async () => (await world.handle().describe()).runId !== run, { what: 'another run', withinMs: 30_000 });
    const counted = (await world.newest(head))
      .filter(({ type }) => type === 'note-refused')
      .map(({ detail }) => detail['count']);
    assert.deepEqual(counted, [1, 1, 1, 1, 1, 5]);
  });

  it('believes a new key once it is pinned, and a retired one no longer than its time, whatever date it signs', async () => {
    const next = { ...(await privateKey('Ed25519')), kid: 'next' };
    const head = await world.headNow();
    const now = Date.now();
    world.apiKeys = { keys: [{ ...publicOf(world.api), until: now + 3_600_000 }, publicOf(next)] };
    await world.journal(next).note('audit-exported', 'person:auditor', { format: 'csv' });
    await world.handle().signal(note, { statement: await world.statement(world.api) });
    await world.reaches(head + 2);
    world.apiKeys = { keys: [{ ...publicOf(world.api), until: now - 60_000 }, publicOf(next)] };
    await world.handle().terminate('for the keys of now');
    await world.journal(next).note('audit-exported', 'person:auditor', { format: 'csv' });
    await world.handle().signal(note, { statement: await world.statement(world.api, { issuedAt: now - 120_000 }) });
    await world.handle().signal(note, { statement: await world.statement(world.api, { issuedAt: now }) });
    await world.reaches(head + 5);
    assert.deepEqual(
      (await world.newest(head)).map(({ type }) => type),
      ['audit-exported', 'audit-exported', 'audit-exported', 'note-refused', 'note-refused'],
    );
    world.apiKeys = { keys: [publicOf(world.api)] };
    await world.handle().terminate('for the keys of before');
    await world.opens(['grant/e']);
    await world.reaches(head + 6);
  });

  it('goes on where it was after it was terminated, and is not ended by a cancellation', async () => {
    await world.opens(['grant/f']);
    const head = await world.headNow();
    await world.handle().cancel();
    await world.opens(['grant/g']);
    await until(async () => (await world.headNow()) > head);
    const before = await world.chain();
    await until(async () => (await world.headNow()) === before.length);
    await world.handle().terminate('by hand');
    await assert.rejects(world.handle().result(), WorkflowFailedError);
    const old = await world.statement(world.api, { issuedAt: Date.now() - 3_600_000 });
    await world.opens(['grant/h']);
    await world.reaches(before.length + 1);
    await world.handle().signal(note, { statement: old });
    await world.reaches(before.length + 2);
    const all = await world.chain();
    assert.deepEqual(all.slice(0, before.length), before);
    assert.deepEqual(
      all.slice(before.length).map(({ type }) => type),
      ['payloads-opened', 'note-refused'],
    );
    // The API did sign it: what it says is not lost.
    assert.equal(all.at(-1)?.detail['evidence'], old);
  });

  it('goes on where it was when somebody starts it with a state of their own, or with that of an older run', async () => {
    const { inputs, last } = await world.handedOnBefore();
    assert.ok(inputs, 'a run that was continued');
    const start = async (args: unknown[], sealedAs = world.client) => {
      await world.handle().terminate('by hand');
      const retry = { maximumAttempts: 3 };
      await sealedAs.workflow.start('journal', { workflowId: journalId, taskQueue: decisionsQueue, args, retry });
    };
    const { memo } = await world.handle().describe();
    const { head: now } = memo?.['view'] as { head: Head };
    await start([{ head: now, noted: [], strays: [], forgottenBefore: 8e15 }]);
    await world.opens(['grant/secret-1']);
    await world.reaches(now.sequence + 1);
    // Sealed bytes, as they stand in the history: whoever reaches Temporal can copy them, without any key.
    const asTheyAre = new Client({
      connection: world.connection,
      namespace: world.server.namespace,
      dataConverter: { payloadCodecs: [{ encode: async () => inputs, decode: async (all) => all }] },
    });
    await start([undefined], asTheyAre);
    await world.opens(['grant/secret-2']);
    await world.reaches(now.sequence + 2);
    assert.ok(last < now.sequence);
    const types = (await world.newest(now.sequence)).map(({ type }) => type);
    assert.deepEqual(types, ['payloads-opened', 'payloads-opened']);
  });

  it('goes on where it was after six runs that nobody worked on', async () => {
    const head = await world.headNow();
    await world.handle().terminate('by hand');
    for (let runs = 0; runs < 6; runs += 1) {
      await world.client.workflow.start('journal', { workflowId: journalId, taskQueue: 'nowhere' });
      await world.handle().terminate('by hand');
      world.emptyRuns.add((await world.handle().describe()).runId);
    }
    await world.opens(['grant/after']);
    await world.reaches(head + 1);
    const [next] = await world.newest(head);
    assert.deepEqual(next?.detail['workflows'], ['grant/after']);
  });

  it('takes a note whatever a connector’s clock says, and however many strays it tells', async () => {
    const head = await world.headNow();
    const ahead = Date.now() + 3_600_000;
    const { runId } = await world.handle().describe();
    for (let number = 1; number <= 420; number += 1) {
      const grantId = grantIdFrom(randomBytes(17));
      const said = { installation, target: 'orders-db', kind: 'removed', grantId, book: 'ahead', number, at: ahead };
      const receipt = await signAs(receiptType, said, world.connector);
      await world.handle().signal(strayFound, { target: 'orders-db', grantId, account: `daypass_${grantId}`, receipt });
      if (number % 60 === 0) await world.reaches(head + number);
    }
    await world.reaches(head + 420);
    await until(async () => (await world.handle().describe()).runId !== runId, {
      withinMs: 20_000,
      what: 'another run',
    });
    await world.opens(['grant/l']);
    await world.reaches(head + 421);
    assert.equal((await world.newest(head + 420))[0]?.type, 'payloads-opened');
  });

  it('takes strays with a receipt of their own target’s connector, each once', async () => {
    const head = await world.headNow();
    const grantId = grantIdFrom(randomBytes(17));
    const account = `daypass_${grantId}`;
    const receipt = (kind: string, change: object = {}, key = world.connector) =>
      signAs(
        receiptType,
        { installation, target: 'orders-db', kind, grantId, book: 'book', number: 1, at: Date.now(), ...change },
        key,
      );
    const stray = { target: 'orders-db', grantId, account };
    const strays = createStrayNotes(world.client);
    await strays.stray({ ...stray, listed: await receipt('listed', { grantId: undefined }) });
    await strays.stray({ ...stray, listed: await receipt('listed', { grantId: undefined }) });
    const gone = { receipt: await receipt('removed') } as Removal;
    await strays.stray({ ...stray, removal: gone });
    await strays.stray({ ...stray, removal: gone });
    await assert.rejects(strays.stray(stray), /receipt/);
    const forged = [
      { ...stray, receipt: await receipt('removed', { target: 'other-db' }) },
      { ...stray, target: 'other-db', receipt: await receipt('removed', { target: 'other-db' }) },
      { ...stray, receipt: await receipt('removed', {}, world.api) },
      { ...stray, receipt: await receipt('made') },
    ];
    for (const each of forged) await world.handle().signal(strayFound, each);
    await world.reaches(head + 6);
    const found = (await world.newest(head)).map(({ type }) => type);
    assert.deepEqual(found.slice(0, 2), ['stray-stands', 'stray-removed']);
    assert.equal(found.length, 6);
    assert.ok(found.slice(2).every((type) => type === 'note-refused'));
  });

  it('publishes when the sinks are back, everything and in order', async () => {
    const head = await world.headNow();
    world.publish = async () => {
      throw new Error('the disk is full');
    };
    await world.many(5);
    await world.reaches(head + 5);
    world.publish = world.publishes();
    await until(() => world.published.length === 5, { what: 'all publications', withinMs: 30_000 });
    assert.deepEqual(world.published, await world.newest(head));
  });

  it('refuses to do unseen what cannot be recorded: while Temporal is away, and while it is flooded', async () => {
    const lost = new Client({
      connection: Connection.lazy({ address: 'localhost:1' }),
      namespace: world.server.namespace,
    });
    const unheard = createJournal({ client: lost, installation, key: world.api });
    await assert.rejects(unheard.note('audit-exported', 'person:auditor', {}), isUnavailable);
    await assert.rejects(world.opens(['x'.repeat(9_000)]), RangeError);

    await world.opens(['grant/k']);
    await world.stopWorker();
    let taken = 0;
    await assert.rejects(async () => {
      for (; taken < 600; taken += 1) await world.handle().signal(note, { statement: 'flood' });
    });
    await assert.rejects(world.opens(['grant/i']), isUnavailable);
    const head = await world.headNow();
    await world.startWorker();
    await until(() => world.opens(['grant/j']).then(() => true), {
      what: 'the journal takes notes again',
      withinMs: 60_000,
    });
    await until(async () => (await world.newest(head)).some(({ type }) => type === 'payloads-opened'), {
      withinMs: 30_000,
    });
    const refusals = (await world.newest(head)).filter(({ type }) => type === 'note-refused');
    assert.ok(refusals.length <= 12, `${refusals.length} records of ${taken} messages`);
  });
});

const isUnavailable = (error: unknown): boolean => error instanceof Problem && error.code === 'temporal-unavailable';
