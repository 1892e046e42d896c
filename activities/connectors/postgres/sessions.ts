/** Shuts an account's door and ends its sessions, also against a user who holds on with all means. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { TargetError } from '../connector.js';
import type { Account } from './account.js';
import { hasState } from './errors.js';
import { countEnded } from './ledger.js';
import { by } from './makers.js';
import { onDiskLater, type Session } from './server.js';

/** Well inside the 10 s that one attempt at a removal has; the next attempt goes on. */
const patienceMs = 6_000;
const everyMs = 10;

/** Ends the sessions of a role, by its number; answers how many there still were. */
export type Cut = (role: number) => Promise<number>;

/** Counts each session once in what the removal will say. */
export function cutter(session: Session, name: string): Cut {
  const seen = new Set<number>();
  return async (role) => {
    const pids = await terminate(session, name, role);
    const fresh = pids.filter((pid) => !seen.has(pid));
    for (const pid of fresh) seen.add(pid);
    await countEnded(session, name, fresh.length);
    return pids.length;
  };
}

/** No new logins, from the commit of this on. `onHeld`: something other than a session may hold the role. */
export async function shutDoor(
  session: Session,
  { name, role, maker }: Account,
  cut: Cut,
  onHeld: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      const shut = by(maker, `ALTER ROLE ${pg.escapeIdentifier(name)} NOLOGIN`);
      await session.query(`SET LOCAL lock_timeout = '100ms'; ${onDiskLater}; ${shut}`);
      return;
    } catch (error) {
      // 55P03 lock not available, XX000 "tuple concurrently updated": a role may change its own password, and a session
      // that does so in an open transaction holds the row that we need. Such sessions go first.
      if (!hasState(error, '55P03', 'XX000') || Date.now() > deadline) throw error;
      await cut(role);
      await onHeld();
      await pause(everyMs, undefined, { signal });
    }
  }
}

/** Until none is left. */
export async function endSessions(role: number, cut: Cut, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const still = await cut(role);
    if (still === 0) return;
    if (Date.now() > deadline) {
      throw new TargetError('unknown', 'target-refused', `${still} sessions of the account do not end.`);
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
