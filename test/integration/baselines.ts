/** Risk baselines on a real Redis: whoever owns Redis can raise risk, and never lower it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { createReads } from '../../activities/assess.js';
import { connectRedis } from '../../activities/platform/redis.js';
import { createBaselines, type Baselines } from '../../activities/policy/risk/baselines.js';
import type { Request } from '../../workflows/domain/request.js';
import { grantIdFrom } from '../../workflows/ids.js';
import { change } from '../support/change.js';
import { examplePolicy, still } from '../support/policy.js';
import { ownRedis, redis as sharedRedis, type TestRedis } from '../support/services.js';
import { installation, requestOf, testApi } from '../support/statements.js';
import { until } from '../support/until.js';

const hour = 3_600_000;
const policy = still(examplePolicy());
const key = randomBytes(32);
const name = 'daypass:risk:person:engineer';

const ask = (changes: Partial<Request> = {}): Request =>
  requestOf({ grantId: grantIdFrom(randomBytes(17)), requestTime: Date.now(), ...changes });

describe('risk baselines', () => {
  let redis: Redis;
  let baselines: Baselines;

  before(async () => {
    redis = await connected((await sharedRedis()).url);
  });
  beforeEach(async () => {
    await redis.del(name, 'daypass:risk:person:owner', 'daypass:risk:person:manager');
    baselines = createBaselines({ redis, key, policy });
  });
  after(() => redis.disconnect());

  const pastOf = async (request: Request, by = baselines) => (await by.asked(request)).subject;
  /** As after a restart: nothing remembered but what Redis has. */
  const restarted = () => createBaselines({ redis, key, policy });

  it('know nothing of someone new', async () => {
    assert.deepEqual(await baselines.asked(ask()), { requester: [], subject: [] });
  });

  it('remember what was asked, used and denied, for another process too', async () => {
    const [asked, used, denied] = [ask(), ask(), ask()];
    await baselines.asked(asked);
    await baselines.note(
      change({ request: used, view: { state: 'ACTIVE', accessGrantTime: 1, grantedDurationMs: hour } }),
    );
    const no = { code: 'denied', by: 'person:manager', reason: 'No.', at: 1 } as const;
    await baselines.note(change({ request: denied, view: { state: 'DENIED', ending: no } }));
    const past = await pastOf(ask(), restarted());
    const found = new Map(past?.map((grant) => [grant.id, grant]));
    assert.equal(found.get(asked.grantId)?.result, 'asked');
    assert.equal(found.get(used.grantId)?.result, 'used');
    assert.equal(found.get(used.grantId)?.ms, hour);
    assert.equal(found.get(denied.grantId)?.result, 'denied');
  });

  it('count a grant once, however often it is asked and told', async () => {
    const request = ask();
    const active = change({ request, view: { state: 'ACTIVE', accessGrantTime: 1 } });
    for (let count = 0; count < 3; count += 1) {
      await baselines.asked(request);
      await baselines.note(active);
    }
    assert.equal((await pastOf(ask()))?.length, 1);
  });

  it('leave the grant itself out of its own past', async () => {
    const request = ask();
    await baselines.asked(request);
    assert.deepEqual(await pastOf(request), []);
  });

  it('lose nothing of a burst that several processes note at once', async () => {
    const processes = [baselines, restarted(), restarted()];
    await Promise.all(processes.flatMap((one) => times(10, () => one.note(change({ request: ask() })))));
    assert.equal((await pastOf(ask()))?.length, 30);
  });

  it('are one for all accounts of one human', async () => {
    await baselines.asked(ask({ requester: 'person:owner', subject: 'person:owner' }));
    assert.equal((await pastOf(ask({ requester: 'person:owner-admin', subject: 'person:owner-admin' })))?.length, 1);
  });

  it('remember for the requester and for the subject', async () => {
    await baselines.asked(ask({ requester: 'person:manager', subject: 'person:engineer' }));
    const { requester, subject } = await baselines.asked(
      ask({ requester: 'person:manager', subject: 'person:engineer' }),
    );
    assert.equal(requester?.length, 1);
    assert.equal(subject?.length, 1);
  });

  it('expire when nobody asks any more', async () => {
    await baselines.asked(ask());
    const left = await redis.pttl(name);
    assert.ok(left > 89 * 24 * hour && left <= 90 * 24 * hour, `${left} ms`);
  });

  describe('when somebody else writes to Redis', () => {
    const attacks: [what: string, attack: () => Promise<unknown>][] = [
      ['a past that nobody signed', () => redis.set(name, '{"sequence":9,"grants":[]}')],
      ['a changed past', async () => redis.set(name, ((await redis.get(name)) ?? '').replace('"denied"', '"used"'))],
      ['a past signed with another key', () => createBaselines({ redis, key: randomBytes(32), policy }).note(change())],
      ["somebody else's past", async () => redis.set(name, (await redis.get('daypass:risk:person:owner')) ?? '')],
      ['something that is no past at all', () => redis.set(name, '.')],
      ['another type of value', async () => (await redis.del(name), redis.lpush(name, 'x'))],
    ];
    for (const [what, attack] of attacks) {
      it(`${what} is a missing signal`, async () => {
        const no = { code: 'denied', by: 'person:manager', reason: 'No.', at: 1 } as const;
        await baselines.note(change({ request: ask(), view: { state: 'DENIED', ending: no } }));
        await baselines.note(change({ request: ask({ requester: 'person:owner', subject: 'person:owner' }) }));
        await attack();
        assert.equal(await pastOf(ask()), undefined);
        // Another process, which never saw the good one, is not fooled either.
        assert.equal(await pastOf(ask(), restarted()), undefined);
      });
    }

    it('a past that is gone is a missing signal, not a fresh start', async () => {
      await baselines.asked(ask());
      await redis.del(name);
      assert.equal(await pastOf(ask()), undefined);
    });

    it('an older copy put back is a missing signal', async () => {
      await baselines.asked(ask());
      const older = (await redis.get(name)) ?? '';
      const no = { code: 'denied', by: 'person:manager', reason: 'No.', at: 1 } as const;
      await baselines.note(change({ request: ask(), view: { state: 'DENIED', ending: no } }));
      await redis.set(name, older);
      assert.equal(await pastOf(ask()), undefined);
    });

    it('a lost past stays lost for an hour, also for other processes, and then starts anew', async () => {
      await baselines.asked(ask());
      await redis.del(name);
      assert.equal(await pastOf(ask()), undefined);
      assert.equal(await pastOf(ask(), restarted()), undefined);
      const later = createBaselines({ redis, key, policy, now: () => Date.now() + hour + 1000 });
      assert.ok(Array.isArray(await pastOf(ask(), later)));
    });
  });

  describe('while Redis is down', () => {
    let own: TestRedis;
    let client: Redis;
    before(async () => {
      own = await ownRedis();
      client = await connected(own.url);
    });
    after(async () => {
      client.disconnect();
      await own.stop();
    });

    it('signals are missing within half a second, nothing is automatic, and all is well when it is back', async () => {
      const api = await testApi();
      const down = createBaselines({ redis: client, key, policy });
      const reads = createReads({
        policy,
        baselines: down,
        apiKeys: api.pinned,
        receiptKeys: { current: () => [] },
        installation,
      });
      const assess = async () =>
        reads.assess(await api.request(ask({ requestTime: Date.parse('2026-09-16T10:00:00Z') })));

      const up = await assess();
      assert.ok(up.verdict === 'pass' && up.rule.automatic);

      await own.stop();
      const started = Date.now();
      const found = await assess();
      const tookMs = Date.now() - started;
      assert.ok(found.verdict === 'pass');
      assert.equal(found.rule.automatic, false);
      assert.deepEqual(found.risk.missing, ['duration', 'first-use', 'burst', 'denials']);
      assert.ok(found.risk.score > up.risk.score);
      assert.ok(tookMs < 900, `${tookMs} ms`);
      await assert.rejects(down.note(change({ request: ask() })));

      await own.start();
      await until(async () => {
        const back = await assess();
        return back.verdict === 'pass' && back.risk.missing.length === 0;
      });
    });
  });

  it('give up after half a second when Redis hangs, also for those who wait in line', async () => {
    const hanging = { get: () => new Promise<never>(() => undefined), eval: () => Promise.reject(new Error('never')) };
    const stuck = createBaselines({ redis: hanging, key, policy });
    const started = Date.now();
    const all = await Promise.all(times(5, () => stuck.asked(ask())));
    assert.ok(all.every(({ requester, subject }) => requester === undefined && subject === undefined));
    assert.ok(Date.now() - started < 1500);
  });
});

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

async function connected(url: string): Promise<Redis> {
  const redis = connectRedis(url);
  await until(() => redis.status === 'ready', { what: 'the connection to Redis' });
  return redis;
}
