/**
 * Removes the account of a grant and proves it. Every step may be repeated; absent is success.
 *
 * 1. The tombstone stands before anything else happens. Creation looks for it in its own transaction, under the same lock,
 *    so no attempt that is still under way has to be waited out.
 * 2. First the door is shut; then the rights go, wherever they could still be used; then the sessions end.
 * 3. After the drop, whatever slipped in is ended by the role's number.
 * 4. The answer is what was read back, not what was done, and says when by the target's clock: ours may be wrong.
 */
import pg from 'pg';
import { type Removed, TargetError } from '../connector.js';
import { type Account, accountName, ownLabel } from './account.js';
import { databasesOf, letBack, takeBelongings } from './belongings.js';
import { withoutBlockers } from './blockers.js';
import { hasState } from './errors.js';
import { findRole, prepare } from './home.js';
import { findEntry, plantTombstone, recordingRemoved, remark } from './ledger.js';
import { lockAcross, unlock } from './locks.js';
import { by } from './makers.js';
import { rollBackPrepared } from './prepared.js';
import { onDiskLater, type Server, type Session } from './server.js';
import { awaitLogins, type Cut, cutter, endSessions, shutDoor } from './sessions.js';

const { escapeIdentifier } = pg;

/** Of taking things away and dropping the role, while somebody goes on giving the account more. */
const roundsMax = 5;

export async function remove(
  server: Server,
  installation: string,
  grantId: string,
  privilegeRoles: string[],
  signal: AbortSignal,
): Promise<Removed> {
  const name = accountName(installation, grantId);
  return withoutBlockers(server, signal, () =>
    server.home(signal, async (session) => {
      const targetIdentity = await prepare(session);
      await lockAcross(session, name);
      const known = await plantTombstone(session, installation, name);
      const cut = cutter(session, name);
      // What its sessions have locked must not stand in the way of anything that follows. Whoever comes back meets the shut door.
      if (known?.role !== undefined) await cut(known.role);
      const found = await findRole(session, name);
      if (found) {
        const { privilege } = ownLabel(installation, grantId, found.comment);
        const account = { name, role: found.oid, privilege, maker: found.maker };
        await removeRole(server, session, account, cut, signal);
      } else if (known?.role !== undefined) {
        if (known.removedAt === undefined) await remark(session, name, 'somebody else had dropped the role before');
        await awaitLogins(session, signal);
      }
      // Also of a role that an administrator dropped: its sessions live on until they are ended.
      const role = found?.oid ?? known?.role;
      if (role !== undefined) await endSessions(role, cut, signal);
      await remarkOnOwners(session, name, privilegeRoles);
      const removal = await readBack(session, name, grantId);
      await unlock(session, name);
      return { ...removal, targetIdentity };
    }),
  );
}

async function removeRole(
  server: Server,
  session: Session,
  account: Account,
  cut: Cut,
  signal: AbortSignal,
): Promise<void> {
  const { name, role } = account;
  const remarkHere = (text: string): Promise<void> => remark(session, name, text);
  const onHeld = (): Promise<void> => rollBackPrepared(server, session, account, remarkHere, signal);
  await shutDoor(session, account, cut, onHeld, signal);
  await awaitLogins(session, signal);
  const open = await cut(role);
  await strip(session, account, open > 0);
  if (open > 0) await endSessions(role, cut, signal);
  const heldOff = new Set<string>();
  try {
    for (let round = 1; ; round++) {
      await takeBelongings(server, session, account, round > 1 ? heldOff : undefined, remarkHere, signal);
      if (await drop(session, account, round)) return;
    }
  } finally {
    await letBack(session, heldOff);
  }
}

/** False when somebody gave it something since all was taken, and it is worth another round. */
async function drop(session: Session, account: Account, round: number): Promise<boolean> {
  const { name, role, maker } = account;
  const dropped = by(maker, `DROP ROLE IF EXISTS ${escapeIdentifier(name)}`);
  try {
    await session.query(`${dropped}; ${recordingRemoved(name, role)}`);
    return true;
  } catch (error) {
    if (!hasState(error, '2BP01')) throw error;
    if (round === roundsMax) throw await stillHolds(session, account, error);
    return false;
  }
}

