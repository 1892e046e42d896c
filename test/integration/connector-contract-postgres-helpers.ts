/** Nobody with an account at PostgreSQL can hold up the removal of somebody else's. */
import assert from 'node:assert/strict';
import type pg from 'pg';
import { until } from '../support/until.js';
import { isUnknown } from '../support/connector-answers.js';
import { account } from '../support/connector-contract-postgres-account.js';
import { type PostgresGround, postgresGround } from '../support/connector-contract-postgres-ground.js';

const signal = new AbortController().signal;

describe('the user of a PostgreSQL account who helps another to hold up a removal', () => {
  let ground: PostgresGround;

  before(async () => {
    ground = await postgresGround();
  });
  after(() => ground.stop());

  /** A large object on which `helper` gives `name` a right: a role that is given something does not go. */
  async function given(helper: pg.Client, name: string, around = (grant: string): string => grant): Promise<void> {
    const { rows } = await helper.query<{ id: number }>('SELECT lo_create(0) AS id');
    await helper.query(around(`GRANT SELECT ON LARGE OBJECT ${rows[0]?.id} TO "${name}"`));
  }

  it('cannot by giving it rights: those are taken back, whoever gave them goes on', async () => {
    const helper = await account(ground);
    const client = await ground.client(helper.credential);
    const { grantId, name } = await account(ground);
    await ground.sql(`GRANT TEMPORARY ON DATABASE orders TO "${helper.name}"`);
    await client.query(`CREATE TEMP TABLE mine (one integer); GRANT SELECT, UPDATE (one) ON mine TO "${name}"`);
    await client.query(`ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "${name}"`);
    await given(client, name);
    assert.ok((await ground.connector.remove(grantId, signal)).wasPresent);
    await client.query('SELECT * FROM mine');
    // Nor does the provisioner keep what it needed for that.
    const kept = await ground.sql(
      `SELECT FROM pg_auth_members WHERE roleid = '"${helper.name}"'::regrole AND (inherit_option OR set_option)`,
    );
    assert.deepEqual(kept, []);
    await ground.sql(`REVOKE TEMPORARY ON DATABASE orders FROM "${helper.name}"`);
    const removal = await ground.connector.remove(helper.grantId, signal);
    assert.equal(removal.sessionsEnded, 1);
  });

  it('cannot by giving it rights in a transaction that stays open: their session is ended', async () => {
    const helper = await account(ground);
    const client = await ground.client(helper.credential);
    const { grantId, name } = await account(ground);
    await given(client, name, (grant) => `BEGIN; ${grant}`);
    const startedAt = Date.now();
    assert.ok((await ground.connector.remove(grantId, signal)).wasPresent);
    assert.ok(Date.now() - startedAt < 2_000);
    await assert.rejects(client.query('SELECT 1'));
    // Only the session: their grant goes on.
    await (await ground.client(helper.credential)).query('SELECT * FROM orders');
  });

  it('cannot by giving it rights again and again', async () => {
    const helper = await account(ground);
    const { grantId, name } = await account(ground);
    let isOver = false;
    let times = 0;
    const helpers = [1, 2, 3].map(async () => {
      while (!isOver) {
        const client = await ground.client(helper.credential).catch(() => undefined);
        try {
          for (; client; times++) await given(client, name);
        } catch {
          // Their session was ended, or there is nobody any more to give to.
          await client?.end();
        }
      }
    });
    await until(() => times > 20);
    try {
      const removal = await until(() => ground.connector.remove(grantId, signal), { withinMs: 20_000 });
      assert.ok(removal.wasPresent);
    } finally {
      isOver = true;
    }
    await Promise.all(helpers);
    // They were kept out only until then.
    const back = await until(() => ground.client(helper.credential));
    await back.query('SELECT * FROM orders');
  });

  it('cannot by a prepared transaction, which no end of a session ends', async () => {
    const helper = await account(ground);
    const client = await ground.client(helper.credential);
    const { grantId, name, credential } = await account(ground);
    await given(client, name, (grant) => `BEGIN; ${grant}; PREPARE TRANSACTION 'theirs'`);
    const own = await ground.client(credential);
    await own.query(`BEGIN; ALTER ROLE "${name}" PASSWORD 'held'; PREPARE TRANSACTION 'own'`);
    const { remarks } = await ground.connector.remove(grantId, signal);
    assert.deepEqual(remarks.toSorted(), [
      'database orders: a prepared transaction of another account, which held this one, was rolled back',
      'database orders: a prepared transaction was rolled back',
    ]);
    await client.query('SELECT * FROM orders');
  });

  it('is left alone when they are no account of ours: access is gone, and the removal is tried again', async () => {
    const { grantId, credential, name } = await account(ground);
    await ground.sql(`BEGIN; GRANT SELECT ON orders TO "${name}"`);
    await isUnknown(ground.connector.remove(grantId, signal));
    await assert.rejects(ground.client(credential), { code: '28000' });
    await ground.sql('ROLLBACK');
    assert.ok((await ground.connector.remove(grantId, signal)).wasPresent);
  });
});
