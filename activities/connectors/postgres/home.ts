/** What the provisioner keeps about every account: that it was made, how, and that it is over. One row is the tombstone. */
import pg from 'pg';
import type { Instant } from '../../../workflows/domain/time.js';
import { TargetError } from '../connector.js';
import { type Label, labelText } from './account.js';
import { lock, lockOfPreparing } from './locks.js';
import { by, makerOf } from './makers.js';
import type { Session } from './server.js';

const { escapeIdentifier, escapeLiteral } = pg;

/** Owns what removed accounts left behind. Holds nothing and cannot log in. */
export const graveyard = 'daypass_graveyard';

/** SQL that is true for a role (the alias of a row of pg_roles) that the provisioner, or a maker, made as somebody's account. */
export function isAccount(alias: string): string {
  return `(starts_with(${alias}.rolname, 'daypass_') AND NOT ${alias}.rolcreaterole AND ${alias}.rolname <> '${graveyard}'
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

/**
 * Makes what the provisioner needs for itself, if it is not there yet. Several processes may start at once. Answers which server
 * this is: PostgreSQL's system identifier, the same only for copies of one server.
 */
export async function prepare(session: Session): Promise<string> {
  const [found] = await session.query<{ ready: boolean; identity: string }>(
    `SELECT to_regclass('daypass.account_automatic') IS NOT NULL AND to_regrole($1) IS NOT NULL AS ready,
       system_identifier::text AS identity FROM pg_control_system()`,
    [graveyard],
  );
  if (found === undefined) throw new TargetError('unknown', 'target-unavailable', 'PostgreSQL does not say who it is.');
  if (!found.ready) await layOut(session);
  return found.identity;
}

async function layOut(session: Session): Promise<void> {
  await session.transaction(async () => {
    await lock(session, lockOfPreparing);
    await session.query(layout);
    const [role] = await session.query(`SELECT FROM pg_roles WHERE rolname = $1`, [graveyard]);
    if (role) return;
    await session.query(`CREATE ROLE ${graveyard} NOLOGIN`);
    await session.query(`COMMENT ON ROLE ${graveyard} IS 'Daypass: owns what removed accounts left behind'`);
    await session.query(`GRANT ${graveyard} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`);
  });
}

export interface Role {
  name: string;
  /** PostgreSQL's number of the role. */
  oid: number;
  comment?: string;
  /** Absent where the provisioner itself made it. */
  maker?: string;
  /** Infinity where PostgreSQL would let it in for ever. */
  validUntil: Instant;
}

export async function findRole(session: Session, name: string): Promise<Role | undefined> {
  // The driver reads `infinity` as the number, and everything else as a Date.
  const [row] = await session.query<{
    oid: number;
    comment: string | null;
    maker: string | null;
    until: Date | number | null;
  }>(
    `SELECT oid, shobj_description(oid, 'pg_authid') AS comment, ${makerOf('r')} AS maker,
       rolvaliduntil AS until FROM pg_roles r WHERE rolname = $1`,
    [name],
  );
  if (row === undefined) return undefined;
  const { oid, comment, maker, until } = row;
  return {
    name,
    oid,
    validUntil: Number(until ?? Infinity),
    ...(comment === null ? {} : { comment }),
    ...(maker === null ? {} : { maker }),
  };
}

/** Changes an account, as ALTER ROLE has it, and its label with it. In the transaction that found it. */
export async function alterRole(session: Session, { name, maker }: Role, change: string, label: Label): Promise<void> {
  const role = escapeIdentifier(name);
  const altered = `
    ALTER ROLE ${role} ${change};
    COMMENT ON ROLE ${role} IS ${escapeLiteral(labelText(label))}`;
  await session.query(by(maker, altered));
}
