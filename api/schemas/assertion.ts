/** What a passkey signed over one decision, as browsers answer it: each part in base64url. */
import { z } from 'zod';
import type { Assertion } from '../../workflows/domain/evidence.js';

export function base64url(what: string, most: number) {
  return z
    .string({ error: `${what} must be text` })
    .regex(/^[A-Za-z0-9_-]+$/, { error: `${what} must be base64url without padding` })
    .max(most, { error: `${what} has at most ${most} characters` });
}

export const nonce = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22}$/, { error: 'nonce is the one that the challenge came with' });

export const AssertionBody = z
  .strictObject({
    credentialId: base64url('assertion.credentialId', 1_400),
    authenticatorData: base64url('assertion.authenticatorData', 1_000),
    clientDataJSON: base64url('assertion.clientDataJSON', 1_500),
    signature: base64url('assertion.signature', 1_000),
    nonce,
  })
  .meta({
    id: 'Assertion',
    description: 'What the caller’s passkey signed over exactly this decision',
  }) satisfies z.ZodType<Assertion>;
