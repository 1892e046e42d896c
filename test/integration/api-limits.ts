/** Limits: counted by Redis across processes, by the process itself without it, and never in the way of health. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { connectRedis } from '../../activities/platform/redis.js';
import { createLimits, type LimitNumbers } from '../../api/limits.js';
import { answerProblems } from '../../api/problem.js';
import { ownRedis, type TestRedis } from '../support/services.js';
import { until } from '../support/until.js';

const numbers = { perAddress: 5, perActor: 100, asksPerActor: 100, signInsPerAddress: 100 };

describe('limits', function () {
  this.timeout(30_000);
  let memory: TestRedis;
  const ends: (() => void)[] = [];
  before(async () => {
    memory = await ownRedis();
  });
  after(() => ends.forEach((end) => end()));

  type Call = (actor?: string, method?: string, path?: string) => Promise<Response>;

  /** One process of the API, as far as limits go. The caller is who a header says, here. */
  async function startProcess(other: Partial<LimitNumbers> = {}): Promise<Call> {
    const redis = connectRedis(memory.url);
    await until(() => redis.status === 'ready');
    const limits = createLimits(redis, { ...numbers, ...other });
    const app = express();
    app.use((request, response, next) => {
      if (request.headers['x-actor']) response.locals['actor'] = { ref: request.headers['x-actor'] };
      next();
    });
    app.use(limits.perAddress, limits.perActor);
    app.use('/sign-in', limits.signIns);
    app.post('/ask', limits.asks);
    app.use((_request, response) => void response.json({}));
    app.use(answerProblems(() => undefined));
    const server: Server = createServer(app).listen(0, 'localhost');
    await until(() => server.listening);
    ends.push(
      () => void server.close(),
      () => redis.disconnect(),
    );
    const { port } = server.address() as AddressInfo;
    return (actor, method = 'GET', path = '/') =>
      fetch(`http://localhost:${port}${path}`, { method, headers: actor === undefined ? {} : { 'x-actor': actor } });
  }

  const statuses = async (calls: Promise<Response>[]) => (await Promise.all(calls)).map(({ status }) => status).sort();

  it('hold for all processes together, and say when to come back', async () => {
    const [one, two] = [await startProcess(), await startProcess()];
    assert.deepEqual(await statuses([one(), two(), one(), two(), one()]), [200, 200, 200, 200, 200]);
    const refused = await two();
    assert.equal(refused.status, 429);
    const seconds = Number(refused.headers.get('retry-after'));
    assert.ok(seconds > 0 && seconds <= 60);
    assert.equal(((await refused.json()) as { type: string }).type, 'rate-limited');
  });

  it('hold in each process while Redis is away', async () => {
    const one = await startProcess();
    await memory.stop();
    try {
      assert.deepEqual(await statuses([one(), one(), one(), one(), one(), one()]), [200, 200, 200, 200, 200, 429]);
    } finally {
      await memory.start();
    }
  });

  it('hold up no deny, withdrawal or revocation by what somebody wrote into Redis', async () => {
    const redis = connectRedis(memory.url);
    ends.push(() => redis.disconnect());
    await until(() => redis.flushall());
    const one = await startProcess();
    await statuses(Array.from({ length: 6 }, () => one()));
    for (const key of await redis.keys('daypass:limit:*')) await redis.set(key, '1000000', 'KEEPTTL');
    assert.equal((await one()).status, 429);
    for (const prefix of ['/v1/grants', '/grants']) {
      assert.equal((await one(undefined, 'POST', `${prefix}/x/approve`)).status, 429);
    }
    for (const path of ['/v1/grants/x/deny', '/v1/grants/x/withdraw', '/grants/x/revoke', '/V1/Grants/x/Revoke/']) {
      assert.equal((await one(undefined, 'POST', path)).status, 200, path);
    }
    // Each process still counts for itself what it takes.
    await one(undefined, 'POST', '/grants/x/deny');
    assert.equal((await one(undefined, 'POST', '/grants/x/deny')).status, 429);
  });

  /** Each of the other limits at two calls, with the calls that it counts and one that it does not. */
  const others: [what: string, limit: Partial<LimitNumbers>, call: Parameters<Call>, uncounted: Parameters<Call>][] = [
    ['all calls of one caller', { perActor: 2 }, ['a'], ['b']],
    ['asking by one caller', { asksPerActor: 2 }, ['a', 'POST', '/ask'], ['b', 'POST', '/ask']],
    ['asking, and not the other calls of the same caller', { asksPerActor: 2 }, ['a', 'POST', '/ask'], ['a']],
    ['signing in from one address', { signInsPerAddress: 2 }, [undefined, 'GET', '/sign-in'], []],
  ];
  for (const [what, limit, call, uncounted] of others) {
    it(`count ${what}, across processes`, async () => {
      const redis = connectRedis(memory.url);
      ends.push(() => redis.disconnect());
      await until(() => redis.flushall());
      const [one, two] = [await startProcess(limit), await startProcess(limit)];
      assert.deepEqual(await statuses([one(...call), two(...call)]), [200, 200]);
      for (const process of [one, two]) assert.equal((await process(...call)).status, 429);
      assert.equal((await one(...uncounted)).status, 200);
    });

    it(`count ${what}, in each process while Redis is away`, async () => {
      const [one, two] = [await startProcess(limit), await startProcess(limit)];
      await memory.stop();
      try {
        for (const process of [one, two]) {
          assert.deepEqual(await statuses([process(...call), process(...call), process(...call)]), [200, 200, 429]);
          assert.equal((await process(...uncounted)).status, 200);
        }
      } finally {
        await memory.start();
      }
    });
  }
});
