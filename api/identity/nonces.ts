/**
 * Nonces of challenges that no server has to keep: each one says when it was made, and is good for one purpose, one person's
 * session and exactly one thing to sign. That a challenge is answered once, the person's own workflow holds.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { digest } from '../../workflows/domain/digest.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';

/** What may be answered, and by whom. Field by field: a digest is made over it. */
export type Bound = { purpose: 'enrol' | 'step-up' | 'decision'; actor: string; sessionId?: string } & Record<
  string,
  unknown
>;

export interface Nonces {
  /** 16 bytes in base64url. */
  make(bound: Bound): string;
  /** `foreign` for whatever was not made here for exactly this. */
  judge(nonce: string, bound: Bound): 'good' | 'expired' | 'foreign';
}

/** Time to find a security key and to type its PIN. Far below what the person's workflow remembers. */
export const challengeLongestMs: Ms = 5 * 60_000;

const timeBytes = 4;
const randomLength = 2;
/** Half of what HMAC makes would be usual; nobody can try 2^80 of them within minutes, and each try is a call. */
const macBytes = 10;

export function createNonces(sessionKey: Uint8Array, now: () => Instant = Date.now): Nonces {
  const key = createHmac('sha256', sessionKey).update('daypass passkey challenges').digest();

  function mac(head: Buffer, bound: Bound): Buffer {
    return createHmac('sha256', key).update(head).update(digest(bound)).digest().subarray(0, macBytes);
  }

  return {
    make: (bound) => {
      const time = Buffer.alloc(timeBytes);
      time.writeUInt32BE(Math.floor(now() / 1_000));
      const head = Buffer.concat([time, randomBytes(randomLength)]);
      return Buffer.concat([head, mac(head, bound)]).toString('base64url');
    },
    judge: (nonce, bound) => {
      const bytes = Buffer.from(nonce, 'base64url');
      const head = bytes.subarray(0, timeBytes + randomLength);
      const given = bytes.subarray(timeBytes + randomLength);
      // One nonce, one spelling: what is signed is its text.
      if (given.length !== macBytes || bytes.toString('base64url') !== nonce) return 'foreign';
      if (!timingSafeEqual(given, mac(head, bound))) return 'foreign';
      const ageMs = now() - bytes.readUInt32BE(0) * 1_000;
      return ageMs <= challengeLongestMs ? 'good' : 'expired';
    },
  };
}
