/** Every way in which a PostgreSQL target would be unsafe is refused at start, and the statement in the refusal mends it. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { isTargetError, isUnknown } from '../support/connector-answers.js';
import { hostileRole, type PostgresGround, postgresGround } from '../support/connector-contract-postgres-ground.js';

const roles = ['orders_reader', 'orders_writer', 'orders_admin', hostileRole];
const privileges = roles.map((role) => ({ role }));
const hostile = pg.escapeIdentifier(hostileRole);

/** What an administrator did; the refusal; and in which database its statement is to be run. */
const dangers: { what: string; spoil: string; says: RegExp; run?: string; tidy?: string }[] = [
  {
    what: 'a privilege role may CREATE in a schema',
    spoil: 'GRANT CREATE ON SCHEMA public TO orders_writer',
    says: /orders_writer holds CREATE on SCHEMA public/,
  },
  {
    what: 'everybody may CREATE in a schema',
    spoil: 'GRANT CREATE ON SCHEMA public TO PUBLIC',
    says: /In the database "orders", PUBLIC holds CREATE on SCHEMA public/,
  },
  {
    what: 'a role that a privilege role inherits may CREATE in a schema',
    spoil: 'CREATE ROLE team; GRANT CREATE ON SCHEMA public TO team; GRANT team TO orders_reader',
    says: /team holds CREATE on SCHEMA public/,
    tidy: 'DROP OWNED BY team; DROP ROLE team',
  },
  {
    what: 'a privilege role with a hostile name may CREATE in a schema',
    spoil: `GRANT CREATE ON SCHEMA public TO ${hostile}`,
    says: /holds CREATE on SCHEMA public/,
  },
  {
    what: 'a privilege role may CREATE in a database',
    spoil: 'GRANT CREATE ON DATABASE stock TO orders_admin',
    says: /orders_admin holds CREATE on DATABASE stock/,
  },
  {
    what: 'a privilege role may attach triggers',
    spoil: 'GRANT ALL ON orders TO orders_writer',
    says: /orders_writer holds TRIGGER on ALL TABLES IN SCHEMA public/,
    tidy: 'REVOKE REFERENCES, TRUNCATE, MAINTAIN ON orders FROM orders_writer',
  },
  {
    what: 'a privilege role may hand on what it holds',
    spoil: 'GRANT SELECT ON orders TO orders_reader WITH GRANT OPTION',
    says: /orders_reader can hand on SELECT on ALL TABLES IN SCHEMA public/,
  },
  {
    what: 'a privilege role may hand out a role',
    spoil: 'GRANT orders_writer TO orders_reader WITH ADMIN TRUE',
    says: /orders_reader can make others members of orders_writer/,
    tidy: 'REVOKE orders_writer FROM orders_reader',
  },
  {
    what: 'a privilege role owns something',
    spoil: 'CREATE TABLE left_behind (); ALTER TABLE left_behind OWNER TO orders_reader',
    says: /orders_reader owns 1 object in the database orders/,
    run: 'REASSIGN OWNED BY orders_reader TO postgres',
  },
  {
    what: 'a privilege role is a superuser',
    spoil: 'ALTER ROLE orders_reader SUPERUSER',
    says: /orders_reader is a superuser/,
  },
  {
    what: 'a privilege role manages roles',
    spoil: 'ALTER ROLE orders_reader CREATEROLE',
    says: /orders_reader is a superuser, manages roles/,
  },
  {
    what: "a privilege role reaches the server's programs",
    spoil: 'GRANT pg_execute_server_program TO orders_admin',
    says: /orders_admin is a member of pg_execute_server_program/,
  },
  // BEGIN; LOCK TABLE pg_authid: no login and no removal until that session ends, which nobody can log in to bring about.
  {
    what: 'a privilege role may lock the catalogs, as one of maintenance',
    spoil: 'GRANT pg_maintain TO orders_admin',
    says: /orders_admin is a member of pg_maintain/,
  },
  {
    what: 'a privilege role may lock a catalog',
    spoil: 'GRANT MAINTAIN ON pg_authid TO orders_admin',
    says: /In the database "orders", orders_admin holds MAINTAIN on ALL TABLES IN SCHEMA pg_catalog/,
  },
  {
    what: 'everybody may lock a catalog',
    spoil: 'GRANT MAINTAIN ON pg_shdepend TO PUBLIC',
    says: /PUBLIC holds MAINTAIN on ALL TABLES IN SCHEMA pg_catalog/,
  },
  {
    what: "a privilege role may read everybody's verifiers with all else",
    spoil: 'GRANT pg_read_all_data TO orders_reader',
    says: /orders_reader is a member of pg_read_all_data/,
  },
  {
    what: "a privilege role may read everybody's verifiers",
    spoil: 'GRANT SELECT ON pg_authid TO orders_reader',
    says: /orders_reader holds SELECT on TABLE pg_authid/,
  },
  {
    what: "a privilege role may read the column with everybody's verifiers",
    spoil: 'GRANT SELECT (passwd) ON pg_shadow TO orders_reader',
    says: /orders_reader holds SELECT on TABLE pg_shadow/,
  },
  {
    what: 'everybody can make temporary tables',
    spoil: 'GRANT TEMPORARY ON DATABASE stock TO PUBLIC',
    says: /PUBLIC can make temporary tables in the database stock/,
  },
  {
    what: 'a privilege role can make temporary tables',
    spoil: 'GRANT TEMPORARY ON DATABASE orders TO orders_writer',
    says: /orders_writer can make temporary tables in the database orders/,
  },
  {
    what: 'a privilege role may change settings of the server for good',
    spoil: 'GRANT ALTER SYSTEM ON PARAMETER work_mem TO orders_admin',
    says: /orders_admin holds ALTER SYSTEM on PARAMETER work_mem/,
  },
  {
    what: "everybody can connect to the provisioner's database",
    spoil: 'GRANT CONNECT ON DATABASE daypass TO PUBLIC',
    says: /PUBLIC can connect to the provisioner's own database/,
  },
  {
    what: 'the provisioner may not hand out a privilege role',
    spoil: 'REVOKE orders_reader FROM daypass_provisioner',
    says: /may not hand out orders_reader/,
  },
  {
    what: 'the provisioner cannot look into a database',
    spoil: 'REVOKE CONNECT ON DATABASE stock FROM PUBLIC; GRANT CONNECT ON DATABASE stock TO orders_reader',
    says: /cannot look into the database "stock"/,
  },
  {
    what: 'the provisioner is a superuser',
    spoil: 'ALTER ROLE daypass_provisioner SUPERUSER',
    says: /daypass_provisioner" is a superuser/,
  },
  {
    what: 'the provisioner cannot make roles',
    spoil: 'ALTER ROLE daypass_provisioner NOCREATEROLE',
    says: /cannot make roles/,
  },
  {
    what: 'the provisioner cannot end sessions',
    spoil: 'REVOKE pg_signal_backend FROM daypass_provisioner',
    says: /cannot end sessions/,
  },
];

