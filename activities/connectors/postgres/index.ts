/** The PostgreSQL connector: one login role per grant, made by a provisioner that is not a superuser, and gone without trace. */
import type { Connector } from '../connector.js';
import { parseAddress } from './address.js';
import { check } from './check.js';
import { translated } from './errors.js';
import { list } from './list.js';
import { parsePrivilege, type PostgresPrivilege } from './privilege.js';
import { provision } from './provision.js';
import { remove } from './remove.js';
import { renew } from './renew.js';
import { connectServer } from './server.js';
import { setEnd, shorten } from './set-end.js';

export type { PostgresPrivilege } from './privilege.js';

export interface PostgresOptions {
  /** Names this installation at the target. */
  installation: string;
  /** `{ host, port, database, user?, tls? }` of the zone file. */
  address: unknown;
  /** The provisioner's password. */
  credential: string;
}

/** Throws an Error with a sentence for the operator when the address is wrong. Connects at the first use. */
export function postgres({ installation, address, credential }: PostgresOptions): Connector<PostgresPrivilege> {
  const server = connectServer(parseAddress(address), credential);
  let privilegeRoles: string[] = [];
  return {
    can: { endsLiveSessions: 'yes', movesEnd: true, reportsUse: false, perSecond: 100 },
    parsePrivilege,
    check(privileges) {
      privilegeRoles = [...new Set(privileges.map(({ role }) => role))];
      return translated(() => check(server, privilegeRoles, AbortSignal.timeout(checkMs)));
    },
    now(signal) {
      return translated(() =>
        server.home(signal, async (session) => {
          const [row] = await session.query<{ now: Date }>('SELECT clock_timestamp() AS now');
          return row?.now.getTime() ?? Number.NaN;
        }),
      );
    },
    provision(order, signal) {
      return translated(() => provision(server, installation, order, signal));
    },
    renew(order, signal) {
      return translated(() => renew(server, installation, order, signal));
    },
    setEnd(order, signal) {
      return translated(() => setEnd(server, installation, order, signal));
    },
    shorten(grantId, endsAt, signal) {
      return translated(() => shorten(server, installation, { grantId, endsAt }, signal));
    },
    remove(grantId, signal) {
      return translated(() => remove(server, installation, grantId, privilegeRoles, signal));
    },
    list(signal, page) {
      return translated(() => list(server, installation, signal, page));
    },
    close() {
      return server.close();
    },
  };
}

/** Once at start; looks into every database that a privilege role can connect to. */
const checkMs = 30_000;
