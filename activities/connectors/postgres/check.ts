/** Refuses a target where grants would not be safe, with one sentence per problem and the statement that mends it. */
import pg from 'pg';
import { TargetError } from '../connector.js';
import { wayBack } from './check-database.js';
import { prepare } from './home.js';
import { homeDatabase, type Server, type Session } from './server.js';

const { escapeIdentifier } = pg;

/**
 * Predefined roles through which an account could leave the database, look like the server, or end other people's work; lock the
 * server's catalogs, so that nobody logs in and nothing is removed; or read the verifiers of everybody's passwords.
 */
const tooMighty = [
  'pg_maintain',
  'pg_read_all_data',
  'pg_execute_server_program',
  'pg_read_server_files',
  'pg_write_server_files',
  'pg_create_subscription',
  'pg_signal_backend',
  'pg_use_reserved_connections',
];

/** Stages: where one finds something, the next would only tell the same again, or advise wrongly. */
export async function check(server: Server, roles: string[], signal: AbortSignal): Promise<void> {
  const problems = await server.home(signal, async (session) => {
    const provisioner = await provisionerProblems(session);
    if (provisioner.length > 0) return provisioner;
    await prepare(session);
    const missing = await missingRoles(session, roles);
    if (missing.length > 0) return missing;
    const memberships = await membershipProblems(session, roles);
    if (memberships.length > 0) return memberships;
    const found = [
      ...(await homeProblems(session, roles)),
      ...(await ownershipProblems(session, roles)),
      ...(await serverWideProblems(session, roles)),
      ...(await temporaryProblems(session, roles)),
    ];
    for (const each of await databasesOf(session, roles)) found.push(...(await wayBack(server, each, roles, signal)));
    return found;
  });
  if (problems.length === 0) return;
  const { host, port } = server.address;
  throw new TargetError(
    'refused',
    'target-refused',
    `PostgreSQL at ${host}:${port} is not safe to give access on:\n${problems.map((each) => `- ${each}`).join('\n')}`,
  );
}

async function provisionerProblems(session: Session): Promise<string[]> {
  const [me] = await session.query<{
    name: string;
    version: number;
    superuser: boolean;
    createrole: boolean;
    signals: boolean;
    owner: boolean;
  }>(
    `SELECT rolname AS name, current_setting('server_version_num')::integer AS version, rolsuper AS superuser,
       rolcreaterole AS createrole, pg_has_role('pg_signal_backend', 'USAGE') AS signals,
       has_database_privilege(current_database(), 'CREATE') AS owner
     FROM pg_roles WHERE rolname = current_user`,
  );
  if (me === undefined) throw new TargetError('unknown', 'target-unavailable', 'PostgreSQL does not know who we are.');
  const name = escapeIdentifier(me.name);
  return [
    ...when(me.version < 160_000, 'It is older than 16, which cannot give a membership without SET ROLE. Upgrade it.'),
    ...when(
      me.superuser,
      `The provisioner ${name} is a superuser, which it must not be. Run: ALTER ROLE ${name} NOSUPERUSER;`,
    ),
    ...when(!me.createrole, `The provisioner cannot make roles. Run: ALTER ROLE ${name} CREATEROLE;`),
    ...when(
      !me.signals,
      `The provisioner cannot end sessions. Run: GRANT pg_signal_backend TO ${name} WITH INHERIT TRUE;`,
    ),
    ...when(
      !me.owner,
      `The provisioner cannot keep its tombstones. Run: ALTER DATABASE ${homeDatabase} OWNER TO ${name};`,
    ),
  ];
}

async function missingRoles(session: Session, roles: string[]): Promise<string[]> {
  const rows = await session.query<{ role: string }>(
    `SELECT role FROM unnest($1::text[]) AS role WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)`,
    [roles],
  );
  return rows.map(
    ({ role }) =>
      `The privilege role ${escapeIdentifier(role)} is not there. ` +
      `Run: CREATE ROLE ${escapeIdentifier(role)} NOLOGIN; and give it what the entitlement stands for.`,
  );
}

/** Whoever can connect to the provisioner's database can hold the lock that a removal waits for. */
async function homeProblems(session: Session, roles: string[]): Promise<string[]> {
  const rows = await session.query<{ who: string }>(
    `SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS who
     FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
     WHERE datname = current_database() AND privilege_type IN ('CONNECT', 'CREATE', 'TEMPORARY')
       AND (grantee = 0 OR EXISTS (SELECT FROM unnest($1::text[]) AS role WHERE pg_has_role(role, grantee, 'USAGE')))`,
    [roles],
  );
  return rows.map(
    ({ who }) =>
      `${who} can connect to the provisioner's own database and hold up removals there. ` +
      `Run: REVOKE ALL ON DATABASE ${homeDatabase} FROM ${who};`,
  );
}

