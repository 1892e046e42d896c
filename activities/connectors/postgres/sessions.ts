/** Shuts an account's door and ends its sessions, also against a user who holds on with all means. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { TargetError } from '../connector.js';
import { hasState } from './errors.js';
import type { Session } from './server.js';

/** Well inside the 10 s that one attempt at a removal has; the next attempt goes on. */
const patienceMs = 6_000;
const everyMs = 10;

/** No new logins, from the commit of this on. */
export async function shutDoor(session: Session, name: string, role: number, signal: AbortSignal): Promise<number> {
  const deadline = Date.now() + patienceMs;
  let ended = 0;
  for (;;) {
    try {
      await session.transaction(async () => {
        await session.query(`SET LOCAL lock_timeout = '100ms'`);
        await session.query(`ALTER ROLE ${pg.escapeIdentifier(name)} NOLOGIN`);
      });
      return ended;
    } catch (error) {
      // 55P03 lock not available, XX000 "tuple concurrently updated": a role may change its own password, and a session
      // that does so in an open transaction holds the row that we need. Such sessions go first.
      if (!hasState(error, '55P03', 'XX000') || Date.now() > deadline) throw error;
      ended += (await terminate(session, name, role)).length;
      await pause(everyMs, undefined, { signal });
    }
  }
}

/** Ends sessions until none is left; answers how many there were. */
export async function endSessions(session: Session, name: string, role: number, signal: AbortSignal): Promise<number> {
  const deadline = Date.now() + patienceMs;
  const ended = new Set<number>();
  for (;;) {
    const still = await terminate(session, name, role);
    if (still.length === 0) return ended.size;
    for (const pid of still) ended.add(pid);
    if (Date.now() > deadline) {
      throw new TargetError('unknown', 'target-unavailable', `${still.length} sessions of the account do not end.`);
    }
    await pause(everyMs, undefined, { signal });
  }
}

/**
 * Waits for logins that were under way: a session that passed the check of its role just before the drop shows in
 * `pg_stat_activity` only a little later, but its first transaction shows in `pg_locks` from before that check. Bounded,
 * because anybody can sit in a login without finishing it, and whoever has not passed the check by now never will.
 */
export async function awaitLogins(session: Session, signal: AbortSignal): Promise<void> {
  const starting = async (): Promise<string[]> =>
    (
      await session.query<{ id: string }>(
        `SELECT virtualtransaction AS id FROM pg_locks l
         WHERE locktype = 'virtualxid' AND mode = 'ExclusiveLock' AND pid <> pg_backend_pid()
           AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = l.pid AND a.datid IS NOT NULL)`,
      )
    ).map(({ id }) => id);
  const deadline = Date.now() + 500;
  const first = new Set(await starting());
  while (first.size > 0 && Date.now() < deadline) {
    await pause(everyMs, undefined, { signal });
    const now = new Set(await starting());
    for (const id of first) if (!now.has(id)) first.delete(id);
  }
}

/** By the role's number, which holds after the drop too; not if another role has been given that number since. */
async function terminate(session: Session, name: string, role: number): Promise<number[]> {
  const rows = await session.query<{ pid: number }>(
    `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE usesysid = $1 AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = $1 AND rolname <> $2)`,
    [role, name],
  );
  return rows.map(({ pid }) => pid);
}
