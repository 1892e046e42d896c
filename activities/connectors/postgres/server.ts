/** Connections to one PostgreSQL server: few, bounded in time at both ends, and cut when the caller's signal says so. */
import pg from 'pg';
import type { Address } from './address.js';

/** Of the provisioner alone. Advisory locks are per database: whoever could connect here could hold up a removal. */
export const homeDatabase = 'daypass';

/**
 * For a transaction that a later one of the same removal follows: everyone sees it at once, and it reaches the disk with that
 * later one at the latest, always before it. Nothing is answered before the last.
 */
export const onDiskLater = 'SET LOCAL synchronous_commit = off';

/**
 * What is answered and signed must be on the disk, whatever is set for the server, a role or a database. What waits for
 * replicas in its own way keeps it: an administrator chose that.
 */
const onDisk = `SELECT set_config('synchronous_commit', 'on', false)
  WHERE current_setting('synchronous_commit') IN ('off', 'local')`;

export interface Session {
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Commits what `work` did, or nothing of it. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
}

export interface Server {
  readonly address: Address;
  /** A connection to the provisioner's own database. */
  home<T>(signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T>;
  /** A connection to another database of the same server. */
  elsewhere<T>(database: string, signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** An activity's attempt at a removal has 10 s in all; nothing that we do should take a tenth of these. */
const statementMs = 5_000;
const lockMs = 2_000;
const connectMs = 3_000;

export function connectServer(address: Address, password: string): Server {
  const settings: pg.ClientConfig = {
    host: address.host,
    port: address.port,
    user: address.user,
    password,
    ssl: address.tls,
    application_name: 'daypass',
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    lock_timeout: lockMs,
    idle_in_transaction_session_timeout: statementMs,
    // Where the server is too stuck to keep its own limit.
    query_timeout: statementMs + 1_000,
    keepAlive: true,
    // Nothing that an account's user made is ever found by a bare name. A session of a connector that vanished gives its locks back.
    options: '-c search_path=pg_catalog,pg_temp -c idle_session_timeout=30s -c tcp_keepalives_idle=10',
  };
  const pool = new pg.Pool({ ...settings, database: homeDatabase, max: 5, idleTimeoutMillis: 10_000 });
  pool.on('error', told);
  pool.on('connect', (client) => client.on('error', told));
  const durable = new WeakSet<pg.ClientBase>();
  async function durably<T>(client: pg.ClientBase, work: (session: Session) => Promise<T>): Promise<T> {
    if (!durable.has(client)) await client.query(onDisk);
    durable.add(client);
    return work(sessionOf(client));
  }
  return {
    address,
    async home(signal, work) {
      signal.throwIfAborted();
      const client = await pool.connect();
      let isOurs = true;
      const giveBack = (broken: boolean): void => {
        if (isOurs) client.release(broken);
        isOurs = false;
      };
      try {
        const answer = await cutBy(
          signal,
          () => giveBack(true),
          () => durably(client, work),
        );
        giveBack(false);
        return answer;
      } finally {
        // After a failure the connection may be inside a transaction or hold a lock: it is not used again.
        giveBack(true);
      }
    },
    async elsewhere(database, signal, work) {
      signal.throwIfAborted();
      const client = new pg.Client({ ...settings, database });
      client.on('error', told);
      const close = (): Promise<void> => client.end().catch(told);
      try {
        await client.connect();
        return await cutBy(
          signal,
          () => void close(),
          () => durably(client, work),
        );
      } finally {
        await close();
      }
    },
    close() {
      return pool.end();
    },
  };
}

/** A connection that breaks rejects the query that runs on it, or the next one; the event alone must not end the process. */
function told(): void {}

/** With a query running, closing destroys the connection, the query fails, and the server rolls back what was not committed. */
async function cutBy<T>(signal: AbortSignal, cut: () => void, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  signal.addEventListener('abort', cut);
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', cut);
  }
}

function sessionOf(client: pg.ClientBase): Session {
  async function query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]> {
    return (await client.query<Row>(sql, values)).rows;
  }
  return {
    query,
    async transaction(work) {
      await query('BEGIN');
      try {
        const answer = await work();
        await query('COMMIT');
        return answer;
      } catch (error) {
        // The first failure is the one to tell; a connection that cannot even roll back is dropped with it.
        await query('ROLLBACK').catch(told);
        throw error;
      }
    },
  };
}
