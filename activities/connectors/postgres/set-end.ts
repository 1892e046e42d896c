/** Moves the end of a standing account, counted from its start; later or earlier, never once it is over. */
import pg from 'pg';
import type { StandingAccount } from '../../contract.js';
import { type Order, TargetError } from '../connector.js';
import { accountName, allOf, labelText, ownLabel } from './account.js';
import { findRole, identity, lock, prepare } from './home.js';
import type { PostgresPrivilege } from './privilege.js';
import { instant, refuseIfOver } from './provision.js';
import type { Server } from './server.js';

const { escapeIdentifier, escapeLiteral } = pg;

/** `durationMs` of the order is the whole time since activation. Repeating it changes nothing. */
export async function setEnd(
  server: Server,
  installation: string,
  order: Order<PostgresPrivilege>,
  signal: AbortSignal,
): Promise<StandingAccount> {
  const name = accountName(installation, order.grantId);
  return server.home(signal, async (session) => {
    await prepare(session);
    const targetIdentity = await identity(session);
    const { endsAt, evidence, signedBy } = await session.transaction(async () => {
      await lock(session, name);
      await refuseIfOver(session, name);
      const found = await findRole(session, name);
      if (found === undefined) {
        throw new TargetError('refused', 'target-refused', 'The account of this grant is not at the target.');
      }
      const label = ownLabel(installation, order.grantId, found.comment);
      const moved = {
        ...label,
        endsAt: Math.min(label.startsAt + order.durationMs, order.endBy),
        evidence: order.evidenceDigest,
        signedBy: allOf(label.signedBy, order.signedBy),
      };
      const role = escapeIdentifier(name);
      await session.query(`
        ALTER ROLE ${role} VALID UNTIL ${instant(moved.endsAt)};
        COMMENT ON ROLE ${role} IS ${escapeLiteral(labelText(moved))}`);
      return moved;
    });
    return { grantId: order.grantId, account: name, endsAt, evidenceDigest: evidence, targetIdentity, signedBy };
  });
}
