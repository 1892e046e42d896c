/** What stands at a PostgreSQL target, asked of the server itself as its superuser: nothing of ours is in between. */
import pg from 'pg';
import type { LedgerLine, LiveSession, StandingAccount, TargetFacts } from './facts.js';

export interface PostgresPlace {
  target: string;
  host: string;
  port: number;
  superuser: { user: string; password: string };
}

/** Where the provisioner keeps its schema. */
const ledgerDatabase = 'daypass';

export async function factsOfPostgres(place: PostgresPlace, installation: string): Promise<TargetFacts> {
  const { target, host, port, superuser } = place;
  const prefix = `daypass_${installation}_`;
  const client = new pg.Client({ host, port, ...superuser, database: ledgerDatabase });
  await client.connect();
  try {
    const accounts = await client.query<AccountRow>(
      `SELECT rolname AS account, rolcanlogin AS "mayLogIn", rolvaliduntil AS "validUntil",
         shobj_description(r.oid, 'pg_authid') AS comment,
         ARRAY(SELECT p.rolname::text FROM pg_auth_members m JOIN pg_roles p ON p.oid = m.roleid WHERE m.member = r.oid) AS "memberOf"
       FROM pg_roles r WHERE starts_with(rolname, $1)`,
      [prefix],
    );
    const ledger = await client.query<LedgerRow>(
      `SELECT name AS account, made_at AS "madeAt", over_at AS "overAt", removed_at AS "removedAt"
       FROM daypass.account WHERE starts_with(name, $1)`,
      [prefix],
    );
    // A session outlives its dropped role, and then only the role's number says whose it is.
    const sessions = await client.query<{ account: string; since: Date }>(
      `SELECT coalesce(usename, a.name) AS account, backend_start AS since
       FROM pg_stat_activity s LEFT JOIN daypass.account a ON a.role = s.usesysid
       WHERE starts_with(coalesce(usename, a.name, ''), $1)`,
      [prefix],
    );
    const grantOf = (account: string): string => account.slice(prefix.length);
    return {
      target,
      accounts: accounts.rows.map((row) => standing(row, grantOf(row.account))),
      ledger: ledger.rows.map((row) => ledgerLine(row, grantOf(row.account))),
      sessions: sessions.rows.map(({ account, since }): LiveSession => {
        return { account, grantId: grantOf(account), since: since.getTime() };
      }),
    };
  } finally {
    await client.end();
  }
}

interface AccountRow {
  account: string;
  mayLogIn: boolean;
  /** The driver reads `infinity` as the number. */
  validUntil: Date | number | null;
  comment: string | null;
  memberOf: string[];
}

interface LedgerRow {
  account: string;
  madeAt: Date | null;
  overAt: Date | null;
  removedAt: Date | null;
}

function standing({ account, mayLogIn, validUntil, comment, memberOf }: AccountRow, grantId: string): StandingAccount {
  const until = Number(validUntil ?? Infinity);
  const label = labelOf(comment);
  return {
    account,
    grantId,
    mayLogIn,
    memberOf,
    ...(Number.isFinite(until) && { validUntil: until }),
    ...(label && { label }),
  };
}

function labelOf(comment: string | null): StandingAccount['label'] {
  try {
    const { installation, grantId, evidence, endsAt } = JSON.parse(comment ?? '') as Record<string, string>;
    if (!installation || !grantId || !evidence || !endsAt) return undefined;
    return { installation, grantId, evidence, endsAt: Date.parse(endsAt) };
  } catch {
    // Whatever it is, it is no label, and that is what is told.
    return undefined;
  }
}

function ledgerLine({ account, madeAt, overAt, removedAt }: LedgerRow, grantId: string): LedgerLine {
  return {
    account,
    grantId,
    ...(madeAt && { madeAt: madeAt.getTime() }),
    ...(overAt && { overAt: overAt.getTime() }),
    ...(removedAt && { removedAt: removedAt.getTime() }),
  };
}
