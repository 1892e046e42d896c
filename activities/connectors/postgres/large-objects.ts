/** Takes large objects from an account, some at a time: everybody may make any number of them, without any right. */
import pg from 'pg';
import type { Account } from './account.js';
import { graveyard, isAccount } from './home.js';
import { type Remark, some } from './remark.js';
import type { Session } from './server.js';

/** Each takes a lock until the commit, and a server has room for some thousands. */
const atOnce = 1_000;

/** Those that it owns, and those of other accounts on which their users gave it a right. */
const dependent = `
  FROM pg_shdepend given JOIN pg_largeobject_metadata m ON m.oid = given.objid JOIN pg_roles r ON r.oid = m.lomowner
  WHERE given.refclassid = 'pg_authid'::regclass AND given.refobjid = $1 AND given.classid = 'pg_largeobject'::regclass
    AND given.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (given.deptype = 'o' OR r.rolname = '${graveyard}' OR ${isAccount('r')})`;

/** Data outlives the account. Each batch is a commit, so that every attempt gets further. */
export async function moveLargeObjects(
  session: Session,
  { name, role }: Account,
  remark: Remark,
  inPlace: (work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const account = pg.escapeIdentifier(name);
  const [count] = await session.query<{ all: number; own: number }>(
    `SELECT count(*)::integer AS all, (count(*) FILTER (WHERE deptype = 'o'))::integer AS own ${dependent}`,
    [role],
  );
  const { all, own: owned } = count ?? { all: 0, own: 0 };
  // Not until none is left: whoever gives faster than we take would keep us here.
  let isTold = false;
  for (let done = 0; done < all;) {
    const objects = await session.query<{ oid: number; own: boolean }>(
      `SELECT objid AS oid, deptype = 'o' AS own ${dependent} LIMIT ${atOnce}`,
      [role],
    );
    if (objects.length === 0) return;
    const own = objects.filter((each) => each.own).map(({ oid }) => oid);
    if (!isTold && own.length > 0) {
      isTold = true;
      const things = own.map((oid) => `pg_largeobject ${oid}`);
      await remark(`now owned by ${graveyard}: ${some(things, owned)}`);
    }
    const given = objects.filter((each) => !each.own).map(({ oid }) => oid);
    const statements = own.map((oid) => `ALTER LARGE OBJECT ${oid} OWNER TO ${graveyard};`);
    if (given.length > 0) statements.push(`REVOKE ALL ON LARGE OBJECT ${given.join(', ')} FROM ${account};`);
    await inPlace(async () => {
      await session.query(statements.join('\n'));
    });
    done += objects.length;
  }
}
