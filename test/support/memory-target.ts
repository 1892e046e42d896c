/** A target in memory: accounts with a credential for each, as a connector would make them at a real one. */
import type { Connector, Order, Page, Provision } from '../../activities/connectors/connector.js';
import type { StandingAccount } from '../../activities/contract.js';

export function memoryTarget(standing: Map<string, StandingAccount>): Connector<string> {
  const credentialOf = ({ account }: StandingAccount, password: string): Provision['credential'] => ({
    kind: 'postgres',
    host: 'localhost',
    port: 5432,
    database: 'orders',
    username: account,
    password,
  });
  function existing(grantId: string): StandingAccount {
    const found = standing.get(grantId);
    if (!found) throw new Error('nothing stands');
    return found;
  }
  return {
    can: { endsLiveSessions: 'yes', movesEnd: true, reportsUse: false, perSecond: 1_000 },
    parsePrivilege: String,
    check: () => Promise.resolve(),
    now: () => Promise.resolve(Date.now()),
    provision: ({ grantId, durationMs, endBy, evidenceDigest, signedBy }: Order<string>) => {
      const endsAt = Math.min(Date.now() + durationMs, endBy);
      const made = { grantId, account: `dp_${grantId}`, endsAt, evidenceDigest, targetIdentity: 'memory', signedBy };
      standing.set(grantId, made);
      return Promise.resolve({ ...made, credential: credentialOf(made, `secret of ${grantId}`) });
    },
    renew: async ({ grantId }) => {
      const found = existing(grantId);
      return { ...found, credential: credentialOf(found, `another secret of ${grantId}`) };
    },
    setEnd: async ({ grantId, durationMs, endBy, evidenceDigest }) => {
      const before = existing(grantId);
      const moved = { ...before, endsAt: Math.min(before.endsAt + durationMs, endBy), evidenceDigest };
      standing.set(grantId, moved);
      return moved;
    },
    shorten: async (grantId, endsAt) => {
      const before = existing(grantId);
      const moved = { ...before, endsAt: Math.min(before.endsAt, endsAt) };
      standing.set(grantId, moved);
      return moved;
    },
    remove: (grantId) => {
      const wasPresent = standing.delete(grantId);
      const at = Date.now();
      const account = `dp_${grantId}`;
      const removal = { grantId, account, removedAt: at, verifiedAt: at, wasPresent, sessionsEnded: 0 };
      return Promise.resolve({ ...removal, targetIdentity: 'memory', remarks: [] });
    },
    list: (_signal, page) => Promise.resolve(pageOf([...standing.values()], page)),
    close: () => Promise.resolve(),
  };
}

/** All of them, or the page of them that a connector would answer with. */
export function pageOf(all: StandingAccount[], page: Page = { after: '', most: Infinity }): StandingAccount[] {
  const { after, most } = page;
  const later = all.filter(({ grantId }) => grantId > after);
  return later.toSorted((one, other) => (one.grantId < other.grantId ? -1 : 1)).slice(0, most);
}
