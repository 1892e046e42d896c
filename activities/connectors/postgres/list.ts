/** Lists the accounts of this installation that stand at the server, by name and label. */
import type { StandingAccount } from '../../contract.js';
import type { Page } from '../connector.js';
import { accountName, readLabel } from './account.js';
import { prepare } from './home.js';
import type { Server, Session } from './server.js';

interface Role {
  name: string;
  comment: string;
}

export async function list(
  server: Server,
  installation: string,
  signal: AbortSignal,
  { after, most }: Page = { after: '', most: Infinity },
): Promise<StandingAccount[]> {
  const prefix = `daypass_${installation}_`;
  return server.home(signal, async (session) => {
    const targetIdentity = await prepare(session);
    const ours = ({ name, comment }: Role): StandingAccount[] => {
      const label = readLabel(comment);
      // The name must be the one that the label leads to: a copied label makes no account ours.
      if (label?.installation !== installation || accountName(installation, label.grantId) !== name) return [];
      const { grantId, endsAt, evidence, signedBy } = label;
      return [{ grantId, account: name, endsAt, evidenceDigest: evidence, targetIdentity, signedBy }];
    };
    const found: StandingAccount[] = [];
    // Names that only look like ours, as many as somebody made, must not make a page look like the last one.
    for (let from = prefix + after; ;) {
      const roles = await rolesAfter(session, prefix, from, most);
      found.push(...roles.flatMap(ours));
      const last = roles.at(-1)?.name;
      if (last === undefined || roles.length < most || found.length >= most) return found.slice(0, most);
      from = last;
    }
  });
}

/** In the order of their bytes, as names are compared. */
function rolesAfter(session: Session, prefix: string, from: string, most: number): Promise<Role[]> {
  return session.query<{ name: string; comment: string }>(
    `SELECT rolname AS name, description AS comment FROM pg_roles
     JOIN pg_shdescription ON objoid = oid AND classoid = 'pg_authid'::regclass
     WHERE starts_with(rolname, $1) AND rolname > $2 ORDER BY rolname LIMIT $3`,
    [prefix, from, Number.isFinite(most) ? most : null],
  );
}
