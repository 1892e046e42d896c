/** One row per account, kept for good: that it was made, that it is over (its tombstone), and what its removal found. */
import type { Instant } from '../../../workflows/domain/time.js';
import type { Session } from './server.js';

export interface Entry {
  /** PostgreSQL's number of the role, once it was made. */
  role?: number;
  isOver: boolean;
  removedAt?: Instant;
  sessionsEnded: number;
  remarks: string[];
}

export async function findEntry(session: Session, name: string): Promise<Entry | undefined> {
  const [row] = await session.query<{
    role: number | null;
    over: boolean;
    removed_at: Date | null;
    sessions_ended: number;
    remarks: string[];
  }>(
    `SELECT role, over_at IS NOT NULL AS over, removed_at, sessions_ended, remarks FROM daypass.account WHERE name = $1`,
    [name],
  );
  return (
    row && {
      ...(row.role === null ? {} : { role: row.role }),
      ...(row.removed_at === null ? {} : { removedAt: row.removed_at.getTime() }),
      isOver: row.over,
      sessionsEnded: row.sessions_ended,
      remarks: row.remarks,
    }
  );
}

/** In the transaction that makes the role. */
export async function recordMade(
  session: Session,
  made: { name: string; installation: string; entitlement: string; automatic: boolean },
): Promise<void> {
  await session.query(
    `INSERT INTO daypass.account (name, installation, role, entitlement, automatic, made_at)
     SELECT $1::text, $2, oid, $3, $4, clock_timestamp() FROM pg_roles WHERE rolname = $1::text
     ON CONFLICT (name) DO UPDATE SET role = excluded.role`,
    [made.name, made.installation, made.entitlement, made.automatic],
  );
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

export async function plantTombstone(session: Session, installation: string, name: string): Promise<void> {
  await session.query(
    `INSERT INTO daypass.account (name, installation, over_at) VALUES ($1, $2, clock_timestamp())
     ON CONFLICT (name) DO UPDATE SET over_at = coalesce(account.over_at, excluded.over_at)`,
    [name, installation],
  );
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

/** In the transaction that drops the role. */
export async function recordRemoved(session: Session, name: string, role: number): Promise<void> {
  await session.query(`UPDATE daypass.account SET role = $2, removed_at = clock_timestamp() WHERE name = $1`, [
    name,
    role,
  ]);
}
