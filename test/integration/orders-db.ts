/** The example database has data, privileges without CREATE, and a provisioner that can hand them out and not use them. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { makeOrdersDb } from '../../workers/dev/orders-db.js';
import { ordersDb, type TestOrdersDb } from '../support/services.js';

describe('the example database', () => {
  let db: TestOrdersDb;
  before(async () => {
    db = await ordersDb();
  });

  it('holds orders to read', async () => {
    const rows = await query(db, db.superuser, 'orders', 'SELECT count(*)::int AS orders FROM orders');
    assert.deepEqual(rows, [{ orders: 200 }]);
  });

  it('has a provisioner that is no superuser and reads no order', async () => {
    const [self] = await query(
      db,
      db.provisioner,
      'orders',
      'SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user',
    );
    assert.deepEqual(self, { rolsuper: false, rolcreaterole: true, rolcreatedb: false });
    await assert.rejects(query(db, db.provisioner, 'orders', 'SELECT * FROM orders'), /permission denied/);
    await assert.rejects(query(db, db.provisioner, 'orders', 'SET ROLE orders_reader'), /permission denied/);
  });

  it('lets the provisioner hand out each privilege, which bites as it should', async () => {
    const can: Record<string, string> = {
      orders_reader: 'SELECT * FROM orders',
      orders_writer: `UPDATE orders SET status = 'paid' WHERE id = 1`,
      orders_admin: 'VACUUM orders',
    };
    for (const [role, statement] of Object.entries(can)) {
      const user = { user: `try_${role}`, password: 'only-here' };
      await query(db, db.provisioner, 'orders', `CREATE ROLE ${user.user} LOGIN PASSWORD '${user.password}'`);
      await query(db, db.provisioner, 'orders', `GRANT ${role} TO ${user.user} WITH INHERIT TRUE, SET FALSE`);
      await query(db, user, 'orders', statement);
      await assert.rejects(query(db, user, 'orders', 'CREATE TABLE mine ()'), /permission denied/);
      await assert.rejects(query(db, user, 'postgres', 'CREATE TABLE mine ()'), /permission denied/);
      await assert.rejects(query(db, user, 'daypass', 'SELECT 1'), /permission denied/);
      await query(db, db.provisioner, 'orders', `DROP ROLE ${user.user}`);
    }
  });

  it('is made once, and takes a new password for the provisioner', async () => {
    await query(db, db.superuser, 'orders', `DELETE FROM orders WHERE id = 200`);
    const password = 'another-one';
    await makeOrdersDb(db, password);
    const rows = await query(db, db.superuser, 'orders', 'SELECT count(*)::int AS orders FROM orders');
    assert.deepEqual(rows, [{ orders: 199 }]);
    await query(db, { user: db.provisioner.user, password }, 'daypass', 'SELECT 1');
    await makeOrdersDb(db, db.provisioner.password);
  });
});

async function query(
  { host, port }: TestOrdersDb,
  user: { user: string; password: string },
  database: string,
  text: string,
): Promise<unknown[]> {
  const client = new pg.Client({ host, port, ...user, database });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
