/** The API while what it stands on is away: nothing that was accepted is lost, nothing is widened, and narrowing goes on. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { createSealer } from '../../api/identity/seal.js';
import { createSessions } from '../../api/identity/session.js';
import { ApiWorld, readOrders, writeOrders } from '../support/api-world.js';
import { fill } from '../support/fill.js';
import { ownRedis, ownTemporal, type Restartable, type TestRedis } from '../support/services.js';
import { until } from '../support/until.js';

describe('the API in trouble', function () {
  this.timeout(120_000);
  let engine: Restartable;
  let memory: TestRedis;
  let world: ApiWorld;

  before(async () => {
    const own = await ownTemporal();
    engine = own;
    memory = await ownRedis();
    world = await ApiWorld.start({ temporal: own, redis: memory });
  });
  after(() => world.stop());

  /** A session whose sign-in was this long ago. */
  async function signedIn(account: string, agoMs: number): Promise<Record<string, string>> {
    const sessions = createSessions(createSealer(world.sessionKey), { secure: false });
    const signIn = { time: Date.now() - agoMs, methods: ['pwd'], groups: [] };
    const { cookie } = await sessions.start(`person:${account}`, signIn);
    return { cookie: cookie.split(';')[0] ?? '', origin: 'http://localhost:7300' };
  }

  it('records a decision that no worker can judge, says so, and shows what became of it later', async () => {
    const id = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
    await world.stopWork();
    try {
      const decisionId = randomUUID();
      const startedAt = Date.now();
      const answer = await world.call('manager', 'POST', `/v1/grants/${id}/approve`, { body: { decisionId } });
      assert.equal(answer.status, 202, answer.text);
      assert.deepEqual(answer.body, { decisionId, recorded: true });
      assert.ok(Date.now() - startedAt < 4_000, `took ${Date.now() - startedAt} ms`);

      const seen = await world.call('engineer', 'GET', `/v1/grants/${id}`);
      assert.equal(seen.body['state'], 'APPROVAL_AWAITED');
      const record = await world.call('engineer', 'GET', `/v1/grants/${id}/record`);
      assert.deepEqual([record.status, record.body['type']], [503, 'temporal-unavailable']);

      await world.startWork();
      const active = await world.reaches('engineer', id, ['ACTIVE']);
      const outcomes = active['outcomes'] as { decisionId: string; result: string }[];
      assert.equal(outcomes.find((outcome) => outcome.decisionId === decisionId)?.result, 'applied');
    } finally {
      await world.startWork();
    }
  });

  it('refuses a flood of widening decisions, and still takes the end', async () => {
    const id = await world.grant('engineer', readOrders, ['ACTIVE']);
    const extend = () =>
      world.call('engineer', 'POST', `/v1/grants/${id}/extend`, { body: { reason: 'More.', duration: 'PT1S' } });
    const approveStranger = { decisionId: '', by: 'person:engineer', comment: '', evidence: 'none' };
    const handle = world.client.workflow.getHandle(`grant/${id}`);
    for (let sent = 0; sent < 100; sent += 1) {
      await handle.signal('approve', { ...approveStranger, decisionId: randomUUID() });
    }
    const refused = await until(async () => {
      const answer = await extend();
      return answer.status === 429 ? answer : undefined;
    });
    assert.equal(refused.body['type'], 'too-many-decisions');
    const back = await world.call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: {} });
    assert.equal(back.status, 200, back.text);
    await world.reaches('engineer', id, ['WITHDRAWN']);
  });

  it('still revokes when Temporal takes no more signals for a grant', async () => {
    const id = await world.grant('engineer', readOrders, ['ACTIVE']);
    await fill(world.client.workflow.getHandle(`grant/${id}`), 'reassess');
    const answer = await world.call('operator', 'POST', `/v1/grants/${id}/revoke`, { body: { reason: 'A flood.' } });
    assert.equal(answer.status, 202, answer.text);
    await world.reaches('engineer', id, ['REVOKED']);
  });

  it('takes a workflow that somebody started by hand for no grant, and lists the others', async () => {
    const mine = await world.grant('engineer', readOrders, ['ACTIVE']);
    const id = '0'.repeat(26);
    const { connection, options } = world.client;
    const byHand = new Client({ connection, namespace: options.namespace });
    const request = { grantId: id, requester: 'person:contractor', subject: 'person:contractor' };
    await byHand.workflow.start('grant', {
      workflowId: `grant/${id}`,
      taskQueue: 'nobody',
      memo: { request, view: { state: 'ACTIVE' } },
    });
    for (const account of ['contractor', 'operator']) {
      assert.equal((await world.call(account, 'GET', `/v1/grants/${id}`)).status, 404);
    }
    await until(async () => {
      const { status, body } = await world.call('operator', 'GET', '/v1/grants');
      assert.equal(status, 200);
      const ids = (body['grants'] as { grantId: string }[]).map(({ grantId }) => grantId);
      assert.ok(!ids.includes(id));
      return ids.includes(mine);
    });
    await byHand.workflow.getHandle(`grant/${id}`).terminate();
    await world.call('engineer', 'POST', `/v1/grants/${mine}/withdraw`, { body: {} });
  });

  it('never shows as active what nobody drives any more', async () => {
    const id = await world.grant('engineer', readOrders, ['ACTIVE']);
    await world.client.workflow.getHandle(`grant/${id}`).terminate('by hand');
    const seen = await world.call('engineer', 'GET', `/v1/grants/${id}`);
    assert.equal(seen.body['state'], 'REVOKING');
    assert.deepEqual(seen.body['conditions'], ['externallyModified']);
    const late = await world.call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: {} });
    assert.deepEqual([late.status, late.body['type']], [409, 'already-over']);
  });

  it('without Redis narrows and shows as ever, and widens only for who has just signed in', async () => {
    const active = await world.grant('engineer', readOrders, ['ACTIVE']);
    const awaited = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
    await memory.stop();
    try {
      const stale = await signedIn('engineer', 10 * 60_000);
      const call = (path: string, body?: object, headers = stale) =>
        world.call(undefined, body ? 'POST' : 'GET', path, { body, headers });
      await until(async () => (await call('/v1/grants', readOrders)).status === 401);
      for (const [path, body] of [
        ['/v1/grants', readOrders],
        [`/v1/grants/${active}/extend`, { reason: 'It takes longer.', duration: 'PT5M' }],
        [`/v1/grants/${active}/credential`, { collectId: randomUUID() }],
      ] as const) {
        const answer = await call(path, body);
        assert.deepEqual([answer.status, answer.body['type']], [401, 'fresh-sign-in-required'], path);
      }
      assert.equal((await call(`/v1/grants/${active}`)).status, 200);
      const waiting = call(`/v1/grants/${awaited}?wait=PT20S`);
      const startedAt = Date.now();
      assert.equal((await call(`/v1/grants/${awaited}/withdraw`, {})).status, 200);
      assert.equal((await waiting).body['state'], 'WITHDRAWN');
      assert.ok(Date.now() - startedAt < 4_000, `took ${Date.now() - startedAt} ms`);

      const fresh = await call('/v1/grants', readOrders, await signedIn('engineer', 60_000));
      assert.equal(fresh.status, 201, fresh.text);
      const asked = await world.reaches('engineer', String(fresh.body['grantId']), ['APPROVAL_AWAITED', 'ACTIVE']);
      assert.equal(asked['state'], 'APPROVAL_AWAITED', 'nothing is automatic without baselines');
      assert.equal((await world.call(undefined, 'GET', '/health/ready')).status, 200);
    } finally {
      await memory.start();
    }
    await until(async () => (await world.call('engineer', 'GET', `/v1/grants/${active}`)).status === 200);
    await world.call('engineer', 'POST', `/v1/grants/${active}/withdraw`, { body: {} });
  });

  it('without Temporal says so at once and when to come back, and loses nothing that it had accepted', async () => {
    const accepted = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
    const headers = { 'idempotency-key': randomUUID() };
    await world.stopWork();
    await engine.stop();
    try {
      const calls: [method: string, path: string, body?: object][] = [
        ['POST', '/v1/grants', readOrders],
        ['GET', '/v1/grants'],
        ['GET', `/v1/grants/${accepted}`],
        ['GET', `/v1/grants/${accepted}/events`],
        ['POST', `/v1/grants/${accepted}/withdraw`, {}],
        ['GET', '/v1/approvals'],
      ];
      const check = async ([method, path, body]: (typeof calls)[number]): Promise<void> => {
        const startedAt = Date.now();
        const answer = await world.call('engineer', method, path, { body, headers: body ? headers : {} });
        assert.deepEqual([answer.status, answer.body?.['type']], [503, 'temporal-unavailable'], `${method} ${path}`);
        assert.ok(Number(answer.headers.get('retry-after')) > 0);
        assert.ok(Date.now() - startedAt < 8_000, `${path} took ${Date.now() - startedAt} ms`);
      };
      await Promise.all(calls.map(check));
      assert.equal((await world.call(undefined, 'GET', '/health/live')).status, 200);
      assert.equal((await world.call(undefined, 'GET', '/health/ready')).status, 503);
      assert.equal((await world.call('engineer', 'GET', '/v1/entitlements')).status, 200);
    } finally {
      await engine.start();
      await world.startWork();
    }
    const asked = await until(
      async () => {
        const answer = await world.call('engineer', 'POST', '/v1/grants', { body: readOrders, headers });
        return answer.status < 300 ? answer : undefined;
      },
      { withinMs: 30_000 },
    );
    const again = await world.call('engineer', 'POST', '/v1/grants', { body: readOrders, headers });
    assert.equal(again.body['grantId'], asked.body['grantId']);
    await world.reaches('engineer', String(asked.body['grantId']), ['ACTIVE']);
    const seen = await world.call('manager', 'POST', `/v1/grants/${accepted}/approve`, { body: {} });
    assert.equal(seen.status, 200, seen.text);
  });
});
