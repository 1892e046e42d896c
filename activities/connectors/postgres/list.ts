/** Lists the accounts of this installation that stand at the server, by name and label. */
import type { StandingAccount } from '../../contract.js';
import { accountName, readLabel } from './account.js';
import { identity } from './home.js';
import type { Server } from './server.js';

export async function list(server: Server, installation: string, signal: AbortSignal): Promise<StandingAccount[]> {
  return server.home(signal, async (session) => {
    const targetIdentity = await identity(session);
    const rows = await session.query<{ name: string; comment: string }>(
      `SELECT rolname AS name, description AS comment FROM pg_roles
       JOIN pg_shdescription ON objoid = oid AND classoid = 'pg_authid'::regclass
       WHERE starts_with(rolname, $1) ORDER BY rolname`,
      [`daypass_${installation}_`],
    );
    return rows.flatMap(({ name, comment }) => {
      const label = readLabel(comment);
      // The name must be the one that the label leads to: a copied label makes no account ours.
      if (label?.installation !== installation || accountName(installation, label.grantId) !== name) return [];
      const { grantId, endsAt, evidence, signedBy } = label;
      return [{ grantId, account: name, endsAt, evidenceDigest: evidence, targetIdentity, signedBy }];
    });
  });
}
