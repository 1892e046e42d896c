/** What a passkey signed over one decision, as browsers answer it: each part in base64url. */
import { z } from 'zod';
import type { Assertion } from '../../workflows/domain/evidence.js';

function base64url(what: string, most: number) {
  return z
    .string({ error: `assertion.${what} must be text` })
    .regex(/^[A-Za-z0-9_-]+$/, { error: `assertion.${what} must be base64url without padding` })
    .max(most, { error: `assertion.${what} has at most ${most} characters` });
}

export const AssertionBody = z
  .strictObject({
    credentialId: base64url('credentialId', 1_400),
    authenticatorData: base64url('authenticatorData', 1_000),
    clientDataJSON: base64url('clientDataJSON', 1_500),
    signature: base64url('signature', 1_000),
    nonce: z
      .string()
      .regex(/^[A-Za-z0-9_-]{22}$/, { error: 'assertion.nonce is the one that the challenge came with' }),
  })
  .meta({
    id: 'Assertion',
    description: 'What the caller’s passkey signed over exactly this decision',
  }) satisfies z.ZodType<Assertion>;
