/** Drops the functions of an account, some at a time, so that every attempt at a removal gets further. */
import type { Account } from './account.js';
import { hasState } from './errors.js';
import type { Remark } from './remark.js';
import type { Session } from './server.js';

const atOnce = 200;

/**
 * Functions are code that others may be made to run, as the account or, given away, as the graveyard: they go. A role
 * without CREATE has none, so one that is here came by a right that the check at start would have refused.
 */
export async function dropRoutines(
  session: Session,
  account: Account,
  remark: Remark,
  inPlace: (work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  for (let told = 20; ; told = 0) {
    const routines = await session.query<Routine>(
      `SELECT oid, prosecdef AS definer FROM pg_proc WHERE proowner = $1 ORDER BY oid LIMIT ${atOnce}`,
      [account.role],
    );
    if (routines.length === 0) return;
    await inPlace(async () => {
      for (const [index, routine] of routines.entries()) {
        const { oid, definer } = routine;
        if (index < told)
          await remark(`function ${oid}${definer ? ' (SECURITY DEFINER)' : ''} of the account was dropped`);
        else if (index === told) await remark('more functions of the account were dropped');
        await drop(session, oid, remark);
      }
    });
  }
}

interface Routine {
  oid: number;
  definer: boolean;
}

async function drop(session: Session, oid: number, remark: Remark): Promise<void> {
  // Asked for now: one before it may have taken this one along.
  const [found] = await session.query<{ signature: string }>(
    `SELECT oid::regprocedure::text AS signature FROM pg_proc WHERE oid = $1`,
    [oid],
  );
  if (found === undefined) return;
  await session.query('SAVEPOINT routine');
  try {
    // The server itself quoted the signature.
    await session.query(`DROP ROUTINE ${found.signature}`);
  } catch (error) {
    await session.query('ROLLBACK TO SAVEPOINT routine');
    if (!hasState(error, '2BP01')) throw error;
    await remark(`what depended on function ${oid} was dropped with it`);
    await session.query(`DROP ROUTINE ${found.signature} CASCADE`);
  }
  await session.query('RELEASE SAVEPOINT routine');
}
