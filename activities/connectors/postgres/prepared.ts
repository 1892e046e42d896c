/** Rolls back prepared transactions that stand in the way of a removal: no session is left that could be ended. */
import pg from 'pg';
import type { Account } from './account.js';
import { isAccount } from './home.js';
import type { Remark } from './remark.js';
import type { Server, Session } from './server.js';

const { escapeIdentifier, escapeLiteral } = pg;

/** Those of the account, and those in which another account's user did something to it, which locks its role. */
export async function rollBackPrepared(
  server: Server,
  home: Session,
  account: Account,
  remark: Remark,
  signal: AbortSignal,
): Promise<void> {
  const rows = await home.query<{ gid: string; database: string; owner: string }>(
    `SELECT gid, database, owner FROM pg_prepared_xacts x JOIN pg_roles r ON r.rolname = x.owner
     WHERE owner = $1 OR (${isAccount('r')} AND EXISTS (
       SELECT FROM pg_locks held JOIN pg_locks own USING (virtualtransaction)
       WHERE held.locktype = 'object' AND held.classid = 'pg_authid'::regclass AND held.objid = $2
         AND own.locktype = 'transactionid' AND own.transactionid = x.transaction AND own.pid IS NULL))`,
    [account.name, account.role],
  );
  for (const { gid, database, owner } of rows) {
    const whose = owner === account.name ? '' : ' of another account, which held this one,';
    await remark(`database ${database}: a prepared transaction${whose} was rolled back`);
    const role = escapeIdentifier(owner);
    // Only its owner may.
    await home.query(`GRANT ${role} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE`);
    await server.elsewhere(database, signal, async (session) => {
      await session.query(`SET ROLE ${role}`);
      await session.query(`ROLLBACK PREPARED ${escapeLiteral(gid)}`);
    });
    await home.query(`REVOKE ${role} FROM CURRENT_USER`);
  }
}
