/** Processes that die or stop while grants live: nothing is lost, nothing is made twice, and every grant ends. */
import assert from 'node:assert/strict';
import { doorThatKeepsTheAnswer } from '../support/system-door.js';
import {
  approves,
  becomesActive,
  entry,
  instant,
  opens,
  reaches,
  reader,
  reading,
  recordOf,
  refusalOf,
  writing,
} from '../support/system-grant.js';
import { accountOf, system, type System } from '../support/system.js';
import { until } from '../support/until.js';

describe('the whole system, when its own processes end', function () {
  this.timeout(240_000);
  let daypass: System;

  before(async () => {
    daypass = await system();
  });
  afterEach(() => daypass.start());

  // The role is made and committed, and nobody was told: a second one, or none at the end, would be access nobody knows of.
  it('makes one role, and not two, when the connectors are killed between creating it and saying so', async () => {
    const engineer = daypass.as('engineer');
    const door = await doorThatKeepsTheAnswer(daypass.ordersDb);
    await daypass.connectors.stop();
    await daypass.connectors.start({ ORDERS_DB_PORT: String(door.port) });
    const { grantId } = await engineer.ask(reading(60));
    try {
      await until(() => daypass.roleOf(grantId), { withinMs: 60_000, what: 'the role' });
    } finally {
      await daypass.connectors.kill();
      await door.close();
    }
    const madeBy = Date.now();
    assert.equal((await engineer.see(grantId)).state, 'ACTIVATING', 'nobody has said so');
    await daypass.connectors.start();

    const { grant, login, session } = await opens(engineer, grantId);
    assert.equal(await session.count(), 200);
    const ours = (await daypass.roles()).filter(({ name }) => name.includes(grantId));
    assert.deepEqual(ours, [{ name: accountOf(grantId), mayLogIn: true }]);
    assert.ok(instant(grant.expireTime) <= madeBy + 60_000, 'the second attempt keeps the end of the first');

    await engineer.withdraw(grantId);
    await session.cut;
    await reaches(engineer, grantId, 'WITHDRAWN');
    assert.equal(await refusalOf(login), '28P01');
    assert.equal(await daypass.roleOf(grantId), undefined);
    const record = await recordOf(engineer, grantId);
    assert.equal(record.filter(({ type }) => type === 'activated').length, 1);
  });

  it('ends an active grant in time and goes on with an approval when the decisions process is killed and comes back', async () => {
    const engineer = daypass.as('engineer');
    const waiting = await engineer.ask(writing(60));
    await approves(daypass, 'manager', waiting.grantId);
    await engineer.until(waiting.grantId, ({ step }) => step?.index === 1);
    const active = await reader(daypass, 8);

    await daypass.decisions.kill();
    const back = daypass.decisions.start().then(() => Date.now());
    const cutAt = (await active.session.cut).at;
    // A turn that waits for the worker that died, or a task that died with it: 10 s, counted from when there is a worker at all.
    const from = Math.max(instant(active.grant.expireTime), await back);
    assert.ok(cutAt - from < 12_000, `the session was cut ${cutAt - from} ms after the end`);
    await reaches(engineer, active.grantId, 'ENDED');
    const record = await recordOf(engineer, active.grantId);
    assert.ok(entry(record, 'removal-started').at - from < 12_000);
    assert.equal(await daypass.roleOf(active.grantId), undefined);

    await approves(daypass, 'owner', waiting.grantId);
    const { session } = await opens(engineer, waiting.grantId);
    assert.equal(await session.count(), 200);
    const approvals = (await recordOf(engineer, waiting.grantId)).filter(({ type }) => type === 'approved');
    assert.deepEqual(
      approvals.map(({ by }) => by),
      ['person:manager', 'person:owner'],
    );
    await engineer.withdraw(waiting.grantId);
    await session.cut;
    await reaches(engineer, waiting.grantId, 'WITHDRAWN');
  });

  it('removes at once what ended while everything was stopped, and records how late', async () => {
    const engineer = daypass.as('engineer');
    const { grantId } = await engineer.ask(reading(6));
    const { expireTime } = await becomesActive(daypass, grantId);
    const end = instant(expireTime);
    await daypass.stop();
    await until(() => Date.now() > end + 1_000, { withinMs: 30_000, what: 'the end of the grant' });

    await daypass.start();
    const upAt = Date.now();
    const goneAt = await until(async () => (await daypass.roleOf(grantId)) === undefined && Date.now(), {
      withinMs: 30_000,
      what: 'the removal',
    });
    assert.ok(goneAt - upAt < 12_000, `it was gone ${goneAt - upAt} ms after the start`);
    const over = await reaches(engineer, grantId, 'ENDED');
    const record = await recordOf(engineer, grantId);
    const started = entry(record, 'removal-started').at;
    assert.equal(entry(record, 'time-up').detail['expireTime'], end);
    assert.ok(started - end >= 1_000, 'the record shows how late the removal began');
    assert.equal(entry(record, 'removed').detail['removedAt'], instant(over.accessRemoveTime));
  });
});
