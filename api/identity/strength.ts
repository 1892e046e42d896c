/** How strong a sign-in is, as far as the identity provider stated it and a passkey was proven here. */
import type { SignIn } from '../../workflows/domain/evidence.js';

export const strengths = ['passkey', 'key', 'two-factors', 'one-factor', 'unknown'] as const;
export type Strength = (typeof strengths)[number];

/** RFC 8176, by what it proves. */
const keys = ['hwk', 'swk', 'pop', 'sc'];
const factors = {
  knows: ['pwd', 'pin', 'kba'],
  has: ['otp', 'sms', 'tel', ...keys],
  is: ['face', 'fpt', 'iris', 'retina', 'vbm'],
};

/**
 * `passkey`: proven here, to this portal. `key`: the provider saw a key that cannot be phished away as a password can.
 * `two-factors` and `one-factor` are what they say; `unknown` where the provider stated nothing.
 */
export function strengthOf({ stepUp, methods }: Pick<SignIn, 'stepUp' | 'methods'>): Strength {
  if (stepUp !== undefined) return 'passkey';
  if (methods.some((method) => keys.includes(method))) return 'key';
  const kinds = Object.values(factors).filter((names) => methods.some((method) => names.includes(method)));
  if (kinds.length > 1 || methods.includes('mfa')) return 'two-factors';
  return kinds.length === 1 ? 'one-factor' : 'unknown';
}
