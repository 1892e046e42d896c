/** Grants to be talked about: fresh ones of each kind that the right calls need, and all that were made so far. */
import { Redis } from 'ioredis';
import { readOrders, writeOrders, type ApiWorld } from '../../support/api-world.js';
import { redis } from '../../support/services.js';
import type { Case } from './cases.js';

const emergency = {
  entitlement: 'orders-db/write',
  requestedDuration: 'PT15M',
  emergency: true,
  bypassReason: 'Orders are lost while nobody answers the phone.',
};

export interface Grants {
  fresh(kind: NonNullable<Case['on']>): Promise<string>;
  /** The newest, so that what was ended is among them and does not outnumber what lives. */
  known(): string[];
}

export function grantsOf(world: ApiWorld): Grants {
  const made: string[] = [];
  const ways = {
    awaited: () => world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']),
    active: () => world.grant('engineer', readOrders, ['ACTIVE']),
    emergency: () => world.grant('oncall', emergency, ['ACTIVE']),
  };
  return {
    fresh: async (kind) => {
      const id = await ways[kind]();
      made.push(id);
      return id;
    },
    known: () => made.slice(-8),
  };
}

/** How much one may ask for in a minute is tried elsewhere; here it would hide everything behind it. */
export async function forgetLimits(): Promise<void> {
  const { url } = await redis();
  const store = new Redis(url);
  try {
    const keys = await store.keys('daypass:limit:*');
    if (keys.length > 0) await store.del(keys);
  } finally {
    store.disconnect();
  }
}
