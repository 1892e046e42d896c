/** Accounts at PostgreSQL are shared among makers, so that what one costs does not grow with all that stand. */
import assert from 'node:assert/strict';
import { refuses } from '../support/connector-answers.js';
import { account } from '../support/connector-contract-postgres-account.js';
import { type PostgresGround, postgresGround } from '../support/connector-contract-postgres-ground.js';

const signal = new AbortController().signal;

describe('the makers of PostgreSQL accounts', () => {
  let ground: PostgresGround;

  before(async () => {
    ground = await postgresGround();
  });
  after(() => ground.stop());

  /** Who administers an account. */
  async function makersOf(name: string): Promise<unknown[]> {
    const rows = await ground.sql(
      `SELECT member::regrole::text AS maker FROM pg_auth_members WHERE roleid = '"${name}"'::regrole AND admin_option`,
    );
    return rows.map(({ maker }) => maker);
  }

  it('share the accounts, also of the first that come at once, and are nobody who could log in', async () => {
    const made = await Promise.all(Array.from({ length: 48 }, () => account(ground)));
    const makers = await ground.sql(
      `SELECT rolname AS name, rolcanlogin OR rolsuper OR rolcreatedb OR rolreplication OR rolbypassrls AS mighty,
         (SELECT count(*)::integer FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
          WHERE m.member = maker.oid AND starts_with(r.rolname, 'daypass_')) AS accounts
       FROM pg_roles maker WHERE starts_with(rolname, 'daypass_maker_')`,
    );
    assert.ok(makers.length > 8);
    for (const { name, mighty, accounts } of makers) {
      assert.equal(mighty, false, String(name));
      assert.ok(Number(accounts) <= 16, `${String(accounts)} are under ${String(name)}`);
    }
    for (const { name } of made) assert.match(String(await makersOf(name)), /^daypass_maker_\d+$/);
    await Promise.all(made.map(({ grantId }) => ground.connector.remove(grantId, signal)));
    assert.deepEqual(await ground.connector.list(signal), []);
  });

  it('give way to what an administrator says: a privilege that is taken from the provisioner is handed out no more', async () => {
    await ground.sql('CREATE ROLE passing; GRANT SELECT ON orders TO passing');
    await ground.sql('GRANT passing TO daypass_provisioner WITH ADMIN TRUE, INHERIT FALSE, SET FALSE');
    const { grantId, credential, order } = await account(ground, 'passing');
    const live = await ground.login(credential);
    await live.use();
    // Something of its own, which is taken from it in the privilege's place.
    await (await ground.client(credential)).query('SELECT lo_create(0)');
    await ground.sql('REVOKE passing FROM daypass_provisioner CASCADE');
    await assert.rejects(live.use(), /permission denied/);
    await live.close();
    const other = { ...order, grantId: order.grantId.replace(/.$/, (last) => (last === '0' ? '1' : '0')) };
    await refuses(ground.connector.provision(other, signal), 'target-refused');
    assert.ok((await ground.connector.remove(grantId, signal)).wasPresent);
  });

  /** As earlier versions made it: by the provisioner itself. */
  async function madeBefore(name: string): Promise<void> {
    const [maker] = await makersOf(name);
    await ground.sql(`
      REVOKE orders_reader FROM "${name}" GRANTED BY ${String(maker)};
      GRANT "${name}" TO daypass_provisioner WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
      REVOKE "${name}" FROM ${String(maker)};
      GRANT orders_reader TO "${name}" WITH INHERIT TRUE, SET FALSE GRANTED BY daypass_provisioner`);
    assert.deepEqual(await makersOf(name), ['daypass_provisioner']);
  }

  it('leave alone what the provisioner itself made before there were any: it is renewed, moved and removed as ever', async () => {
    const { grantId, credential, name, order } = await account(ground);
    await madeBefore(name);
    const live = await ground.login(credential);
    await live.use();
    const { connector } = ground;
    await connector.renew({ ...order, renewedAt: Date.now() }, signal);
    await assert.rejects(ground.login(credential));
    assert.ok(connector.shorten);
    const endsAt = Date.now() + 60_000;
    assert.equal((await connector.shorten(grantId, endsAt, signal)).endsAt, endsAt);
    const { wasPresent, sessionsEnded, remarks } = await connector.remove(grantId, signal);
    assert.deepEqual({ wasPresent, sessionsEnded, remarks }, { wasPresent: true, sessionsEnded: 1, remarks: [] });
    assert.equal(await live.isOpen(), false);
  });

  it('leave alone what such an account gave and was given, owned and prepared', async () => {
    const [old, young] = [await account(ground), await account(ground)];
    await madeBefore(old.name);
    for (const [giver, taker] of [
      [old, young],
      [young, old],
    ] as const) {
      const client = await ground.client(giver.credential);
      const { rows } = await client.query<{ id: number }>('SELECT lo_create(0) AS id');
      await client.query(`GRANT SELECT ON LARGE OBJECT ${rows[0]?.id} TO "${taker.name}"`);
      await client.query(`BEGIN; SELECT * FROM orders; PREPARE TRANSACTION '${giver.name}'`);
      await client.end();
    }
    for (const { grantId, name } of [old, young]) {
      const { wasPresent, remarks } = await ground.connector.remove(grantId, signal);
      assert.ok(wasPresent);
      assert.match(
        remarks.join('\n'),
        /a prepared transaction was rolled back[^]*now owned by daypass_graveyard/,
        name,
      );
    }
    assert.deepEqual(await ground.sql('SELECT FROM pg_prepared_xacts'), []);
  });

  it('go before the provisioner does, and then nothing is left', async () => {
    const makers = await ground.sql(
      `SELECT rolname AS name FROM pg_roles WHERE starts_with(rolname, 'daypass_maker_')`,
    );
    for (const { name } of makers) await ground.sql(`DROP ROLE ${String(name)}`);
    for (const database of ['orders', 'stock', 'daypass'])
      await ground.sql('DROP OWNED BY daypass_graveyard', database);
    await ground.sql('DROP ROLE daypass_graveyard');
    await ground.sql('DROP DATABASE daypass WITH (FORCE)', 'postgres');
    await ground.sql('DROP ROLE daypass_provisioner');
    assert.deepEqual(await ground.sql(`SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'daypass_')`), []);
  });
});
