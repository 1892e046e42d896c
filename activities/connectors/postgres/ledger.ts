/** One row per account, kept for good: that it was made, that it is over (its tombstone), and what its removal found. */
import pg from 'pg';
import type { Instant } from '../../../workflows/domain/time.js';
import type { Session } from './server.js';

const { escapeLiteral } = pg;

export interface Entry {
  /** PostgreSQL's number of the role, once it was made. */
  role?: number;
  isOver: boolean;
  removedAt?: Instant;
  sessionsEnded: number;
  remarks: string[];
}

interface Row {
  role: number | null;
  over: boolean;
  removed_at: Date | null;
  sessions_ended: number;
  remarks: string[];
}

const columns = 'role, over_at IS NOT NULL AS over, removed_at, sessions_ended, remarks';

function entryOf(row: Row): Entry {
  return {
    ...(row.role === null ? {} : { role: row.role }),
    ...(row.removed_at === null ? {} : { removedAt: row.removed_at.getTime() }),
    isOver: row.over,
    sessionsEnded: row.sessions_ended,
    remarks: row.remarks,
  };
}

export async function findEntry(session: Session, name: string): Promise<Entry | undefined> {
  const [row] = await session.query<Row>(`SELECT ${columns} FROM daypass.account WHERE name = $1`, [name]);
  return row && entryOf(row);
}

/** The statement that goes with the ones that make the role. */
export function recordingMade(made: {
  name: string;
  installation: string;
  entitlement: string;
  automatic: boolean;
}): string {
  const [name, installation, entitlement] = [made.name, made.installation, made.entitlement].map(escapeLiteral);
  return `INSERT INTO daypass.account (name, installation, role, entitlement, automatic, made_at)
    SELECT rolname, ${installation}, oid, ${entitlement}, ${made.automatic}, clock_timestamp() FROM pg_roles WHERE rolname = ${name}
    ON CONFLICT (name) DO UPDATE SET role = excluded.role`;
}

/** How many were made without approval in the last hour, removed ones too. */
export async function madeWithinTheHour(session: Session, installation: string, entitlement: string): Promise<number> {
  const [row] = await session.query<{ made: number }>(
    `SELECT count(*)::integer AS made FROM daypass.account
     WHERE automatic AND installation = $1 AND entitlement = $2 AND made_at > clock_timestamp() - interval '1 hour'`,
    [installation, entitlement],
  );
  return row?.made ?? 0;
}

/** Answers with the row, so that whoever removes knows what was made and whether it is gone already. */
export async function plantTombstone(session: Session, installation: string, name: string): Promise<Entry | undefined> {
  const [row] = await session.query<Row>(
    `INSERT INTO daypass.account (name, installation, over_at) VALUES ($1, $2, clock_timestamp())
     ON CONFLICT (name) DO UPDATE SET over_at = coalesce(account.over_at, excluded.over_at) RETURNING ${columns}`,
    [name, installation],
  );
  return row && entryOf(row);
}

/** Written before the thing happens, so that an attempt that dies half-way leaves nothing untold. */
export async function remark(session: Session, name: string, text: string): Promise<void> {
  await session.query(
    `UPDATE daypass.account SET remarks = remarks || $2::text WHERE name = $1 AND NOT $2::text = ANY (remarks)`,
    [name, text],
  );
}

export async function countEnded(session: Session, name: string, ended: number): Promise<void> {
  if (ended === 0) return;
  await session.query(`UPDATE daypass.account SET sessions_ended = sessions_ended + $2 WHERE name = $1`, [name, ended]);
}

/** The statement that goes with the one that drops the role. */
export function recordingRemoved(name: string, role: number): string {
  return `UPDATE daypass.account SET role = ${role}, removed_at = clock_timestamp() WHERE name = ${escapeLiteral(name)}`;
}
