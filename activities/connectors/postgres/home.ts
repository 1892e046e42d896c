/** What the provisioner keeps about every account: that it was made, how, and that it is over. One row is the tombstone. */
import type { Instant } from '../../../workflows/domain/time.js';
import { TargetError } from '../connector.js';
import type { Session } from './server.js';

/** Owns what removed accounts left behind. Holds nothing and cannot log in. */
export const graveyard = 'daypass_graveyard';

/** SQL that is true for a role (the alias of a row of pg_roles) that the provisioner made as somebody's account. */
export function isAccount(alias: string): string {
  return `(starts_with(${alias}.rolname, 'daypass_') AND ${alias}.rolname NOT IN (current_user, '${graveyard}')
    AND pg_has_role(current_user, ${alias}.oid, 'USAGE WITH ADMIN OPTION'))`;
}

const layout = `
  CREATE SCHEMA IF NOT EXISTS daypass;
  CREATE TABLE IF NOT EXISTS daypass.account (
    name text PRIMARY KEY,
    installation text NOT NULL,
    -- Known once the role was made; kept, so that sessions of a dropped role are still found.
    role oid,
    entitlement text,
    automatic boolean NOT NULL DEFAULT false,
    made_at timestamptz,
    -- The tombstone: from here on nothing is made under this name.
    over_at timestamptz,
    removed_at timestamptz,
    sessions_ended integer NOT NULL DEFAULT 0,
    remarks text[] NOT NULL DEFAULT '{}'
  );
  CREATE INDEX IF NOT EXISTS account_automatic ON daypass.account (installation, entitlement, made_at) WHERE automatic;
`;

/** Makes what the provisioner needs for itself, if it is not there yet. Several processes may start at once. */
export async function prepare(session: Session): Promise<void> {
  const [found] = await session.query<{ ready: boolean }>(
    `SELECT to_regclass('daypass.account_automatic') IS NOT NULL AND to_regrole($1) IS NOT NULL AS ready`,
    [graveyard],
  );
  if (found?.ready) return;
  await session.transaction(async () => {
    await lock(session, 'prepare');
    await session.query(layout);
    const [role] = await session.query(`SELECT FROM pg_roles WHERE rolname = $1`, [graveyard]);
    if (role) return;
    await session.query(`CREATE ROLE ${graveyard} NOLOGIN`);
    await session.query(`COMMENT ON ROLE ${graveyard} IS 'Daypass: owns what removed accounts left behind'`);
    await session.query(`GRANT ${graveyard} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`);
  });
}

/** Until the end of the transaction; creation, a moved end and removal of one account exclude each other. */
export async function lock(session: Session, name: string): Promise<void> {
  await session.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [name]);
}

/** Until `unlock` or the end of the connection, for work of several commits. The same lock as `lock`. */
export async function lockAcross(session: Session, name: string): Promise<void> {
  await session.query(`SELECT pg_advisory_lock(hashtextextended($1, 0))`, [name]);
}

export async function unlock(session: Session, name: string): Promise<void> {
  await session.query(`SELECT pg_advisory_unlock(hashtextextended($1, 0))`, [name]);
}

export interface Role {
  /** PostgreSQL's number of the role. */
  oid: number;
  comment?: string;
  /** Infinity where PostgreSQL would let it in for ever. */
  validUntil: Instant;
}

export async function findRole(session: Session, name: string): Promise<Role | undefined> {
  // The driver reads `infinity` as the number, and everything else as a Date.
  const [row] = await session.query<{ oid: number; comment: string | null; until: Date | number | null }>(
    `SELECT oid, shobj_description(oid, 'pg_authid') AS comment, rolvaliduntil AS until FROM pg_roles WHERE rolname = $1`,
    [name],
  );
  if (row === undefined) return undefined;
  const { oid, comment, until } = row;
  return { oid, validUntil: Number(until ?? Infinity), ...(comment === null ? {} : { comment }) };
}

/** PostgreSQL's system identifier: the same only for copies of one server. */
export async function identity(session: Session): Promise<string> {
  const [row] = await session.query<{ identity: string }>(
    `SELECT system_identifier::text AS identity FROM pg_control_system()`,
  );
  if (row === undefined) throw new TargetError('unknown', 'target-unavailable', 'PostgreSQL does not say who it is.');
  return row.identity;
}
