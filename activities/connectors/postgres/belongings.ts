/** Takes from an account what it owns and what it was given, in every database of the server, and says what that was. */
import pg from 'pg';
import { TargetError } from '../connector.js';
import type { Account } from './account.js';
import { hasState } from './errors.js';
import { graveyard, isAccount } from './home.js';
import { moveLargeObjects } from './large-objects.js';
import { rollBackPrepared } from './prepared.js';
import { connectionsMax } from './provision.js';
import { type Remark, some } from './remark.js';
import { dropRoutines } from './routines.js';
import { homeDatabase, type Server, type Session } from './server.js';

const { escapeIdentifier } = pg;

/** `heldOff`, in later rounds: who gave the account something just when all had been taken is kept out, and added. */
export async function takeBelongings(
  server: Server,
  home: Session,
  account: Account,
  heldOff: Set<string> | undefined,
  remark: Remark,
  signal: AbortSignal,
): Promise<void> {
  await rollBackPrepared(server, home, account, remark, signal);
  const databases = await databasesOf(home, account);
  if (databases.length === 0) return;
  // Only who has the rights of a role may give its things away.
  await home.query(`GRANT ${escapeIdentifier(account.name)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`);
  for (const database of databases) {
    const remarkHere: Remark = (text) => remark(`database ${database}: ${text}`);
    await inDatabase(server, database, signal, async (session) => {
      const givers = await giversOf(session, account);
      if (heldOff !== undefined) await holdOff(session, givers, heldOff);
      const inPlace = (work: () => Promise<void>): Promise<void> => inItsPlace(session, account, givers, work);
      // In transactions of their own: every attempt gets further, however much there is.
      await dropRoutines(session, account, remarkHere, inPlace);
      await moveLargeObjects(session, account, remarkHere, inPlace);
      await inPlace(() => giveAway(session, account, remarkHere));
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

/** Other accounts whose users gave this one a right on something of theirs (a large object, say, which anybody may make). */
async function giversOf(session: Session, { role }: Account): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT DISTINCT r.rolname AS name
     FROM pg_shdepend given JOIN pg_shdepend own USING (dbid, classid, objid, refclassid) JOIN pg_roles r ON r.oid = own.refobjid
     WHERE refclassid = 'pg_authid'::regclass AND given.refobjid = $1 AND given.deptype = 'a' AND own.deptype = 'o'
       AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
       AND own.refobjid <> $1 AND ${isAccount('r')}`,
    [role],
  );
  return rows.map(({ name }) => name);
}

/** They would go on giving while we take, and come back as fast as we end their sessions. */
async function holdOff(session: Session, givers: string[], heldOff: Set<string>): Promise<void> {
  for (const giver of givers) {
    heldOff.add(giver);
    await session.query(`ALTER ROLE ${escapeIdentifier(giver)} CONNECTION LIMIT 0`);
  }
  await session.query(`SELECT pg_terminate_backend(pid, 500) FROM pg_stat_activity WHERE usename = ANY ($1)`, [givers]);
}

/** Their grants go on. */
export async function letBack(session: Session, heldOff: Set<string>): Promise<void> {
  for (const giver of heldOff) {
    await session.query(`ALTER ROLE ${escapeIdentifier(giver)} CONNECTION LIMIT ${connectionsMax}`);
  }
}

/**
 * What the account made may lie in a schema that only its privilege lets anybody into. For this one transaction it holds that
 * again, and we through it; and we are whoever gave it something. Nobody else ever sees it: all is taken back before the commit.
 */
async function inItsPlace(
  session: Session,
  { name, privilege }: Account,
  givers: string[],
  work: () => Promise<void>,
): Promise<void> {
  await session.transaction(async () => {
    const [held] = await session.query(
      `SELECT FROM pg_roles p WHERE rolname = $1 AND pg_has_role(current_user, p.oid, 'USAGE WITH ADMIN OPTION')`,
      [privilege],
    );
    const role = escapeIdentifier(privilege);
    if (held) await session.query(`GRANT ${role} TO ${escapeIdentifier(name)} WITH INHERIT TRUE, SET FALSE`);
    for (const giver of givers) {
      await session.query(`GRANT ${escapeIdentifier(giver)} TO CURRENT_USER WITH INHERIT TRUE, SET FALSE`);
    }
    await work();
    for (const giver of givers) {
      await session.query(`REVOKE ${escapeIdentifier(giver)} FROM CURRENT_USER`);
    }
    if (held) await session.query(`REVOKE ${role} FROM ${escapeIdentifier(name)}`);
  });
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
  if (owned.length > 0)
    await remark(`now owned by ${graveyard}: ${some(owned.map(({ kind, oid }) => `${kind} ${oid}`))}`);
  await session.query(`REASSIGN OWNED BY ${escapeIdentifier(name)} TO ${graveyard}`);
  await session.query(`DROP OWNED BY ${escapeIdentifier(name)}`);
}
