/** A good order with its evidence and the connector that believes it, for tests: each part open to change. */
import assert from 'node:assert/strict';
import type { Ceiling } from '../../activities/ceiling.js';
import type { Order } from '../../activities/contract.js';
import { TargetError, type Order as CheckedOrder } from '../../activities/connectors/connector.js';
import { checkOrder, type Believed, type Moment, type Purpose } from '../../activities/connectors/evidence.js';
import { createPasskey, page } from './authenticator.js';
import { grantId, hourMs, keyOf, signerOf, type Signer } from './signer.js';

export const now = 1_800_000_000_000;

const read: Ceiling<string> = {
  privilege: 'reader',
  longestMs: 8 * hourMs,
  approvals: { least: 1, groups: ['managers', 'db-owners'] },
  attested: false,
  automatic: { longestMs: hourMs, perHour: 20 },
};
const write: Ceiling<string> = {
  privilege: 'writer',
  longestMs: 4 * hourMs,
  approvals: { least: 2, groups: ['managers', 'db-owners'] },
  attested: false,
  emergency: { longestMs: hourMs, groups: ['oncall'] },
};
/** The same with passkeys: of the manager, of the owner, and of whoever asks. */
const administer: Ceiling<string> = { ...write, privilege: 'admin', attested: true };

/** What differs from a good order, from the moment it comes and from what the connector believes. */
export interface Attack {
  order?: Partial<Order>;
  purpose?: Purpose;
  moment?: Partial<Moment>;
  believed?: Partial<Believed<string>>;
}

export const [api, stranger] = [signerOf(now), signerOf(now)];
const { kty, crv, x } = keyOf('X25519');

/** What each of these people holds, and the zone file lists. */
export const passkeys = { manager: createPasskey(), owner: createPasskey('EdDSA'), engineer: createPasskey() };

export const believed: Believed<string> = {
  installation: 'test',
  target: 'orders-db',
  ceilings: new Map([
    ['orders-db/read', read],
    ['orders-db/write', write],
    ['orders-db/administer', administer],
  ]),
  apiKeys: api.keys,
  credentialKey: { kty, crv, x },
  passkeys: Object.entries(passkeys).map(([person, { credentialId, publicKey }]) => ({
    person: `person:${person}`,
    credentialId,
    publicKey,
  })),
  page,
};

/** Has a good order checked, changed so. */
export async function check(attack: Attack): Promise<CheckedOrder<string>> {
  const order: Order = {
    grantId,
    target: 'orders-db',
    entitlement: 'orders-db/read',
    request: await api.request(),
    approvals: [await api.approval()],
    extensions: [],
    ...attack.order,
  };
  const moment: Moment = { now, skewMs: async () => 0, attempt: 1, ...attack.moment };
  return checkOrder(order, attack.purpose ?? 'provision', moment, { ...believed, ...attack.believed });
}

/** The approval of another person, from another group. */
export const second = () =>
  api.approval({ actor: 'person:owner', signIn: { time: now, methods: ['hwk'], groups: ['db-owners'] } });

/** Orders `write`, which wants two approvals, with these. */
export const writeOrder = async (
  approvals: string[],
  extensions: Order['extensions'] = [],
): Promise<Partial<Order>> => ({
  entitlement: 'orders-db/write',
  request: await api.request({ entitlement: 'orders-db/write' }),
  approvals,
  extensions,
});

/** Approves the extension that `extending` orders unchanged. */
export const consent = () => api.approval({ about: 'extension-1', shownMs: 4 * hourMs });

/** Orders the end moved by an extension changed so, with these approvals of it. */
export async function extending(
  change: Parameters<Signer['extension']>[0],
  approvals: () => Promise<string[]> = async () => [],
): Promise<Attack> {
  const extension = await api.extension(change);
  return { purpose: 'setEnd', order: { extensions: [{ extension, approvals: await approvals() }] } };
}

/** Orders another credential, as the subject wished it changed so. */
export async function renewing(
  change: Parameters<Signer['renewal']>[0] = {},
  order: Partial<Order> = {},
): Promise<Attack> {
  return { purpose: 'renew', order: { renewal: await api.renewal(change), ...order } };
}

/** One attempt, the code that it is refused with, and what differs from a good order. */
export type Attempt = [name: string, code: TargetError['code'], make: () => Promise<Attack>];

/** Each attempt is a test: refused for good, by its code, with a sentence. */
export function refuses(attempts: Attempt[]): void {
  for (const [name, code, make] of attempts) {
    it(`refuses ${name}: ${code}`, async () => {
      const attack = await make();
      await assert.rejects(check(attack), (error) => {
        assert.ok(error instanceof TargetError, String(error));
        assert.deepEqual([error.outcome, error.code], ['refused', code], error.message);
        assert.match(error.message, /^[A-Z].*\.$/s, 'a sentence');
        return true;
      });
    });
  }
}
