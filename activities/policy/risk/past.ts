/** What is remembered of one human's requests, and how one more of them changes it. Pure; counts each grant once. */
import type { Instant, Ms } from '../../../workflows/domain/time.js';

/** One request, by grant id. A later note can only make it say more. */
export interface PastGrant {
  id: string;
  entitlement: string;
  at: Instant;
  ms: Ms;
  result: 'asked' | 'used' | 'denied';
}

export interface Past {
  /** Grows by one with every change, so that an old copy put back is seen. */
  sequence: number;
  /** When an earlier past was found tampered with or gone; absent: never. */
  lostAt?: Instant;
  grants: PastGrant[];
}

/** Habits older than this are none. */
export const keptMs: Ms = 90 * 24 * 3_600_000;

/** Bounds what one human can make us keep: some 25 kB. */
const grantsMax = 200;
/** Kept apart from the rest, so that a flood of requests cannot wash denials away. */
const denialsMax = 30;

const rank = { asked: 0, used: 1, denied: 1 };

/** The past with this grant noted; the same object when that says nothing new. */
export function noted(past: Past, grant: PastGrant, now: Instant): Past {
  const known = past.grants.find(({ id }) => id === grant.id);
  if (known !== undefined && (rank[grant.result] < rank[known.result] || same(known, grant))) return past;
  const others = past.grants.filter(({ id, at }) => id !== grant.id && at > now - keptMs);
  const grants = [...others, grant].sort((one, other) => one.at - other.at);
  const denials = grants.filter(({ result }) => result === 'denied').slice(-denialsMax);
  const rest = grants.filter(({ result }) => result !== 'denied').slice(-grantsMax);
  return { ...past, sequence: past.sequence + 1, grants: [...rest, ...denials] };
}

function same(one: PastGrant, other: PastGrant): boolean {
  return one.result === other.result && one.ms === other.ms && one.at === other.at;
}
