/**
 * What the decisions worker signs every minute (compact JWS, EdDSA over Ed25519, `typ` `daypass-seal+jws`): where each chain that
 * changed stands now. Chained and numbered, so that a record which is changed, dropped or cut off later does not fit any more.
 */
import type { Head } from './record.js';
import type { Instant } from './time.js';

export const sealType = 'daypass-seal+jws';

export interface Seal {
  installation: string;
  /** From 1, without gaps. */
  number: number;
  /** `digest` of the seal before it; 64 zeros in the first. */
  previous: string;
  at: Instant;
  heads: SealedHead[];
}

export interface SealedHead extends Head {
  chain: string;
}
