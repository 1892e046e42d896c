/** Ids of grants: random, or derived from who asks and their Idempotency-Key, so that asking twice is asking once. */
import { createHash, randomBytes } from 'node:crypto';
import type { Ref } from '../workflows/domain/actor.js';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const length = 26;

/** 26 characters of Crockford base32: 130 bits. */
function idOf(bytes: Uint8Array): string {
  let bits = BigInt(`0x${Buffer.from(bytes).subarray(0, 17).toString('hex')}`);
  let id = '';
  while (id.length < length) {
    id += alphabet[Number(bits & 31n)] ?? '';
    bits >>= 5n;
  }
  return id;
}

export function randomGrantId(): string {
  return idOf(randomBytes(17));
}

/** Every caller has their own keys: no one can find, or block, another's grant by guessing one. */
export function derivedGrantId(caller: Ref, idempotencyKey: string): string {
  return idOf(
    createHash('sha256')
      .update(JSON.stringify(['daypass-grant-1', caller, idempotencyKey]))
      .digest(),
  );
}
