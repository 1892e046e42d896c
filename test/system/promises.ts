/** Every promise of the design, checked over the whole system after much has happened, and told as broken where somebody breaks it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { ApiProblem } from '../../api/client/client.js';
import type { Action } from '../../workflows/domain/view.js';
import { brokenPromises, factsOf, type Accepted } from '../support/invariants.js';
import { approves, becomesActive, reaches, reading, sent, writing } from '../support/system-grant.js';
import { accountOf, startSystem, type System } from '../support/system.js';

describe('the promises, over the whole system', function () {
  this.timeout(240_000);
  let daypass: System;
  let ended: string;
  const accepted: Accepted = {
    grants: [],
    decisions: [],
    removalStartsWithinMs: 12_000,
    removalReachesWithinMs: 15_000,
    secrets: {},
  };

  async function asks(account: string, body: Parameters<ReturnType<System['as']>['ask']>[0]): Promise<string> {
    const idempotencyKey = randomUUID();
    const { grantId } = await sent(() => daypass.as(account).ask(body, idempotencyKey));
    accepted.grants.push({ grantId, by: `person:${account}`, idempotencyKey });
    return grantId;
  }

  async function decides(
    account: string,
    action: 'deny' | 'revoke' | 'withdraw' | 'extend' | 'approve',
    grantId: string,
  ) {
    const decisionId = randomUUID();
    const client = daypass.as(account);
    const bodies = { deny: { reason: 'Not now.' }, extend: { duration: 'PT90S', reason: 'Not done.' } };
    const body = { decisionId, ...(bodies as Record<string, object>)[action] };
    const call = client[action] as (id: string, given: object) => Promise<object>;
    const status = await sent(() => call.call(client, grantId, body)).then(
      () => 200,
      (error: unknown) => {
        if (error instanceof ApiProblem) return error.problem.status;
        throw error;
      },
    );
    accepted.decisions.push({ grantId, decisionId, action: action satisfies Action, by: `person:${account}`, status });
    return status;
  }

  after(() => daypass.stop());
  before(async () => {
    // It loses what Redis knew, and with it the automatic way; and what other tests did to their keys is not looked at here.
    daypass = await startSystem();
    const engineer = daypass.as('engineer');
    const [timeUp, withdrawn, revoked, denied, twoSteps, standing] = await Promise.all([
      asks('engineer', reading(20)),
      asks('engineer', reading(300)),
      asks('engineer', reading(300)),
      asks('engineer', writing(300)),
      asks('engineer', writing(300)),
      asks('engineer', reading(300)),
    ]);
    await Promise.all([timeUp, withdrawn, revoked, standing].map((each) => becomesActive(daypass, each)));
    const collectId = randomUUID();
    const { credential } = await sent(() => engineer.collect(withdrawn, collectId));
    accepted.secrets = {
      'a handed-over password': credential?.password ?? '',
      'a bearer': await daypass.token('engineer'),
    };
    await reaches(engineer, denied, 'APPROVAL_AWAITED');
    assert.equal(await decides('engineer', 'approve', twoSteps), 403);
    assert.equal(await decides('manager', 'deny', denied), 200);
    await approves(daypass, 'manager', twoSteps);
    await engineer.until(twoSteps, ({ step }) => step?.index === 1);
    await approves(daypass, 'owner', twoSteps);
    // What was there is gone, in the middle of everything.
    const redis = new Redis(daypass.redis.url);
    await redis.flushall();
    redis.disconnect();
    await reaches(engineer, twoSteps, 'ACTIVE');
    assert.equal(await decides('engineer', 'withdraw', withdrawn), 200);
    assert.equal(await decides('operator', 'revoke', revoked), 200);
    await Promise.all([
      reaches(engineer, timeUp, 'ENDED'),
      reaches(engineer, withdrawn, 'WITHDRAWN'),
      reaches(engineer, revoked, 'REVOKED'),
    ]);
    assert.equal(await decides('operator', 'revoke', revoked), 409);
    ended = accountOf(timeUp);
  });

  it('hold', async () => {
    const facts = await factsOf(daypass, accepted);
    assert.deepEqual(brokenPromises(facts), []);
    // A look at nothing would find nothing wrong.
    assert.ok(
      facts.grants.every(({ records, history, replayed }) => records.length > 3 && history.length > 20 && replayed),
    );
    assert.ok(facts.targets.some(({ accounts, ledger }) => accounts.length >= 2 && ledger.length >= 6));
  });

  it('are told as broken where something is done at the target behind everybody’s back', async () => {
    const { host, port, superuser } = daypass.ordersDb;
    const client = new pg.Client({ host, port, ...superuser, database: 'daypass' });
    await client.connect();
    const stranger = accountOf('0'.repeat(26));
    const tombstone = await client.query<{ over: Date }>(
      'SELECT over_at AS over FROM daypass.account WHERE name = $1',
      [ended],
    );
    await client.query(`CREATE ROLE ${stranger} LOGIN`);
    await client.query('UPDATE daypass.account SET over_at = NULL WHERE name = $1', [ended]);
    try {
      const broken = brokenPromises(await factsOf(daypass, accepted)).map(
        ({ promise, because }) => `${promise}: ${because}`,
      );
      assert.ok(broken.includes(`1: ${stranger} at orders-db carries no label of its grant`), broken.join('\n'));
      assert.ok(broken.includes('4: it is ENDED, and no tombstone stands at its target'), broken.join('\n'));
    } finally {
      await client.query('UPDATE daypass.account SET over_at = $2 WHERE name = $1', [ended, tombstone.rows[0]?.over]);
      await client.query(`DROP ROLE ${stranger}`);
      await client.end();
    }
  });
});
