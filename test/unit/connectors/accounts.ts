/** What leaves a connector process: sealed credentials, receipts, failures that a workflow can act upon, removals that never give up. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { ApplicationFailure } from '@temporalio/common';
import { register } from 'prom-client';
import { createPace } from '../../../activities/connectors/pace.js';
import { createAccounts, type AccountDeps } from '../../../activities/accounts.js';
import type { Changes, Order, Undos } from '../../../activities/contract.js';
import { TargetError } from '../../../activities/connectors/connector.js';
import { createLog } from '../../../activities/platform/log.js';
import type { PrivateJwk } from '../../../activities/platform/keys.js';
import { openCredential } from '../../../activities/platform/jwe.js';
import { signStatement } from '../../../activities/platform/jws.js';
import { digest } from '../../../workflows/domain/digest.js';
import { page } from '../../support/authenticator.js';
import { FakeConnector, now } from '../../support/fake-connector.js';
import { receiptBook, type TestBook } from '../../support/receipt-book.js';
import { createSigner, grantId, hourMs, minuteMs, privateKey, type Signer } from '../../support/signer.js';

describe('accounts at a target', () => {
  let api: Signer;
  let credentialKey: PrivateJwk;
  before(async () => {
    [api, credentialKey] = await Promise.all([createSigner(now), privateKey('X25519')]);
  });

  let connector: FakeConnector;
  let accounts: Changes & Undos;
  let log: string[];
  let order: Order;
  let receipts: TestBook;
  let attemptNumber: number;
  const signal = new AbortController().signal;
  beforeEach(async () => {
    connector = new FakeConnector();
    attemptNumber = 2;
    receipts = await receiptBook('test', 'orders-db');
    log = [];
    const { kty, crv, x } = credentialKey;
    const ceiling = {
      privilege: 'reader',
      longestMs: 8 * hourMs,
      approvals: { least: 1, groups: ['managers'] },
      attested: false,
      automatic: { longestMs: 4 * hourMs, perHour: 5 },
    };
    const deps: AccountDeps<string> = {
      believed: {
        installation: 'test',
        target: 'orders-db',
        ceilings: new Map([['orders-db/read', ceiling]]),
        apiKeys: api.keys,
        credentialKey: { kty, crv, x },
        passkeys: [],
        page,
      },
      connector,
      book: receipts.book,
      pace: createPace(1_000).removing,
      log: createLog('test', 'debug', (line) => log.push(line)),
      clock: () => now,
      attempt: () => ({ number: attemptNumber, signal }),
    };
    accounts = createAccounts(deps);
    const [request, approval] = await Promise.all([api.request(), api.approval()]);
    order = {
      grantId,
      target: 'orders-db',
      entitlement: 'orders-db/read',
      request,
      approvals: [approval],
      extensions: [],
    };
  });

  afterEach(() => receipts.book.close());

  async function failure(call: Promise<unknown>): Promise<ApplicationFailure> {
    const error: unknown = await call.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ApplicationFailure);
    return error;
  }

  it('are made from checked evidence, with the attempt and its signal', async () => {
    const made = await accounts.provision(order);
    assert.deepEqual([made.account, made.endsAt], ['daypass_x', now + 2 * hourMs]);
    assert.deepEqual(
      connector.made.map((it) => [it.privilege, it.attempt]),
      [['reader', 2]],
    );
    assert.deepEqual(connector.signals, [signal]);
  });

  it('hand over a credential only sealed, with the grant and the subject inside', async () => {
    const made = await accounts.provision(order);
    assert.ok(!JSON.stringify(made).includes('hunter2'));
    assert.ok(!log.join('').includes('hunter2'));
    const opened = await openCredential(made.sealedCredential ?? '', credentialKey);
    assert.deepEqual([opened['password'], opened.grantId, opened.subject], ['hunter2', grantId, 'person:engineer']);
    assert.deepEqual(Object.keys(made).sort(), [
      'account',
      'endsAt',
      'evidenceDigest',
      'receipt',
      'sealedCredential',
      'targetIdentity',
    ]);
  });

  it('are refused without evidence, for good, with the code as type and without touching the target', async () => {
    const refused = await failure(
      accounts.provision({ ...order, approvals: [await api.approval({ actor: 'person:engineer' })] }),
    );
    assert.deepEqual([refused.type, refused.nonRetryable], ['bad-evidence', true]);
    assert.deepEqual(connector.made, []);
  });

  it('are refused while the clock of the target is more than five seconds off, either way', async () => {
    for (const skew of [-5_001, 5_001]) {
      connector.targetNow = now + skew;
      assert.equal((await failure(accounts.provision(order))).type, 'clock-skew');
    }
    connector.targetNow = now - 5_000;
    await accounts.provision(order);
  });

  it('have their end moved by an extension alone', async () => {
    assert.equal((await failure(accounts.setEnd(order))).type, 'bad-evidence');
    const extensions = [{ extension: await api.extension(), approvals: [] }];
    const moved = await accounts.setEnd({ ...order, extensions });
    assert.deepEqual([moved.endsAt, 'sealedCredential' in moved], [now + 4 * hourMs, false]);
  });

  it('end earlier on nobody’s evidence, with a receipt, and never later', async () => {
    const before = await accounts.provision(order);
    connector.targetNow = now + hourMs; // A target whose clock is wrong is no reason to let anything stand longer.
    for (const [endsAt, end] of [
      [now + minuteMs, now + minuteMs],
      [before.endsAt + 1, before.endsAt],
    ] as const) {
      const { receipt, ...said } = await accounts.setEnd({ grantId, target: 'orders-db', endsAt });
      assert.deepEqual(said, { ...said, endsAt: end, evidenceDigest: before.evidenceDigest });
      const found = receipts.read(receipt);
      assert.ok(found.kind === 'end-moved');
      assert.deepEqual([found.grantId, found.endsAt, found.evidenceDigest], [grantId, end, before.evidenceDigest]);
    }
  });

  it('do not end earlier under a strange name, at another target, at no instant, or where nothing stands', async () => {
    const earlier = { grantId, target: 'orders-db', endsAt: now + minuteMs };
    await failure(accounts.setEnd({ ...earlier, grantId: 'x"; DROP ROLE y' }));
    await failure(accounts.setEnd({ ...earlier, target: 'billing-db' }));
    for (const endsAt of [NaN, Infinity, -1, 1.5, '1' as unknown as number]) {
      assert.equal((await failure(accounts.setEnd({ ...earlier, endsAt }))).nonRetryable, true);
    }
    assert.deepEqual(connector.signals, []);
    assert.equal((await failure(accounts.setEnd(earlier))).type, 'target-refused');
    // Evidence and an end of somebody's own do not go together, whatever the evidence is worth.
    const extensions = [{ extension: await api.extension(), approvals: [] }];
    const both: Order & { endsAt: number } = { ...order, extensions, endsAt: now + 9 * hourMs };
    assert.equal((await failure(accounts.setEnd(both))).type, 'bad-evidence');
    assert.equal((await receipts.kept()).filter(({ kind }) => kind === 'refused').length, 9);
  });

  it('fail for good when the target refuses, and for another try when it may have worked', async () => {
    connector.fails = new TargetError('refused', 'tombstone', 'It is over here.');
    const over = await failure(accounts.provision(order));
    assert.deepEqual([over.type, over.nonRetryable, over.message], ['tombstone', true, 'It is over here.']);
    connector.fails = new TargetError('unknown', 'target-unavailable', 'No answer.');
    assert.equal((await failure(accounts.provision(order))).nonRetryable, false);
  });

  it('say nothing of a failure that nobody foresaw, except in the log', async () => {
    connector.fails = new Error('syntax error near PASSWORD hunter2');
    const unforeseen = await failure(accounts.provision(order));
    assert.deepEqual([unforeseen.type, unforeseen.nonRetryable], ['target-unavailable', false]);
    assert.ok(!unforeseen.message.includes('hunter2'));
    assert.ok(log.join('').includes('syntax error'));
  });

  it('are removed without any evidence', async () => {
    assert.equal((await accounts.remove({ grantId, target: 'orders-db' })).grantId, grantId);
  });

  it('are removed with an answer that fits, however much was left behind', async () => {
    connector.remarks = Array.from({ length: 5_000 }, (_, index) => `function ${index} ${'x'.repeat(500)}`);
    const { remarks } = await accounts.remove({ grantId, target: 'orders-db' });
    assert.ok(JSON.stringify(remarks).length < 20_000);
    assert.equal(remarks.at(-1), '4951 more, in the log of the connector.');
  });

  it('are removed with another try whatever the target says, since removal never gives up', async () => {
    connector.fails = new TargetError('refused', 'target-refused', 'Never.');
    assert.equal((await failure(accounts.remove({ grantId, target: 'orders-db' }))).nonRetryable, false);
    assert.equal((await failure(accounts.list({ target: 'orders-db' }))).nonRetryable, false);
  });

  it('are removed with a later try where the target answers and resists, after the first ones', async () => {
    const delay = async () => (await failure(accounts.remove({ grantId, target: 'orders-db' }))).nextRetryDelay;
    connector.fails = new TargetError('unknown', 'target-refused', 'It still holds rights.');
    attemptNumber = 5;
    assert.equal(await delay(), undefined);
    attemptNumber = 6;
    assert.equal(await delay(), 15_000);
    connector.fails = new TargetError('unknown', 'target-unavailable', 'No answer.');
    assert.equal(await delay(), undefined);
  });

  it('are not removed under a name that is none, nor at another target', async () => {
    await failure(accounts.remove({ grantId: 'x"; DROP ROLE y', target: 'orders-db' }));
    await failure(accounts.remove({ grantId, target: 'billing-db' }));
    await failure(accounts.list({ target: 'billing-db' }));
    assert.deepEqual(connector.signals, []);
  });

  it('are listed a hundred at a time, in order, each page with its receipt', async () => {
    const id = (index: number): string => `grant${String(index).padStart(4, '0')}`;
    connector.standing = Array.from({ length: 250 }, (_, index) => ({
      ...{ grantId: id(249 - index), account: 'a', endsAt: now, evidenceDigest: '', targetIdentity: '1' },
      signedBy: ['k'],
    }));
    const seen: string[] = [];
    for (;;) {
      const after = seen.at(-1) ?? '';
      const { standing, receipt } = await accounts.list({ target: 'orders-db', after });
      const { kind, ...said } = receipts.read(receipt);
      assert.deepEqual(
        [kind, 'after' in said && [said.after, said.count, said.standingDigest]],
        ['listed', [after, standing.length, digest({ standing })]],
      );
      assert.ok(standing.length <= 100);
      if (standing.length === 0) break;
      seen.push(...standing.map((it) => it.grantId));
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 250 }, (_, index) => id(index)),
    );
  });

  it('leave a receipt of what was made, moved, renewed and removed, which says what the answer says', async () => {
    const extensions = [{ extension: await api.extension(), approvals: [] }];
    const made = await accounts.provision(order);
    const moved = await accounts.setEnd({ ...order, extensions });
    const renewed = await accounts.renew({ ...order, renewal: await renewal() });
    const kinds = ['made', 'end-moved', 'renewed'] as const;
    for (const [index, { receipt, sealedCredential, ...said }] of [made, moved, renewed].entries()) {
      const { installation, target, book: _, number, previous: __, at: ___, ...found } = receipts.read(receipt);
      const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
      const credential = sealedCredential === undefined ? {} : { credentialDigest: sha256(sealedCredential) };
      assert.deepEqual(found, { kind: kinds[index], grantId, ...said, ...credential });
      assert.deepEqual([installation, target, number], ['test', 'orders-db', index + 1]);
    }
    const { receipt, remarks: _, ...said } = await accounts.remove({ grantId, target: 'orders-db' });
    const { book: __, previous: ___, at: ____, ...found } = receipts.read(receipt);
    assert.deepEqual(found, { kind: 'removed', installation: 'test', target: 'orders-db', number: 4, ...said });
    assert.equal((await receipts.kept()).length, 4);
  });

  it('are renewed when the subject asked for it a moment ago, and by nobody else', async () => {
    assert.equal((await failure(accounts.renew(order))).type, 'bad-evidence');
    const stranger = await renewal({ actor: 'person:manager' });
    assert.equal((await failure(accounts.renew({ ...order, renewal: stranger }))).type, 'bad-evidence');
    const stale = await renewal({ issuedAt: now - 120_001 });
    assert.equal((await failure(accounts.renew({ ...order, renewal: stale }))).type, 'bad-evidence');
    assert.equal(connector.made.length, 0);
    await accounts.renew({ ...order, renewal: await renewal({ issuedAt: now - 1_000 }) });
    assert.equal(connector.made[0]?.renewedAt, now - 1_000);
  });

  it('tell of every order that was refused, in the book, the log and the figures', async () => {
    const before = await refusedCount();
    await failure(accounts.provision({ ...order, approvals: [], entitlement: 'orders-db/other' }));
    const hostile = { ...order, grantId: `${'x'.repeat(70)}\u0000\u202e` };
    await failure(accounts.setEnd(hostile));
    connector.fails = new TargetError('refused', 'tombstone', 'It is over here.');
    await failure(accounts.provision(order));
    // What may have worked, or may work yet, is no refusal.
    connector.fails = new TargetError('unknown', 'target-unavailable', 'No answer.');
    await failure(accounts.provision(order));
    const refused = (await receipts.kept()).map((it) => it.kind === 'refused' && [it.call, it.code, it.grantId]);
    assert.deepEqual(refused, [
      ['provision', 'ceiling-refused', grantId],
      ['setEnd', 'bad-evidence', 'x'.repeat(64)],
      ['provision', 'tombstone', grantId],
    ]);
    assert.equal(log.filter((line) => line.includes('an order was refused')).length, 3);
    assert.equal(await refusedCount(), before + 3);
  });

  it('are not made, moved or renewed while no receipt can be written, and are removed all the same', async () => {
    await writeFile(receipts.dir, 'a file where the folder belongs');
    const renewed = { ...order, renewal: await renewal() };
    const moved = { ...order, extensions: [{ extension: await api.extension(), approvals: [] }] };
    for (const call of [accounts.provision(order), accounts.renew(renewed), accounts.setEnd(moved)]) {
      const { type, nonRetryable } = await failure(call);
      assert.deepEqual([type, nonRetryable], ['target-unavailable', false]);
    }
    assert.deepEqual([connector.made, connector.signals], [[], []]);
    const { receipt } = await accounts.remove({ grantId, target: 'orders-db' });
    assert.equal(receipts.read(receipt).kind, 'removed');
    await rm(receipts.dir);
    await accounts.provision(order);
    assert.deepEqual(
      (await receipts.kept()).map((it) => it.kind),
      ['removed', 'made'],
    );
  });

  const renewal = (change: { actor?: string; issuedAt?: number } = {}): Promise<string> =>
    signStatement(
      {
        type: 'renew',
        installation: 'test',
        grantId,
        requestDigest: 'a'.repeat(64),
        actor: 'person:engineer',
        signIn: { time: now - hourMs, methods: ['pwd'], groups: [] },
        issuedAt: now,
        decisionId: 'renewal-1',
        ...change,
      },
      api.key,
    );

  async function refusedCount(): Promise<number> {
    const { values = [] } = (await register.getSingleMetric('daypass_orders_refused_total')?.get()) ?? {};
    return values.reduce((sum, { value }) => sum + value, 0);
  }

  it('answer by their ceiling', async () => {
    const said = await accounts.ceiling({ entitlement: 'orders-db/read', durationMs: hourMs, emergency: false });
    assert.deepEqual(said, { allows: true, automatic: true, leastApprovals: 1, attested: false });
  });
});
