/**
 * Finds or makes the account of a grant.
 *
 * 1. One transaction, under the account's lock: where a tombstone stands nothing is made, however late an attempt arrives.
 * 2. The end is computed once and stored in the label; a retry answers with the stored one.
 * 3. A retry hands out a new password, since the earlier answer may be lost; an attempt older than the valid password's does not.
 */
import pg from 'pg';
import { type Order, type Provision, TargetError } from '../connector.js';
import { accountName, allOf, type Label, labelText, ownLabel } from './account.js';
import { alterRole, findRole, prepare, type Role } from './home.js';
import { findEntry, madeWithinTheHour, recordingMade } from './ledger.js';
import { lock } from './locks.js';
import { by, makerFor } from './makers.js';
import type { PostgresPrivilege } from './privilege.js';
import { newPassword, scramVerifier } from './scram.js';
import type { Server, Session } from './server.js';

const { escapeIdentifier, escapeLiteral } = pg;

/** Enough for a pool of a tool, too few to use the server up. */
export const connectionsMax = 10;

export async function provision(
  server: Server,
  installation: string,
  order: Order<PostgresPrivilege>,
  signal: AbortSignal,
): Promise<Provision> {
  const name = accountName(installation, order.grantId);
  const password = newPassword();
  // Some milliseconds of another thread, while the target answers.
  const derived = scramVerifier(password);
  // Where the target fails first, nobody waits for it.
  derived.catch(() => undefined);
  const { host, port, database } = server.address;
  return server.home(signal, async (session) => {
    const targetIdentity = await prepare(session);
    const verifier = await derived;
    const { endsAt, signedBy } = await session.transaction(async () => {
      await lock(session, name);
      await refuseIfOver(session, name);
      const role = await findRole(session, name);
      if (role === undefined) return create(session, name, installation, order, verifier);
      return repeat(session, role, ownLabel(installation, order.grantId, role.comment), order, verifier);
    });
    return {
      grantId: order.grantId,
      account: name,
      endsAt,
      evidenceDigest: order.evidenceDigest,
      targetIdentity,
      signedBy,
      credential: { kind: 'postgres', host, port, database, username: name, password },
    };
  });
}

export async function refuseIfOver(session: Session, name: string): Promise<void> {
  const entry = await findEntry(session, name);
  if (entry?.isOver) {
    throw new TargetError('refused', 'tombstone', 'This grant is over at this target: nothing is made for it again.');
  }
}

async function create(
  session: Session,
  name: string,
  installation: string,
  order: Order<PostgresPrivilege>,
  verifier: string,
): Promise<Label> {
  await refuseIfTooMany(session, installation, order);
  const startsAt = Date.now();
  const label = {
    installation,
    grantId: order.grantId,
    evidence: order.evidenceDigest,
    privilege: order.privilege.role,
    startsAt,
    endsAt: Math.min(startsAt + order.durationMs, order.endBy),
    attempt: order.attempt,
    signedBy: allOf([], order.signedBy),
  };
  if (label.endsAt <= startsAt) {
    throw new TargetError('refused', 'bad-evidence', 'The time in which this access was agreed has passed.');
  }
  const role = escapeIdentifier(name);
  const privilege = escapeIdentifier(order.privilege.role);
  const maker = await makerFor(session, name, order.privilege.role);
  // INHERIT without SET: the rights of the privilege role, but no way to create anything in its name.
  const made = `
    CREATE ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
      CONNECTION LIMIT ${connectionsMax} PASSWORD ${escapeLiteral(verifier)} VALID UNTIL ${instant(label.endsAt)};
    COMMENT ON ROLE ${role} IS ${escapeLiteral(labelText(label))};
    GRANT ${privilege} TO ${role} WITH ADMIN FALSE, INHERIT TRUE, SET FALSE`;
  const { entitlement } = order;
  const automatic = order.automaticPerHour !== undefined;
  await session.query(`${by(maker, made)}; ${recordingMade({ name, installation, entitlement, automatic })}`);
  return label;
}

async function repeat(
  session: Session,
  role: Role,
  label: Label,
  order: Order<PostgresPrivilege>,
  verifier: string,
): Promise<Label> {
  refuseUnlessOn(label, order);
  if (label.renewedAt !== undefined) {
    throw new TargetError('refused', 'target-refused', 'The password was renewed since; this order comes too late.');
  }
  refuseIfOlder(label, order);
  return replacePassword(session, role, label, order, verifier);
}

/** The account was made, and last extended, on exactly this evidence. */
export function refuseUnlessOn(label: Label, order: Order<PostgresPrivilege>): void {
  if (label.evidence === order.evidenceDigest) return;
  throw new TargetError('refused', 'bad-evidence', 'The account of this grant was made on other evidence.');
}

export function refuseIfOlder(label: Label, order: Order<PostgresPrivilege>): void {
  if (order.attempt >= label.attempt) return;
  // A repeated activity counts from 1 again, so this one may still become the newest.
  throw new TargetError('unknown', 'target-unavailable', 'A later attempt has made the password that is valid now.');
}

/** The old one is refused from the next login on; sessions that are open go on. */
export async function replacePassword(
  session: Session,
  role: Role,
  label: Label,
  order: Order<PostgresPrivilege>,
  verifier: string,
): Promise<Label> {
  const { attempt, renewedAt, signedBy } = order;
  const renewed = {
    ...label,
    attempt,
    signedBy: allOf(label.signedBy, signedBy),
    ...(renewedAt === undefined ? {} : { renewedAt }),
  };
  await alterRole(session, role, `PASSWORD ${escapeLiteral(verifier)}`, renewed);
  return renewed;
}

/** Counted under a lock of the entitlement, so that two orders at once cannot both be the last one. */
async function refuseIfTooMany(session: Session, installation: string, order: Order<PostgresPrivilege>): Promise<void> {
  if (order.automaticPerHour === undefined) return;
  await lock(session, `automatic ${installation} ${order.entitlement}`);
  const made = await madeWithinTheHour(session, installation, order.entitlement);
  if (made < order.automaticPerHour) return;
  throw new TargetError(
    'refused',
    'ceiling-refused',
    `The ceiling allows ${order.automaticPerHour} grants of ${order.entitlement} without approval in an hour, and they are used up.`,
  );
}

export function instant(at: number): string {
  return escapeLiteral(new Date(at).toISOString());
}
