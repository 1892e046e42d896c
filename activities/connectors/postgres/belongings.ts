/** Takes from an account what it owns and what it was given, in every database of the server, and says what that was. */
import pg from 'pg';
import { TargetError } from '../connector.js';
import { hasState } from './errors.js';
import { graveyard } from './home.js';
import { homeDatabase, type Server, type Session } from './server.js';

const { escapeIdentifier, escapeLiteral } = pg;

/** Objects by kind and number: their names may be the account's user's own words. */
type Remark = (text: string) => Promise<void>;

export interface Account {
  name: string;
  role: number;
  /** The role that it was a member of. */
  privilege: string;
}

export async function takeBelongings(
  server: Server,
  home: Session,
  account: Account,
  remark: Remark,
  signal: AbortSignal,
): Promise<void> {
  const prepared = await home.query<{ gid: string; database: string }>(
    `SELECT gid, database FROM pg_prepared_xacts WHERE owner = $1`,
    [account.name],
  );
  const before = await databasesOf(home, account);
  if (prepared.length === 0 && before.length === 0) return;
  // Only who has the rights of a role may give its things away.
  await home.query(`GRANT ${escapeIdentifier(account.name)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`);
  for (const { gid, database } of prepared) {
    await remark(`database ${database}: a prepared transaction was rolled back`);
    await server.elsewhere(database, signal, async (session) => {
      await session.query(`SET ROLE ${escapeIdentifier(account.name)}`);
      await session.query(`ROLLBACK PREPARED ${escapeLiteral(gid)}`);
    });
  }
  // A rolled back transaction may have been all that there was.
  for (const database of await databasesOf(home, account)) {
    const remarkHere: Remark = (text) => remark(`database ${database}: ${text}`);
    await inDatabase(server, database, signal, async (session) => {
      // In a transaction of its own: what cannot be given away must not bring the functions back.
      await inItsPlace(session, account, () => dropRoutines(session, account, remarkHere));
      await inItsPlace(session, account, () => giveAway(session, account, remarkHere));
    });
  }
}

/** Where something depends on the role. What belongs to the whole server can be taken from anywhere. */
export async function databasesOf(home: Session, { role }: Account): Promise<string[]> {
  const rows = await home.query<{ database: string }>(
    `SELECT DISTINCT coalesce(datname, $2) AS database FROM pg_shdepend LEFT JOIN pg_database d ON d.oid = dbid
     WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1`,
    [role, homeDatabase],
  );
  return rows.map(({ database }) => database);
}

async function inDatabase(
  server: Server,
  database: string,
  signal: AbortSignal,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  try {
    await server.elsewhere(database, signal, work);
  } catch (error) {
    if (!hasState(error, '42501')) throw error;
    const user = escapeIdentifier(server.address.user);
    throw new TargetError(
      'refused',
      'target-refused',
      `The account cannot log in any more, but the provisioner may not take over what it owns in the database ${database}. ` +
        `Run as a superuser: GRANT CONNECT ON DATABASE ${escapeIdentifier(database)} TO ${user}; and, if that is not enough, ` +
        `in that database: REASSIGN OWNED BY <the account> TO ${graveyard}; DROP OWNED BY <the account>;`,
      { cause: error },
    );
  }
}

/**
 * What the account made may lie in a schema that only its privilege lets anybody into. For this one transaction it holds that
 * again, and we through it; nobody else ever sees it, since it is taken back before the commit.
 */
async function inItsPlace(session: Session, { name, privilege }: Account, work: () => Promise<void>): Promise<void> {
  await session.transaction(async () => {
    const [held] = await session.query(`SELECT FROM pg_roles WHERE rolname = $1`, [privilege]);
    const role = escapeIdentifier(privilege);
    if (held) await session.query(`GRANT ${role} TO ${escapeIdentifier(name)} WITH INHERIT TRUE, SET FALSE`);
    await work();
    if (held) await session.query(`REVOKE ${role} FROM ${escapeIdentifier(name)}`);
  });
}

/**
 * Functions are code that others may be made to run, as the account or, given away, as the graveyard: they go. A role
 * without CREATE has none, so one that is here came by a right that the check at start would have refused.
 */
async function dropRoutines(session: Session, { role }: Account, remark: Remark): Promise<void> {
  const routines = await session.query<{ oid: number; definer: boolean; signature: string }>(
    `SELECT oid, prosecdef AS definer, oid::regprocedure::text AS signature FROM pg_proc WHERE proowner = $1`,
    [role],
  );
  for (const { oid, definer, signature } of routines) {
    await remark(`function ${oid}${definer ? ' (SECURITY DEFINER)' : ''} of the account was dropped`);
    await session.query('SAVEPOINT routine');
    try {
      // The server itself quoted the signature.
      await session.query(`DROP ROUTINE ${signature}`);
    } catch (error) {
      await session.query('ROLLBACK TO SAVEPOINT routine');
      // One before it took this one along.
      if (hasState(error, '42883')) continue;
      if (!hasState(error, '2BP01')) throw error;
      await remark(`what depended on function ${oid} was dropped with it`);
      await session.query(`DROP ROUTINE ${signature} CASCADE`);
    }
  }
}

/** Data outlives the account, in hands that can do nothing with it. */
async function giveAway(session: Session, { name, role }: Account, remark: Remark): Promise<void> {
  const owned = await session.query<{ kind: string; oid: number; view: string | null }>(
    `SELECT classid::regclass::text AS kind, objid AS oid, c.oid::regclass::text AS view
     FROM pg_shdepend LEFT JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid AND relkind = 'v'
     WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1 AND deptype = 'o' AND classid <> 'pg_default_acl'::regclass
       AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))`,
    [role],
  );
  for (const { view } of owned) {
    // Else it would read what else lies in the graveyard, for everyone whom the account let read the view.
    if (view !== null) await session.query(`ALTER VIEW ${view} SET (security_invoker = true)`);
  }
  if (owned.length > 0) {
    const some = owned.slice(0, 20).map(({ kind, oid }) => `${kind} ${oid}`);
    const more = owned.length > some.length ? ` and ${owned.length - some.length} more` : '';
    await remark(`now owned by ${graveyard}: ${some.join(', ')}${more}`);
  }
  await session.query(`REASSIGN OWNED BY ${escapeIdentifier(name)} TO ${graveyard}`);
  await session.query(`DROP OWNED BY ${escapeIdentifier(name)}`);
}
