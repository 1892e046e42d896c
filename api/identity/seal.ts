/** Seals small JSON values for the way through a browser: nobody else can read, change or make one, or use it for another purpose. */
import { EncryptJWT, jwtDecrypt, type JWTPayload } from 'jose';
import type { Ms } from '../../workflows/domain/time.js';

/** What a sealed value is for; it opens for nothing else. */
export type Purpose = 'session' | 'sign-in' | 'cursor';

export interface Sealer {
  seal(purpose: Purpose, value: JWTPayload, lifetimeMs: Ms): Promise<string>;
  /** Undefined for whatever was not sealed here for this purpose, or is too old. */
  open(purpose: Purpose, sealed: string): Promise<JWTPayload | undefined>;
}

const issuer = 'daypass';

export function createSealer(key: Uint8Array): Sealer {
  if (key.length !== 32) throw new Error('The session key has 32 bytes; make a new one.');
  return {
    seal: (purpose, value, lifetimeMs) =>
      new EncryptJWT(value)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setIssuer(issuer)
        .setAudience(purpose)
        .setIssuedAt()
        .setExpirationTime(new Date(Date.now() + lifetimeMs))
        .encrypt(key),

    open: async (purpose, sealed) => {
      try {
        const { payload } = await jwtDecrypt(sealed, key, {
          issuer,
          audience: purpose,
          requiredClaims: ['exp', 'iat'],
          // Pinned: a header cannot choose a weaker way in.
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM'],
        });
        return payload;
      } catch {
        // Forged, damaged, of another purpose or expired: to the caller all are the same, no value.
        return undefined;
      }
    },
  };
}
