/** What the user of an account can and cannot do at PostgreSQL, however hard they try. */
import assert from 'node:assert/strict';
import type pg from 'pg';
import { randomGrantId } from '../../api/grant-id.js';
import type { Credential } from '../../activities/connectors/connector.js';
import { until } from '../support/until.js';
import { isTargetError, isUnknown, refuses } from '../support/connector-answers.js';
import { account } from '../support/connector-contract-postgres-account.js';
import { type PostgresGround, postgresGround } from '../support/connector-contract-postgres-ground.js';

const signal = new AbortController().signal;

describe('the user of a PostgreSQL account', () => {
  let ground: PostgresGround;

  before(async () => {
    ground = await postgresGround();
  });
  after(() => ground.stop());

  const isRefused = (client: pg.Client, text: string, code = '42501'): Promise<void> =>
    assert.rejects(client.query(text), { code });

  it('logs in by SCRAM with a password that the server and its log never saw', async () => {
    const { order, credential } = await account(ground);
    const again = await ground.connector.provision({ ...order, attempt: 2 }, signal);
    assert.ok(again.credential);
    const client = await ground.client(again.credential);
    await client.query('SELECT * FROM orders');
    const [{ verifier } = {}] = await ground.sql(
      `SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = '${credential.username}'`,
    );
    assert.match(String(verifier), /^SCRAM-SHA-256\$4096:/);
    await until(() => ground.log.some((line) => line.includes(`ALTER ROLE "${credential.username}" PASSWORD`)));
    for (const { password } of [credential, again.credential]) {
      assert.ok(!ground.log.some((line) => line.includes(password)));
    }
  });

  it('reads with the reading privilege and cannot write', async () => {
    const { credential } = await account(ground);
    const client = await ground.client(credential);
    await client.query('SELECT * FROM orders');
    await isRefused(client, `INSERT INTO orders VALUES (2, 'pen')`);
  });

  it('administers: watches, maintains and writes all data, and cannot create anything that stays', async () => {
    const { credential } = await account(ground, 'orders_admin');
    const client = await ground.client(credential);
    await client.query(`INSERT INTO orders VALUES (3, 'ruler')`);
    await client.query('VACUUM orders');
    await client.query('SELECT * FROM pg_stat_activity');
    await isRefused(client, 'CREATE TABLE mine ()');
    await isRefused(client, 'CREATE SCHEMA mine');
    await isRefused(client, 'CREATE ROLE mine');
    await isRefused(client, 'ALTER TABLE orders ADD COLUMN mine text');
  });

  // With SET ROLE a user could leave a SECURITY DEFINER function owned by the privilege role: a way back in for good.
  it('cannot become the privilege role, nor hand it on', async () => {
    const { credential } = await account(ground);
    const client = await ground.client(credential);
    await isRefused(client, 'SET ROLE orders_reader');
    await isRefused(client, `GRANT orders_reader TO ${(await account(ground)).name}`);
    await isRefused(client, 'GRANT SELECT ON orders TO PUBLIC', '42501').catch(async () => {
      // Without a grant option PostgreSQL only warns: nothing was given.
      const rows = await ground.sql(`SELECT relacl::text AS acl FROM pg_class WHERE relname = 'orders'`);
      assert.ok(!String(rows[0]?.['acl']).includes(',=r'));
    });
  });

  it('cannot move the end, change the label, or lift the limit of the account', async () => {
    const { credential, name } = await account(ground);
    const client = await ground.client(credential);
    await isRefused(client, `ALTER ROLE "${name}" VALID UNTIL 'infinity'`);
    await isRefused(client, `COMMENT ON ROLE "${name}" IS NULL`);
    await isRefused(client, `ALTER ROLE "${name}" CONNECTION LIMIT -1`);
  });

  it('cannot connect to the database of the provisioner, where a lock would hold up removals', async () => {
    for (const role of ['orders_reader', 'orders_admin']) {
      const { credential } = await account(ground, role);
      await assert.rejects(ground.client(credential, 'daypass'), { code: '42501' });
    }
  });

  it('has at most ten connections at once', async () => {
    const { credential } = await account(ground);
    const clients = await Promise.all(Array.from({ length: 10 }, () => ground.client(credential)));
    await assert.rejects(ground.client(credential), { code: '53300' });
    await Promise.all(clients.map((each) => each.end()));
  });

  it('loses the rights inside open sessions, and the sessions, when the account is removed', async () => {
    const { grantId, credential } = await account(ground);
    const client = await ground.client(credential);
    await client.query('BEGIN');
    await client.query('SELECT * FROM orders');
    const removal = await ground.connector.remove(grantId, signal);
    assert.equal(removal.sessionsEnded, 1);
    await assert.rejects(client.query('SELECT * FROM orders'));
  });

  it('keeps no password that they chose themselves', async () => {
    const { grantId, credential } = await account(ground);
    const client = await ground.client(credential);
    await client.query(`ALTER ROLE "${credential.username}" PASSWORD 'my own'`);
    const own: Credential = { ...credential, password: 'my own' };
    await (await ground.client(own)).end();
    await ground.connector.remove(grantId, signal);
    await assert.rejects(ground.client(own));
  });

  // A role may change its own password, and an open transaction that does holds the row that NOLOGIN needs.
  it('cannot hold up a removal by locking their own role', async () => {
    const { grantId, credential } = await account(ground);
    const client = await ground.client(credential);
    await client.query('BEGIN');
    await client.query(`ALTER ROLE "${credential.username}" PASSWORD 'held'`);
    const startedAt = Date.now();
    const { wasPresent } = await ground.connector.remove(grantId, signal);
    assert.ok(wasPresent);
    assert.ok(Date.now() - startedAt < 2_000);
  });

  it('loses against removal with many clients that reconnect in a loop', async function () {
    this.timeout(60_000);
    for (let round = 0; round < 10; round++) {
      const { grantId, credential, name } = await account(ground);
      let isOver = false;
      let logins = 0;
      const attackers = Array.from({ length: 8 }, async () => {
        while (!isOver) {
          await ground.client(credential).then(
            async (client) => {
              logins++;
              await client.query('SELECT pg_sleep(60)').catch(() => undefined);
            },
            () => undefined,
          );
        }
      });
      await until(() => logins >= 8);
      const { sessionsEnded } = await ground.connector.remove(grantId, signal);
      const left = await ground.sql(
        `SELECT pid, usename FROM pg_stat_activity a WHERE backend_type = 'client backend' AND usesysid IS NOT NULL
           AND (usename = '${name}' OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = a.usesysid))`,
      );
      isOver = true;
      await Promise.all(attackers);
      assert.deepEqual(left, []);
      assert.ok(sessionsEnded >= 8);
    }
  });

  it('leaves nothing behind that works: tables, large objects, functions, views, rights, in any database', async () => {
    // Somebody gave the account more than the check at start would have accepted.
    const { grantId, credential, name } = await account(ground, 'orders_admin');
    for (const database of ['orders', 'stock']) {
      await ground.sql(
        `CREATE SCHEMA IF NOT EXISTS loose; GRANT CREATE, USAGE ON SCHEMA loose TO orders_admin;
         GRANT TEMPORARY ON DATABASE ${database} TO orders_admin`,
        database,
      );
      const client = await ground.client(credential, database);
      await client.query(`
        CREATE TABLE loose.mine AS SELECT 1 AS one;
        SELECT lo_create(0);
        CREATE FUNCTION loose.backdoor() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
        GRANT EXECUTE ON FUNCTION loose.backdoor() TO PUBLIC;
        CREATE FUNCTION loose."'; DROP"(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
        CREATE VIEW loose.peep AS SELECT * FROM loose.mine WHERE loose."'; DROP"(one) = 1;
        CREATE VIEW loose.window AS SELECT * FROM loose.mine;
        GRANT SELECT ON loose.window TO PUBLIC;
        CREATE TYPE loose.mood AS ENUM ('fine');
        CREATE TEMP TABLE scratch ();
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
        DO $$ BEGIN
          FOR n IN 1..250 LOOP EXECUTE format('CREATE FUNCTION loose.f%s() RETURNS void LANGUAGE sql AS $f$ $f$', n); END LOOP;
        END $$`);
    }
    await ground.sql(`GRANT pg_read_all_settings TO "${name}"`);

    const { remarks, wasPresent } = await ground.connector.remove(grantId, signal);

    assert.ok(wasPresent);
    assert.ok(remarks.length < 60);
    assert.deepEqual(await ground.sql(`SELECT FROM pg_roles WHERE rolname = '${name}'`), []);
    for (const database of ['orders', 'stock']) {
      const about = remarks.filter((each) => each.startsWith(`database ${database}: `)).join('\n');
      assert.match(about, /function \d+ \(SECURITY DEFINER\) of the account was dropped/);
      assert.match(about, /what depended on function \d+ was dropped with it/);
      assert.match(about, /now owned by daypass_graveyard: .*pg_class \d+/);
      assert.match(about, /now owned by daypass_graveyard: pg_largeobject \d+/);
      assert.match(about, /more functions of the account were dropped/);
      assert.deepEqual(
        await ground.sql(`SELECT FROM pg_proc WHERE pronamespace = 'loose'::regnamespace`, database),
        [],
      );
      const rows = await ground.sql(
        `SELECT relname AS name, relowner::regrole::text AS owner, reloptions::text AS options
         FROM pg_class WHERE relnamespace = 'loose'::regnamespace ORDER BY 1`,
        database,
      );
      assert.deepEqual(rows, [
        { name: 'mine', owner: 'daypass_graveyard', options: null },
        { name: 'window', owner: 'daypass_graveyard', options: '{security_invoker=true}' },
      ]);
    }
    assert.ok(remarks.includes('somebody else had made the account a member of pg_read_all_settings'));
    // Names that a user chose are somebody's free text, and stay out of the record.
    assert.ok(!remarks.some((each) => /backdoor|DROP|peep|mine/.test(each)));
    assert.deepEqual((await ground.connector.remove(grantId, signal)).remarks, remarks);
    for (const database of ['orders', 'stock']) {
      await ground.sql(
        `DROP SCHEMA loose CASCADE; REVOKE TEMPORARY ON DATABASE ${database} FROM orders_admin`,
        database,
      );
    }
  });

  // Everybody may make large objects: 200,000 in some seconds, more than one statement can hand over in its time.
  it('cannot hold up the proof of a removal by the number of large objects: each attempt gets further', async () => {
    const all = 15_000;
    const { grantId, credential, name } = await account(ground);
    const client = await ground.client(credential);
    await client.query(`SELECT count(lo_create(0)) FROM generate_series(1, ${all})`);
    const left = async (): Promise<number> => {
      const [row] = await ground.sql(
        `SELECT count(*)::integer AS left FROM pg_largeobject_metadata WHERE lomowner = '"${name}"'::regrole`,
      );
      return Number(row?.['left']);
    };
    const attempt = new AbortController();
    const interrupted = isUnknown(ground.connector.remove(grantId, attempt.signal));
    await until(async () => (await left()) < all, { everyMs: 1 });
    attempt.abort();
    await interrupted;
    assert.ok((await left()) > 0, 'interrupted half-way');
    const { remarks } = await ground.connector.remove(grantId, signal);
    assert.match(remarks[0] ?? '', /now owned by daypass_graveyard: pg_largeobject \d+.* and 14980 more/);
    assert.equal(remarks.length, 2);
    await ground.sql(`SELECT count(lo_unlink(oid)) FROM (SELECT oid FROM pg_largeobject_metadata LIMIT 5000) AS few`);
  });

  // The check at start refuses the right to do so, but an administrator may give it later.
  for (const catalog of ['pg_shdepend', 'pg_shdescription']) {
    it(`cannot hold up a removal by locking ${catalog}`, async () => {
      const { grantId, credential } = await account(ground, 'orders_admin');
      await ground.sql(`GRANT MAINTAIN ON ${catalog} TO orders_admin`);
      const client = await ground.client(credential);
      await client.query(`BEGIN; LOCK TABLE ${catalog} IN ACCESS EXCLUSIVE MODE`);
      assert.equal((await ground.connector.remove(grantId, signal)).sessionsEnded, 1);
      await ground.sql(`REVOKE MAINTAIN ON ${catalog} FROM orders_admin`);
    });
  }

  it('is out, and the removal says what is still to do, when an administrator gave the account rights of its own', async () => {
    const { grantId, credential, name } = await account(ground);
    await ground.sql(`GRANT INSERT ON orders TO "${name}"; GRANT CREATE ON DATABASE stock TO "${name}"`);
    const client = await ground.client(credential);
    const error = await ground.connector.remove(grantId, signal).catch((thrown: unknown) => thrown);
    assert.ok(isTargetError(error));
    await assert.rejects(client.query('SELECT 1'));
    await assert.rejects(ground.client(credential), { code: '28000' });
    const [, statement] = /as a superuser, in each of "daypass", "orders": (.*;)$/.exec(error.message) ?? [];
    assert.equal(statement, `DROP OWNED BY "${name}";`, error.message);
    await ground.sql(statement);
    assert.equal((await ground.connector.remove(grantId, signal)).sessionsEnded, 1);
  });

  it('loses prepared transactions too', async () => {
    const { grantId, credential, name } = await account(ground, 'orders_writer');
    const client = await ground.client(credential);
    await client.query(`BEGIN; INSERT INTO orders VALUES (99, 'hidden'); PREPARE TRANSACTION 'it''s mine'`);
    await client.end();
    const { remarks } = await ground.connector.remove(grantId, signal);
    assert.deepEqual(remarks, ['database orders: a prepared transaction was rolled back']);
    assert.deepEqual(await ground.sql(`SELECT FROM pg_prepared_xacts WHERE owner = '${name}'`), []);
    assert.deepEqual(await ground.sql('SELECT FROM orders WHERE id = 99'), []);
  });

  it('is not called gone while a prepared transaction of its dropped role stands, which only a superuser can end', async () => {
    const { grantId, credential, name } = await account(ground, 'orders_writer');
    const client = await ground.client(credential);
    await client.query(`BEGIN; INSERT INTO orders VALUES (98, 'left'); PREPARE TRANSACTION 'orphan'`);
    await client.end();
    await ground.sql(`DROP ROLE "${name}"`);
    await isUnknown(ground.connector.remove(grantId, signal));
    await ground.sql(`ROLLBACK PREPARED 'orphan'`);
    await ground.connector.remove(grantId, signal);
  });

  it('has no session left when an administrator drops the role first', async () => {
    const { grantId, credential, name } = await account(ground);
    const client = await ground.client(credential);
    await ground.sql(`DROP ROLE "${name}"`);
    const removal = await ground.connector.remove(grantId, signal);
    assert.deepEqual(
      [removal.wasPresent, removal.sessionsEnded, removal.remarks],
      [false, 1, ['somebody else had dropped the role before']],
    );
    await assert.rejects(client.query('SELECT 1'));
  });

  it('is removed once the server is back, when it was down at the end', async () => {
    const { order, grantId, credential } = await account(ground);
    await ground.serverStops();
    await isUnknown(ground.connector.remove(grantId, signal));
    await isUnknown(ground.connector.provision({ ...order, attempt: 2 }, signal));
    await ground.serverStarts();
    assert.equal((await ground.connector.remove(grantId, signal)).wasPresent, true);
    await assert.rejects(ground.client(credential));
  });

  it('is told apart from a stranger with the same name, whom nothing touches', async () => {
    for (const comment of ['NULL', `'mine'`, `'{"installation":"test"}'`]) {
      const grantId = randomGrantId();
      const name = `daypass_test_${grantId}`;
      await ground.sql(`CREATE ROLE "${name}" LOGIN; COMMENT ON ROLE "${name}" IS ${comment}`);
      await refuses(ground.connector.remove(grantId, signal), 'target-refused');
      const listed = await ground.connector.list(signal);
      assert.ok(!listed.some((each) => each.grantId === grantId));
      const rows = await ground.sql(`SELECT rolcanlogin FROM pg_roles WHERE rolname = '${name}'`);
      assert.deepEqual(rows, [{ rolcanlogin: true }]);
    }
    // Nor is a password made for it.
    const grantId = randomGrantId();
    await ground.sql(`CREATE ROLE "daypass_test_${grantId}" LOGIN`);
    await refuses(account(ground, 'orders_reader', { grantId }), 'target-refused');
  });

  it("is not made ours by a label copied from another grant's account", async () => {
    const { name } = await account(ground);
    const grantId = randomGrantId();
    const [{ label } = {}] = await ground.sql(`SELECT shobj_description('"${name}"'::regrole, 'pg_authid') AS label`);
    await ground.sql(
      `CREATE ROLE "daypass_test_${grantId}"; COMMENT ON ROLE "daypass_test_${grantId}" IS '${String(label)}'`,
    );
    await refuses(ground.connector.remove(grantId, signal), 'target-refused');
    const listed = await ground.connector.list(signal);
    assert.equal(listed.filter((each) => each.account.endsWith(grantId)).length, 0);
  });

  it('is listed behind however many names that only look like ours', async () => {
    const { name } = await account(ground);
    const [{ label } = {}] = await ground.sql(`SELECT shobj_description('"${name}"'::regrole, 'pg_authid') AS label`);
    for (const strange of ['0', '00', '000'].map((id) => `"daypass_test_${id}"`)) {
      await ground.sql(`CREATE ROLE ${strange}; COMMENT ON ROLE ${strange} IS '${String(label)}'`);
    }
    assert.equal((await ground.connector.list(signal, { after: '', most: 1 })).length, 1);
  });
});
