/** What Daypass stands on goes away while grants live, and comes back: each outage with what it may and may not cost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Grant } from '../../api/client/client.js';
import { call, watch } from '../support/system-calls.js';
import {
  approves,
  entry,
  instant,
  opens,
  reaches,
  reader,
  reading,
  recordOf,
  refusalOf,
  type Usable,
  writing,
} from '../support/system-grant.js';
import { system, type System } from '../support/system.js';
import { until } from '../support/until.js';

describe('the whole system, when the target is away', function () {
  this.timeout(240_000);
  let daypass: System;
  let ending: Usable;
  let approved: string;
  let doomed: string;

  before(async () => {
    daypass = await system();
    [approved, doomed] = await Promise.all([approvedByManager(daypass), approvedByManager(daypass)]);
    ending = await reader(daypass, 8);
    await daypass.ordersDb.stop();
  });
  after(() => daypass.start());

  it('keeps a grant waiting that cannot be made, and one that is revoked meanwhile owing its removal', async () => {
    const engineer = daypass.as('engineer');
    await Promise.all([approves(daypass, 'owner', approved), approves(daypass, 'owner', doomed)]);
    await Promise.all([reaches(engineer, approved, 'ACTIVATING'), reaches(engineer, doomed, 'ACTIVATING')]);
    await daypass.as('security').revoke(doomed, { reason: 'Not now.' });
    await reaches(engineer, doomed, 'REVOKING');
  });

  it('keeps a grant REVOKING whose time is up, and calls operators by mail when that takes a minute', async () => {
    const engineer = daypass.as('engineer');
    await reaches(engineer, ending.grantId, 'REVOKING');
    const late = await engineer.until(ending.grantId, isOverdue, 120_000);
    assert.equal(late.state, 'REVOKING');
    const overdue = entry(await recordOf(engineer, ending.grantId), 'removal-overdue');
    const afterMs = overdue.at - instant(ending.grant.expireTime);
    assert.ok(afterMs >= 60_000 && afterMs < 75_000, `the alarm came ${afterMs} ms after the end`);
    await until(
      () =>
        daypass.mail
          .messages()
          .some(
            ({ to, subject, text }) =>
              to.includes('operator@example.org') &&
              subject.startsWith('Removal overdue at orders-db') &&
              text.includes(ending.grantId),
          ),
      { withinMs: 30_000, what: 'the mail to the operator' },
    );
    assert.equal((await engineer.see(approved)).state, 'ACTIVATING', 'the other one waits still');
  });

  describe('and comes back', () => {
    before(() => daypass.ordersDb.start());

    it('makes what was approved', async () => {
      const engineer = daypass.as('engineer');
      const { session } = await opens(engineer, approved);
      assert.equal(await session.count(), 200);
      await engineer.withdraw(approved);
      await session.cut;
      await reaches(engineer, approved, 'WITHDRAWN');
    });

    it('removes what was owed, and takes the alarm back', async () => {
      const engineer = daypass.as('engineer');
      const [ended] = await Promise.all([
        reaches(engineer, ending.grantId, 'ENDED'),
        reaches(engineer, doomed, 'REVOKED'),
      ]);
      assert.deepEqual(ended.conditions, []);
      assert.equal(await refusalOf(ending.login), '28P01');
      for (const grantId of [ending.grantId, doomed]) assert.equal(await daypass.roleOf(grantId), undefined);
      for (const grantId of [ending.grantId, doomed]) await recordOf(engineer, grantId);
    });
  });
});

describe('the whole system, when Redis is away', function () {
  this.timeout(120_000);
  let daypass: System;
  let active: Usable;
  let asked: Grant;
  let cookies: { manager: string; security: string };

  before(async () => {
    daypass = await system();
    active = await reader(daypass, 300);
    const longAgo = Date.now() - 10 * 60_000;
    cookies = {
      manager: await daypass.cookie('manager', longAgo, ['managers']),
      security: await daypass.cookie('security', longAgo, ['security']),
    };
    await daypass.redis.stop();
  });
  after(() => daypass.start());

  it('takes a request, and has people decide what would have passed by itself', async () => {
    const engineer = daypass.as('engineer');
    const { grantId } = await engineer.ask(reading(300));
    asked = await reaches(engineer, grantId, 'APPROVAL_AWAITED');
    assert.equal(asked.automatic, false);
    assert.notDeepEqual(asked.risk?.missing, []);
  });

  it('asks for a fresh sign-in before a session approves, and takes the approval of a fresh one', async () => {
    const old = await call(daypass, { cookie: cookies.manager }, 'POST', `/v1/grants/${asked.grantId}/approve`, {});
    assert.deepEqual([old.status, old.problem.type], [401, 'fresh-sign-in-required']);
    assert.match(old.problem.detail ?? '', /sign in again/);
    assert.equal((await daypass.as('engineer').see(asked.grantId)).state, 'APPROVAL_AWAITED');

    const live = await watch(daypass, 'engineer', asked.grantId);
    try {
      await approves(daypass, 'manager', asked.grantId);
      await until(() => live.seen.some(({ state }) => state === 'ACTIVE'), { withinMs: 20_000, what: 'the live view' });
    } finally {
      live.stop();
    }
    const { session } = await opens(daypass.as('engineer'), asked.grantId);
    assert.equal(await session.count(), 200);
  });

  it('honours a deny and a revoke of any session, and removes as fast as ever', async () => {
    const engineer = daypass.as('engineer');
    const { grantId } = await engineer.ask(reading(300));
    await daypass.as('manager').until(grantId, ({ may }) => may.includes('decide'));
    const reason = 'Not needed.';
    const denied = await call(daypass, { cookie: cookies.manager }, 'POST', `/v1/grants/${grantId}/deny`, { reason });
    assert.equal(denied.status, 200, JSON.stringify(denied.problem));
    await reaches(engineer, grantId, 'DENIED');

    const at = Date.now();
    const path = `/v1/grants/${active.grantId}/revoke`;
    const revoked = await call(daypass, { cookie: cookies.security }, 'POST', path, { reason });
    assert.equal(revoked.status, 200, JSON.stringify(revoked.problem));
    const cut = await active.session.cut;
    assert.ok(cut.at - at < 2_000, `the session was cut after ${cut.at - at} ms`);
    await reaches(engineer, active.grantId, 'REVOKED');
    assert.equal(await daypass.roleOf(active.grantId), undefined);
    await engineer.withdraw(asked.grantId);
    await reaches(engineer, asked.grantId, 'WITHDRAWN');
  });

  it('decides by itself again when Redis is back', async () => {
    await daypass.redis.start();
    const engineer = daypass.as('engineer');
    await until(
      async () => {
        const { grantId } = await engineer.ask(reading(60));
        const { automatic } = await engineer.until(grantId, ({ state }) => state !== 'REQUESTED');
        await engineer.withdraw(grantId);
        return automatic;
      },
      { withinMs: 30_000, everyMs: 500, what: 'an automatic grant' },
    );
  });
});

describe('the whole system, when Temporal is away', function () {
  this.timeout(240_000);
  let daypass: System;
  let active: Usable;
  let accepted: string;
  const key = randomUUID();

  before(async () => {
    daypass = await system();
    accepted = await approvedByManager(daypass);
    active = await reader(daypass, 8);
    await daypass.temporal.stop();
  });
  after(() => daypass.start());

  it('answers 503 with a sentence and when to try again, whatever is asked', async () => {
    const id = active.grantId;
    for (const [account, method, path, body] of [
      ['engineer', 'POST', '/v1/grants', reading(60)],
      ['engineer', 'GET', `/v1/grants/${id}`, undefined],
      ['engineer', 'GET', '/v1/grants', undefined],
      ['owner', 'POST', `/v1/grants/${accepted}/approve`, {}],
      ['security', 'POST', `/v1/grants/${id}/revoke`, { reason: 'Now.' }],
    ] as const) {
      const { status, retryAfter, problem } = await call(daypass, { account }, method, path, body);
      assert.deepEqual([status, problem.type], [503, 'temporal-unavailable'], `${method} ${path}`);
      assert.match(problem.detail ?? '', /^Temporal cannot be reached\b.+\.$/);
      assert.ok(Number(retryAfter) >= 1, `${method} ${path} has Retry-After ${retryAfter}`);
    }
    await assert.rejects(daypass.as('engineer').ask(reading(60), key), /Temporal cannot be reached/);
  });

  it('cuts the session and removes the account a minute after the end, by the sweep of the connectors alone', async () => {
    const end = instant(active.grant.expireTime);
    const { at } = await active.session.cut;
    assert.ok(at - end >= 60_000 && at - end < 75_000, `the session was cut ${at - end} ms after the end`);
    await until(async () => (await daypass.roleOf(active.grantId)) === undefined, { what: 'the account is gone' });
    assert.equal(await refusalOf(active.login), '28P01');
  });

  describe('and comes back', () => {
    before(async () => {
      await daypass.temporal.start();
      await until(() => daypass.as('engineer').see(accepted), { withinMs: 60_000, what: 'the API reaches Temporal' });
    });

    it('brings the grant that the sweep removed to its end, with the proof', async () => {
      const engineer = daypass.as('engineer');
      const over = await reaches(engineer, active.grantId, 'ENDED');
      assert.ok(instant(over.removalVerifiedTime) > instant(over.expireTime) + 60_000);
      const removed = entry(await recordOf(engineer, active.grantId), 'removed');
      assert.deepEqual([removed.detail['wasPresent'], removed.detail['sessionsEnded']], [true, 1]);
    });

    it('has lost nothing that it had accepted, and starts a request once that was sent again', async () => {
      const engineer = daypass.as('engineer');
      assert.deepEqual((await engineer.see(accepted)).step?.index, 1, 'the first approval counts still');
      await approves(daypass, 'owner', accepted);
      await reaches(engineer, accepted, 'ACTIVE');
      await engineer.withdraw(accepted);

      const [one, two] = [await engineer.ask(reading(60), key), await engineer.ask(reading(60), key)];
      assert.equal(one.grantId, two.grantId);
      await reaches(engineer, one.grantId, 'ACTIVE');
      await engineer.withdraw(one.grantId);
      await Promise.all([accepted, one.grantId].map((id) => reaches(engineer, id, 'WITHDRAWN')));
    });
  });
});

/** A request that an owner's approval is missing for. */
async function approvedByManager(daypass: System): Promise<string> {
  const engineer = daypass.as('engineer');
  const { grantId } = await engineer.ask(writing(300));
  await approves(daypass, 'manager', grantId);
  await engineer.until(grantId, ({ step }) => step?.index === 1);
  return grantId;
}

function isOverdue({ conditions }: Grant): boolean {
  return conditions.includes('revocationOverdue');
}