/** Only a superuser, or whoever granted it, can take a right away that somebody granted to the account itself. */
async function stillHolds(session: Session, account: Account, cause: unknown): Promise<TargetError> {
  const databases = (await databasesOf(session, account)).map((each) => escapeIdentifier(each)).join(', ');
  return new TargetError(
    'unknown',
    'target-refused',
    'The account cannot log in any more, but somebody gave it rights that the provisioner may not take, so its role stands. ' +
      `Run as a superuser, in each of ${databases}: DROP OWNED BY ${escapeIdentifier(account.name)};`,
    { cause },
  );
}

/**
 * Takes the memberships that we gave, where somebody could still use them: in a session, through what the account owns, or as a
 * member of it. Where nobody can, they go with the role, since each change of memberships has PostgreSQL look through all of
 * them again. One that somebody else gave goes with the role too, and is told.
 */
async function strip(session: Session, account: Account, hasSessions: boolean): Promise<void> {
  const { name, role, maker } = account;
  const held = await session.query<{ privilege: string; giver: string; ours: boolean; used: boolean }>(
    `SELECT p.rolname AS privilege, g.rolname AS giver, g.rolname IN (current_user, $2) AS ours,
       EXISTS (SELECT FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1)
         OR EXISTS (SELECT FROM pg_auth_members WHERE roleid = $1 AND (inherit_option OR set_option)) AS used
     FROM pg_auth_members m JOIN pg_roles p ON p.oid = m.roleid JOIN pg_roles g ON g.oid = m.grantor WHERE m.member = $1`,
    [role, maker],
  );
  for (const { privilege, giver, ours, used } of held) {
    if (!ours) await remark(session, name, `somebody else had made the account a member of ${privilege}`);
    else if (hasSessions || used) await revoke(session, name, privilege, giver === maker ? maker : undefined);
  }
}

async function revoke(session: Session, name: string, privilege: string, giver: string | undefined): Promise<void> {
  const taken = by(giver, `REVOKE ${escapeIdentifier(privilege)} FROM ${escapeIdentifier(name)}`);
  try {
    await session.query(`${onDiskLater}; ${taken}`);
  } catch (error) {
    // Somebody changes the privilege role just now. Sessions must not live on for that: it goes with the role.
    if (!hasState(error, '55P03')) throw error;
  }
}

/** A privilege role owns nothing, or the check at start had refused it: what it owns now, somebody left behind. */
async function remarkOnOwners(session: Session, name: string, privilegeRoles: string[]): Promise<void> {
  const rows = await session.query<{ role: string; objects: number }>(
    `SELECT rolname AS role, count(*)::integer AS objects FROM pg_shdepend JOIN pg_roles r ON r.oid = refobjid
     WHERE refclassid = 'pg_authid'::regclass AND deptype = 'o' AND rolname = ANY ($1) GROUP BY rolname`,
    [privilegeRoles],
  );
  for (const { role, objects } of rows) {
    await remark(session, name, `the privilege role ${role} owns ${objects} objects: somebody left them behind`);
  }
}

async function readBack(session: Session, name: string, grantId: string): Promise<Omit<Removed, 'targetIdentity'>> {
  const entry = await findEntry(session, name);
  const [left] = await session.query<{ now: Date; roles: number; sessions: number; prepared: number }>(
    `SELECT clock_timestamp() AS now, (SELECT count(*)::integer FROM pg_roles WHERE rolname = $1) AS roles,
       (SELECT count(*)::integer FROM pg_stat_activity WHERE usename = $1 OR usesysid = $2
          AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = $2)) AS sessions,
       (SELECT count(*)::integer FROM pg_prepared_xact() WHERE ownerid = $2) AS prepared`,
    [name, entry?.role ?? null],
  );
  if (!entry?.isOver || left === undefined || left.roles + left.sessions + left.prepared > 0) {
    throw new TargetError('unknown', 'target-refused', 'Something of the account still stands after its removal.');
  }
  const verifiedAt = left.now.getTime();
  return {
    grantId,
    account: name,
    removedAt: entry.removedAt ?? verifiedAt,
    verifiedAt,
    wasPresent: entry.removedAt !== undefined,
    sessionsEnded: entry.sessionsEnded,
    remarks: entry.remarks,
  };
}
