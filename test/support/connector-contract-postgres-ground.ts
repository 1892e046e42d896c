/** A real PostgreSQL with the example database, made by the same file that a database administrator runs. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import type { Connector, Credential } from '../../activities/connectors/connector.js';
import { postgres, type PostgresPrivilege } from '../../activities/connectors/postgres/index.js';
import { readCompose } from '../../workers/dev/compose.js';
import { freePort } from '../../workers/dev/ports.js';
import { runPostgres } from '../../workers/dev/postgres.js';
import { folder } from './services.js';
import type { Ground, Live } from './connector-ground.js';

export const hostileRole = `ro"le'; DROP ROLE x; --\\`;

export interface PostgresGround extends Ground<PostgresPrivilege> {
  port: number;
  /** Everything that the server logged, every statement included. */
  log: string[];
  /** Runs statements as the superuser. */
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>;
  client(credential: Credential, database?: string): Promise<pg.Client>;
  as(change: {
    installation?: string;
    port?: number;
    user?: string;
    credential?: string;
  }): Connector<PostgresPrivilege>;
  serverStops(): Promise<void>;
  serverStarts(): Promise<void>;
  stop(): Promise<void>;
}

const ourOrders = `
  CREATE TABLE orders (id integer PRIMARY KEY, item text NOT NULL);
  INSERT INTO orders VALUES (1, 'pencil');
  CREATE ROLE orders_reader;
  GRANT SELECT ON orders TO orders_reader;
  CREATE ROLE orders_writer;
  GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO orders_writer;
  CREATE ROLE orders_admin;
  GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, MAINTAIN ON orders TO orders_admin;
  GRANT pg_monitor TO orders_admin;
  CREATE ROLE ${pg.escapeIdentifier(hostileRole)};
  GRANT SELECT ON orders TO ${pg.escapeIdentifier(hostileRole)};
  GRANT orders_reader, orders_writer, orders_admin, ${pg.escapeIdentifier(hostileRole)}
    TO daypass_provisioner WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
  REVOKE TEMPORARY ON DATABASE postgres, orders FROM PUBLIC;`;

/** `orders`: what the administrator runs in the example database. */
export async function postgresGround(orders = ourOrders): Promise<PostgresGround> {
  const log: string[] = [];
  const options = {
    services: await readCompose(),
    port: await freePort(),
    state: join(await folder(), 'data'),
    password: randomBytes(18).toString('base64url'),
    settings: ['fsync=off', 'log_statement=all', 'max_prepared_transactions=10'],
    onLine: (line: string) => void log.push(line),
  };
  let running = await runPostgres(options);
  const { host, port, superuser } = running;
  const open: { end(): Promise<void> }[] = [];

  async function client(login: pg.ClientConfig): Promise<pg.Client> {
    const made = new pg.Client({ host, port, ...login });
    made.on('error', () => {
      // Tests end sessions; the next query on them is refused.
    });
    await made.connect();
    open.push(made);
    return made;
  }

  const supers = new Map<string, Promise<pg.Client>>();
  async function sql(text: string, database = 'orders'): Promise<Record<string, unknown>[]> {
    let on = supers.get(database);
    if (on === undefined) supers.set(database, (on = client({ ...superuser, database })));
    return (await (await on).query<Record<string, unknown>>(text)).rows;
  }

  const file = await readFile(new URL('../../activities/connectors/postgres/provisioner.sql', import.meta.url), 'utf8');
  for (const line of file.split('\n')) if (/^[A-Z]/.test(line)) await sql(line, 'postgres');
  const password = randomBytes(18).toString('base64url');
  await sql(`ALTER ROLE daypass_provisioner PASSWORD ${pg.escapeLiteral(password)}`, 'postgres');
  await sql('CREATE DATABASE orders', 'postgres');
  await sql('CREATE DATABASE stock', 'postgres');
  await sql('REVOKE TEMPORARY ON DATABASE stock FROM PUBLIC');
  await sql(orders);

  const connectors: Connector<PostgresPrivilege>[] = [];
  const as: PostgresGround['as'] = (change) => {
    const made = postgres({
      installation: change.installation ?? 'test',
      address: { host, port: change.port ?? port, database: 'orders', ...(change.user ? { user: change.user } : {}) },
      credential: change.credential ?? password,
    });
    connectors.push(made);
    return made;
  };
  const lines: Server[] = [];
  return {
    port,
    log,
    sql,
    as,
    connector: as({}),
    stranger: as({ installation: 'test-b' }),
    unreachable: as({ port: await freePort() }),
    async losingAnswers() {
      const line = await lossyLine(host, port);
      lines.push(line);
      return as({ port: (line.address() as AddressInfo).port });
    },
    privileges: [{ role: 'orders_reader' }, { role: hostileRole }],
    client: ({ username: user, password: secret, database: named }, database = named) =>
      client({ user, password: secret, database }),
    async login({ username: user, password: secret, database }) {
      return live(await client({ user, password: secret, database }));
    },
    async stop() {
      await Promise.all(connectors.map((each) => each.close()));
      await Promise.allSettled(open.map((each) => each.end()));
      for (const line of lines) line.close();
      await running.program.stop();
    },
    async serverStops() {
      await running.program.stop();
      supers.clear();
    },
    async serverStarts() {
      running = await runPostgres(options);
    },
  };
}

function live(client: pg.Client): Live {
  return {
    async use() {
      await client.query('SELECT * FROM orders');
    },
    isOpen: () =>
      client.query('SELECT 1').then(
        () => true,
        () => false,
      ),
    close: () => client.end(),
  };
}

/** Passes everything on, until the answer to the commit of a created or dropped role comes back: there the line breaks. */
async function lossyLine(host: string, port: number): Promise<Server> {
  const line = createServer((near: Socket) => {
    const far = connect({ host, port });
    let created = false;
    let isLost = false;
    const cut = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const end of [near, far]) end.on('error', cut).on('close', cut);
    near.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      created ||= text.includes('CREATE ROLE "daypass_');
      // Dropping commits by itself.
      isLost ||= (created && text.includes('COMMIT')) || text.includes('DROP ROLE IF EXISTS');
      far.write(bytes);
    });
    far.on('data', (bytes: Buffer) => {
      if (isLost) cut();
      else near.write(bytes);
    });
  });
  await new Promise<void>((up) => line.listen(0, '127.0.0.1', up));
  return line;
}