async function membershipProblems(session: Session, roles: string[]): Promise<string[]> {
  const provisioner = `(SELECT oid FROM pg_roles WHERE rolname = current_user)`;
  const rows = await session.query<{
    me: string;
    role: string;
    via: string;
    mighty: boolean;
    admin: boolean;
    handsOn: string[];
  }>(
    `SELECT quote_ident(current_user) AS me, quote_ident(role) AS role, quote_ident(x.rolname) AS via,
       x.rolsuper OR x.rolcreaterole OR x.rolcreatedb OR x.rolreplication OR x.rolbypassrls
         OR x.rolname = ANY ($2) OR starts_with(x.rolname, 'daypass_') AS mighty,
       pg_has_role(current_user, role, 'USAGE WITH ADMIN OPTION') AS admin,
       ARRAY(SELECT quote_ident(pg_get_userbyid(roleid)) FROM pg_auth_members
             WHERE member = x.oid AND admin_option AND x.oid <> ${provisioner}) AS "handsOn"
     FROM unnest($1::text[]) AS role JOIN pg_roles x ON pg_has_role(role, x.oid, 'USAGE')
     ORDER BY role = x.rolname DESC, role, via`,
    [roles, tooMighty],
  );
  return rows.flatMap(({ me, role, via, mighty, admin, handsOn }) => [
    ...when(
      role === via && !admin,
      `The provisioner may not hand out ${role}. ` +
        `Run: GRANT ${role} TO ${me} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;`,
    ),
    ...when(
      mighty && role === via,
      `The privilege role ${role} is a superuser, manages roles or databases, replicates, or bypasses row security. ` +
        `Run: ALTER ROLE ${role} NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;`,
    ),
    ...when(
      mighty && role !== via,
      `The privilege role ${role} is a member of ${via}, which reaches beyond a grant. Run: REVOKE ${via} FROM ${role};`,
    ),
    ...handsOn.map(
      (handed) =>
        `The privilege role ${role} can make others members of ${handed}, which would outlive a grant. ` +
        `Run: REVOKE ADMIN OPTION FOR ${handed} FROM ${via};`,
    ),
  ]);
}

/** What a privilege role owns, its members may change for good. This is also the scan for objects left behind. */
async function ownershipProblems(session: Session, roles: string[]): Promise<string[]> {
  const rows = await session.query<{ owner: string; place: string | null; objects: number }>(
    `SELECT quote_ident(x.rolname) AS owner, quote_ident(datname) AS place, count(DISTINCT (classid, objid))::integer AS objects
     FROM unnest($1::text[]) AS role JOIN pg_roles x ON pg_has_role(role, x.oid, 'USAGE')
     JOIN pg_shdepend ON refclassid = 'pg_authid'::regclass AND refobjid = x.oid AND deptype = 'o'
     LEFT JOIN pg_database d ON d.oid = dbid
     GROUP BY 1, 2 ORDER BY 1, 2`,
    [roles],
  );
  return rows.map(
    ({ owner, place, objects }) =>
      `The privilege role ${owner} owns ${objects} object${objects === 1 ? '' : 's'}${place === null ? '' : ` in the database ${place}`}: ` +
      `look whether somebody left ${objects === 1 ? 'it' : 'them'} behind. ` +
      `Then run${place === null ? '' : `, in ${place}`}: REASSIGN OWNED BY ${owner} TO <the owner of the application>;`,
  );
}

/** CREATE on databases and tablespaces, and settings of the server. */
async function serverWideProblems(session: Session, roles: string[]): Promise<string[]> {
  const rows = await session.query<{ what: string; name: string; right: string; who: string }>(
    `SELECT what, quote_ident(name) AS name, privilege_type AS right,
       CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS who
     FROM (SELECT 'DATABASE', datname, datacl FROM pg_database
           UNION ALL SELECT 'TABLESPACE', spcname, spcacl FROM pg_tablespace
           UNION ALL SELECT 'PARAMETER', parname, paracl FROM pg_parameter_acl) AS object (what, name, acl),
       aclexplode(acl)
     WHERE (privilege_type IN ('CREATE', 'ALTER SYSTEM') OR is_grantable)
       AND (grantee = 0 OR EXISTS (SELECT FROM unnest($1::text[]) AS role WHERE pg_has_role(role, grantee, 'USAGE')))
     ORDER BY 1, 2, 3`,
    [roles],
  );
  return rows.map(
    ({ what, name, right, who }) =>
      `${who} holds ${right} on ${what} ${name} in a way that outlives a grant. ` +
      `Run: REVOKE ${right} ON ${what} ${name} FROM ${who};`,
  );
}

/**
 * Whoever owns as much as a temporary table can give an account a right on it, and its role stands until that is taken back.
 * Any number of them may outlive the session that made them.
 */
async function temporaryProblems(session: Session, roles: string[]): Promise<string[]> {
  const places = await databasesOf(session, roles);
  const rows = await session.query<{ name: string; who: string }>(
    `SELECT DISTINCT quote_ident(datname) AS name, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS who
     FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
     WHERE datname = ANY ($2) AND datname <> current_database() AND privilege_type = 'TEMPORARY'
       AND (grantee = 0 OR EXISTS (SELECT FROM unnest($1::text[]) AS role WHERE pg_has_role(role, grantee, 'USAGE')))
     ORDER BY 1, 2`,
    [roles, places],
  );
  return rows.map(
    ({ name, who }) =>
      `${who} can make temporary tables in the database ${name}, by which a user could hold up the removal of an account. ` +
      `Run: REVOKE TEMPORARY ON DATABASE ${name} FROM ${who};`,
  );
}

/** Where a privilege role can get to at all. */
async function databasesOf(session: Session, roles: string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database
     WHERE datallowconn AND EXISTS (SELECT FROM unnest($1::text[]) AS role JOIN pg_roles ON rolname = role
                                    WHERE has_database_privilege(rolname, datname, 'CONNECT'))
     ORDER BY datname`,
    [roles],
  );
  return rows.map(({ name }) => name);
}

function when(isSo: boolean, problem: string): string[] {
  return isSo ? [problem] : [];
}
