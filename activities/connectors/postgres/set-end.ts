/** Moves the end of a standing account: later or earlier on evidence, earlier without; never once it is over. */
import type { StandingAccount } from '../../contract.js';
import type { Instant } from '../../../workflows/domain/time.js';
import { type Order, TargetError } from '../connector.js';
import { accountName, allOf, type Label, ownLabel } from './account.js';
import { alterRole, findRole, prepare, type Role } from './home.js';
import { lock } from './locks.js';
import type { PostgresPrivilege } from './privilege.js';
import { instant, refuseIfOver } from './provision.js';
import type { Server } from './server.js';

/** `durationMs` of the order is the whole time since activation. Repeating it changes nothing. */
export function setEnd(
  server: Server,
  installation: string,
  order: Order<PostgresPrivilege>,
  signal: AbortSignal,
): Promise<StandingAccount> {
  return move(server, installation, order.grantId, signal, (label) => ({
    ...label,
    endsAt: Math.min(label.startsAt + order.durationMs, order.endBy),
    evidence: order.evidenceDigest,
    signedBy: allOf(label.signedBy, order.signedBy),
  }));
}

/** The earliest of this end, the one of the label, and the one that an administrator may have set by hand. */
export function shorten(
  server: Server,
  installation: string,
  { grantId, endsAt }: { grantId: string; endsAt: Instant },
  signal: AbortSignal,
): Promise<StandingAccount> {
  return move(server, installation, grantId, signal, (label, { validUntil }) => ({
    ...label,
    endsAt: Math.max(0, Math.min(label.endsAt, endsAt, validUntil)),
  }));
}

async function move(
  server: Server,
  installation: string,
  grantId: string,
  signal: AbortSignal,
  to: (label: Label, role: Role) => Label,
): Promise<StandingAccount> {
  const name = accountName(installation, grantId);
  return server.home(signal, async (session) => {
    const targetIdentity = await prepare(session);
    const { endsAt, evidence, signedBy } = await session.transaction(async () => {
      await lock(session, name);
      await refuseIfOver(session, name);
      const found = await findRole(session, name);
      if (found === undefined) {
        throw new TargetError('refused', 'target-refused', 'The account of this grant is not at the target.');
      }
      const moved = to(ownLabel(installation, grantId, found.comment), found);
      await alterRole(session, found, `VALID UNTIL ${instant(moved.endsAt)}`, moved);
      return moved;
    });
    return { grantId, account: name, endsAt, evidenceDigest: evidence, targetIdentity, signedBy };
  });
}
