/** Ids of grants: random, or derived from who asks and their Idempotency-Key, so that asking twice is asking once. */
import { createHash, randomBytes } from 'node:crypto';
import type { Ref } from '../workflows/domain/actor.js';
import { grantIdFrom } from '../workflows/ids.js';

export function randomGrantId(): string {
  return grantIdFrom(randomBytes(17));
}

/** Every caller has their own keys: no one can find, or block, another's grant by guessing one. */
export function derivedGrantId(caller: Ref, idempotencyKey: string): string {
  const text = JSON.stringify(['daypass-grant-1', caller, idempotencyKey]);
  return grantIdFrom(createHash('sha256').update(text).digest());
}