describe('the check of a PostgreSQL target', () => {
  let ground: PostgresGround;

  before(async () => {
    ground = await postgresGround();
  });
  after(() => ground.stop());

  it('accepts what the guide for administrators makes, and changes nothing by being repeated', async () => {
    await ground.connector.check(privileges);
    await ground.connector.check(privileges);
  });

  it('may run in several processes that start at once', async () => {
    await Promise.all([1, 2, 3, 4].map(() => ground.as({}).check(privileges)));
  });

  for (const { what, spoil, says, run, tidy } of dangers) {
    it(`refuses when ${what}, with the statement that mends it`, async () => {
      await ground.sql(spoil);
      const message = await refusal(ground.connector.check(privileges));
      assert.match(message, says);
      const statements = run === undefined ? [...message.matchAll(/Run(?: there)?: (.*;)$/gm)] : [['', run]];
      assert.ok(statements.length > 0, message);
      for (const [, statement] of statements) await ground.sql(statement ?? '');
      await ground.connector.check(privileges);
      if (tidy !== undefined) await ground.sql(tidy);
    });
  }

  it('names all problems of a kind at once', async () => {
    await ground.sql('GRANT CREATE ON SCHEMA public TO orders_writer; GRANT CREATE ON DATABASE stock TO orders_reader');
    const message = await refusal(ground.connector.check(privileges));
    assert.equal(message.split('\n- ').length - 1, 2, message);
    await ground.sql(
      'REVOKE CREATE ON SCHEMA public FROM orders_writer; REVOKE CREATE ON DATABASE stock FROM orders_reader',
    );
  });

  it('refuses a privilege role that is not there', async () => {
    assert.match(await refusal(ground.connector.check([{ role: 'nobody_made' }])), /"nobody_made" is not there/);
  });

  it('refuses a wrong password of the provisioner, without showing it', async () => {
    const credential = 'not the password';
    const message = await refusal(ground.as({ credential }).check(privileges));
    assert.match(message, /does not let the provisioner log in/);
    assert.ok(!message.includes(credential));
  });

  it('says that the outcome is unknown when the server is not there', async () => {
    await isUnknown(ground.unreachable.check(privileges));
  });

  it('reads privileges strictly, and says how to write them', () => {
    const { parsePrivilege } = ground.connector;
    assert.deepEqual(parsePrivilege({ role: 'orders_reader' }), { role: 'orders_reader' });
    const wrong = [
      undefined,
      null,
      'orders_reader',
      {},
      { role: '' },
      { role: 1 },
      { role: 'a'.repeat(64) },
      { role: 'ü'.repeat(32) },
      { role: 'a\0' },
      { role: 'daypass_provisioner' },
      { role: 'pg_read_all_data' },
      { role: 'orders_reader', sql: 'DROP' },
    ];
    for (const each of wrong) assert.throws(() => parsePrivilege(each), /Write it as \{ role: <name of a role> \}/);
  });

  it('reads addresses strictly', async () => {
    const { postgres } = await import('../../activities/connectors/postgres/index.js');
    for (const address of [undefined, {}, { host: 'db' }, { host: 'db', port: 'x', database: 'orders' }, 'db:5432']) {
      assert.throws(
        () => postgres({ installation: 'test', address, credential: 'x' }),
        /address of the PostgreSQL target is wrong/,
      );
    }
  });

  it('speaks only by TLS with a server that is not on this machine', async () => {
    const { parseAddress } = await import('../../activities/connectors/postgres/address.js');
    assert.equal(parseAddress({ host: 'db.example.com', database: 'orders' }).tls, true);
    assert.equal(parseAddress({ host: 'localhost', port: '7432', database: 'orders' }).tls, false);
  });
});

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(isTargetError(error), `refused: ${String(error)}`);
  assert.equal(error.outcome, 'refused', error.message);
  return error.message;
}
