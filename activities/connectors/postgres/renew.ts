/**
 * Gives the account that stands another password; its end and its rights stay. Never makes an account.
 *
 * A renewal is newer than another by the instant that the API signed it, and its attempts count by themselves: a late attempt
 * of an older one cannot take back the password that was handed over last.
 */
import { type Order, type Provision, TargetError } from '../connector.js';
import { accountName, type Label, ownLabel } from './account.js';
import { findRole, prepare } from './home.js';
import { lock } from './locks.js';
import type { PostgresPrivilege } from './privilege.js';
import { refuseIfOlder, refuseIfOver, refuseUnlessOn, replacePassword } from './provision.js';
import { newPassword, scramVerifier } from './scram.js';
import type { Server } from './server.js';

export async function renew(
  server: Server,
  installation: string,
  order: Order<PostgresPrivilege>,
  signal: AbortSignal,
): Promise<Provision> {
  const name = accountName(installation, order.grantId);
  const password = newPassword();
  const verifier = await scramVerifier(password);
  const { host, port, database } = server.address;
  return server.home(signal, async (session) => {
    const targetIdentity = await prepare(session);
    const { endsAt, evidence, signedBy } = await session.transaction(async () => {
      await lock(session, name);
      await refuseIfOver(session, name);
      const role = await findRole(session, name);
      if (role === undefined) {
        throw new TargetError('refused', 'target-refused', 'The account of this grant is not at the target.');
      }
      const label = ownLabel(installation, order.grantId, role.comment);
      refuseUnlessOn(label, order);
      refuseIfLate(label, order);
      return replacePassword(session, role, label, order, verifier);
    });
    return {
      grantId: order.grantId,
      account: name,
      endsAt,
      evidenceDigest: evidence,
      targetIdentity,
      signedBy,
      credential: { kind: 'postgres', host, port, database, username: name, password },
    };
  });
}

function refuseIfLate(label: Label, order: Order<PostgresPrivilege>): void {
  const { renewedAt } = order;
  if (renewedAt === undefined) throw new TargetError('refused', 'bad-evidence', 'Nobody asked for another password.');
  if (label.endsAt <= Date.now()) {
    throw new TargetError('refused', 'bad-evidence', 'The time in which this access was agreed has passed.');
  }
  const last = label.renewedAt ?? 0;
  if (renewedAt < last) {
    throw new TargetError('refused', 'bad-evidence', 'The password was renewed since; this renewal comes too late.');
  }
  if (renewedAt === last) refuseIfOlder(label, order);
}
