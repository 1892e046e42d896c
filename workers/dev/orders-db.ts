/** Makes the example database once, with the same two scripts that the PostgreSQL container runs. */
import { readFile } from 'node:fs/promises';
import pg from 'pg';

export interface Server {
  host: string;
  port: number;
  superuser: { user: string; password: string };
}

export const ordersDatabase = 'orders';

/** Does nothing where the database is complete; what an interrupted run left is dropped first. */
export async function makeOrdersDb(server: Server, provisionerPassword: string): Promise<void> {
  if (await isComplete(server)) {
    await inDatabase(server, 'postgres', provisionerPassword, async (client) => {
      await client.query(setPassword);
      // The folder may be older than this line of the script.
      await client.query('REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC');
    });
    return;
  }
  await inDatabase(server, 'postgres', provisionerPassword, async (client) => {
    for (const statement of leftovers) await client.query(statement);
    for (const statement of statements(await readFile(provisionerSql, 'utf8'))) await client.query(statement);
    await client.query(`CREATE DATABASE ${ordersDatabase}`);
  });
  // One query of many statements is one transaction: the database is complete or empty.
  const script = await readFile(ordersSql, 'utf8');
  await inDatabase(server, ordersDatabase, provisionerPassword, (client) => client.query(script));
}

const provisionerSql = new URL('../../activities/connectors/postgres/provisioner.sql', import.meta.url);
const ordersSql = new URL('orders-db.sql', import.meta.url);

const leftovers = [
  'DROP DATABASE IF EXISTS orders WITH (FORCE)',
  'DROP DATABASE IF EXISTS daypass WITH (FORCE)',
  'DROP ROLE IF EXISTS daypass_provisioner',
];

/** The key file may be newer than the data folder. */
const setPassword = `DO $$ BEGIN
  EXECUTE format('ALTER ROLE daypass_provisioner PASSWORD %L', nullif(current_setting('daypass.provisioner_password'), ''));
END $$`;

async function isComplete(server: Server): Promise<boolean> {
  return inDatabase(server, 'postgres', '', async (client) => {
    // The last thing that the script makes.
    const { rows } = await client.query(
      `SELECT FROM pg_auth_members WHERE member = to_regrole('daypass_provisioner') AND roleid = to_regrole('orders_admin')`,
    );
    return rows.length === 1;
  });
}

/** CREATE DATABASE must run by itself, so the statements go one by one; none has a semicolon inside. */
function statements(script: string): string[] {
  return script
    .replaceAll(/^--.*$/gm, '')
    .split(';')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

async function inDatabase<T>(
  { host, port, superuser }: Server,
  database: string,
  provisionerPassword: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ host, port, ...superuser, database });
  await client.connect();
  try {
    await client.query(`SELECT set_config('daypass.provisioner_password', $1, false)`, [provisionerPassword]);
    return await work(client);
  } finally {
    await client.end();
  }
}
