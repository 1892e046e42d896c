/** Looks, in one database, for every right of a privilege role by which an account could outlast or hold up its removal. */
import pg from 'pg';
import { hasState } from './errors.js';
import type { Server } from './server.js';

const { escapeIdentifier } = pg;

/** What one could do with a right that nobody may have for a limited time. */
const leads: Record<string, string> = {
  MAINTAIN: 'lock out everybody and hold up every removal',
  SELECT: "read the verifiers of everybody's passwords",
};

/**
 * CREATE in a schema: objects of one's own. TRIGGER on a table: code that runs as whoever writes to it, and stays.
 * Grant options: rights given to others, in the name of the privilege role. MAINTAIN on a catalog: a lock on it, behind which
 * nobody logs in and nothing is removed. SELECT on passwords: verifiers, the provisioner's too.
 */
const findings = `
  SELECT DISTINCT privilege_type AS right, is_grantable AND NOT wrong AS "handsOn", what, name,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS who
  FROM (
    SELECT 'SCHEMA', quote_ident(nspname), nspacl FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
    UNION ALL SELECT 'ALL TABLES IN SCHEMA', relnamespace::regnamespace::text, relacl FROM pg_class WHERE relkind <> 'S'
    UNION ALL SELECT 'TABLE', oid::regclass::text, relacl FROM pg_class WHERE oid IN ('pg_authid'::regclass, 'pg_shadow'::regclass)
    UNION ALL SELECT 'ALL SEQUENCES IN SCHEMA', relnamespace::regnamespace::text, relacl FROM pg_class WHERE relkind = 'S'
    UNION ALL SELECT 'TABLE', attrelid::regclass::text, attacl FROM pg_attribute WHERE attacl IS NOT NULL
    UNION ALL SELECT 'ALL ROUTINES IN SCHEMA', pronamespace::regnamespace::text, proacl FROM pg_proc WHERE proacl IS NOT NULL
    UNION ALL SELECT 'TYPE', oid::regtype::text, typacl FROM pg_type WHERE typacl IS NOT NULL
    UNION ALL SELECT 'LANGUAGE', quote_ident(lanname), lanacl FROM pg_language WHERE lanacl IS NOT NULL
    UNION ALL SELECT 'LARGE OBJECT', oid::text, lomacl FROM pg_largeobject_metadata WHERE lomacl IS NOT NULL
    UNION ALL SELECT 'FOREIGN DATA WRAPPER', quote_ident(fdwname), fdwacl FROM pg_foreign_data_wrapper WHERE fdwacl IS NOT NULL
    UNION ALL SELECT 'FOREIGN SERVER', quote_ident(srvname), srvacl FROM pg_foreign_server WHERE srvacl IS NOT NULL
  ) AS object (what, name, acl), aclexplode(acl), LATERAL (SELECT
      (what = 'SCHEMA' AND privilege_type = 'CREATE') OR privilege_type = 'TRIGGER'
      OR (what = 'ALL TABLES IN SCHEMA' AND name = 'pg_catalog' AND privilege_type = 'MAINTAIN')
      OR (what = 'TABLE' AND name IN ('pg_authid', 'pg_shadow') AND privilege_type = 'SELECT')
    ) AS verdict (wrong)
  WHERE (wrong OR is_grantable)
    AND (grantee = 0 OR EXISTS (SELECT FROM unnest($1::text[]) AS role WHERE pg_has_role(role, grantee, 'USAGE')))
  ORDER BY what, name, "right" LIMIT 50`;

export async function wayBack(
  server: Server,
  database: string,
  roles: string[],
  signal: AbortSignal,
): Promise<string[]> {
  const place = escapeIdentifier(database);
  try {
    const rows = await server.elsewhere(database, signal, (session) =>
      session.query<{ right: string; handsOn: boolean; what: string; name: string; who: string }>(findings, [roles]),
    );
    return rows.map(({ right, handsOn, what, name, who }) => {
      const on = `${what} ${name}`;
      return handsOn
        ? `In the database ${place}, ${who} can hand on ${right} on ${on}, which would outlive a grant. ` +
            `Run there: REVOKE GRANT OPTION FOR ${right} ON ${on} FROM ${who};`
        : `In the database ${place}, ${who} holds ${right} on ${on}, by which an account could ${leads[right] ?? 'leave a way back in'}. ` +
            `Run there: REVOKE ${right} ON ${on} FROM ${who};`;
    });
  } catch (error) {
    if (!hasState(error, '42501')) throw error;
    const user = escapeIdentifier(server.address.user);
    return [
      `The provisioner cannot look into the database ${place}, which privilege roles can connect to. ` +
        `Run: GRANT CONNECT ON DATABASE ${place} TO ${user};`,
    ];
  }
}
