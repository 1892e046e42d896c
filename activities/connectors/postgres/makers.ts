/**
 * The roles in whose place accounts are made, changed and dropped. For each such statement PostgreSQL 16 and newer looks through
 * every role that whoever runs it administers, and through what those are members of: with ten thousand accounts under one role
 * that is 25 ms, five times in a grant's life; with a sixteenth of them under each of these it is 2 ms.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { lock, lockOfPreparing } from './locks.js';
import type { Session } from './server.js';

const { escapeIdentifier, escapeLiteral } = pg;

const prefix = 'daypass_maker_';
const makersMost = 16;

/** SQL that is true for a role (the alias of a row of pg_roles) that is a maker: no account is one. */
function isMaker(alias: string): string {
  return `(starts_with(${alias}.rolname, '${prefix}') AND NOT ${alias}.rolcanlogin AND ${alias}.rolcreaterole)`;
}

/** SQL that names the maker of a role; null where the provisioner itself made it. */
export function makerOf(alias: string): string {
  return `(SELECT maker.rolname FROM pg_auth_members m JOIN pg_roles maker ON maker.oid = m.member
    WHERE m.roleid = ${alias}.oid AND m.admin_option AND ${isMaker('maker')} LIMIT 1)`;
}

/**
 * Statements for one query, in a transaction or with others that make it one, run by the maker, or by the provisioner where there
 * is none. The provisioner may do all that a maker may, slowly.
 */
export function by(maker: string | undefined, statements: string): string {
  return maker === undefined ? statements : `SET LOCAL ROLE ${escapeIdentifier(maker)}; ${statements}; RESET ROLE`;
}

/** Who makes the account of this name, able to hand out this privilege. In the transaction that makes it. */
export async function makerFor(session: Session, name: string, privilege: string): Promise<string> {
  const [share = 0] = createHash('sha256').update(name).digest();
  const maker = `${prefix}${share % makersMost}`;
  if (await mayHandOut(session, maker, privilege)) return maker;
  await lock(session, lockOfPreparing);
  if (!(await mayHandOut(session, maker, privilege))) await employ(session, maker, privilege);
  return maker;
}

async function mayHandOut(session: Session, maker: string, privilege: string): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_auth_members m JOIN pg_roles p ON p.oid = m.roleid JOIN pg_roles maker ON maker.oid = m.member
     WHERE p.rolname = $1 AND maker.rolname = $2 AND m.admin_option`,
    [privilege, maker],
  );
  return rows.length > 0;
}

async function employ(session: Session, maker: string, privilege: string): Promise<void> {
  const role = escapeIdentifier(maker);
  const [found] = await session.query(`SELECT FROM pg_roles WHERE rolname = $1`, [maker]);
  if (!found) {
    await session.query(`
      CREATE ROLE ${role} NOLOGIN CREATEROLE;
      COMMENT ON ROLE ${role} IS ${escapeLiteral('Daypass: makes accounts in the place of the provisioner')};
      GRANT ${role} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`);
  }
  await session.query(`GRANT ${escapeIdentifier(privilege)} TO ${role} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`);
}
