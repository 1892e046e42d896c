/** `POST /v1/grants`: what may be asked. Whether it may be had is the policy's to say. */
import { z } from 'zod';
import { AssertionBody } from './assertion.js';
import { entitlementName, subjectRef } from './names.js';
import { name, text } from './text.js';
import { duration, instant } from './time.js';

/** A public key that credentials are sealed to: X25519 and nothing else, without any private part. */
export const RecipientKey = z
  .strictObject({
    kty: z.literal('OKP', { error: 'recipientKey.kty is OKP' }),
    crv: z.literal('X25519', { error: 'recipientKey.crv is X25519' }),
    x: z.string().regex(/^[A-Za-z0-9_-]{43}$/, { error: 'recipientKey.x is 32 bytes in base64url' }),
    kid: z
      .string()
      .regex(/^[A-Za-z0-9._~-]{1,100}$/, { error: 'recipientKey.kid is at most 100 of A-Z a-z 0-9 . _ ~ -' })
      .optional(),
  })
  .meta({ description: 'Public X25519 JSON Web Key of the subject: the credential is sealed to it alone' });

/** Said of this field also where others are wrong: all that is wrong is told at once. */
function also(field: string) {
  const when = ({ value }: { value: unknown }): boolean => typeof value === 'object' && value !== null;
  return { path: [field], when };
}

export const AskGrant = z
  .strictObject({
    entitlement: entitlementName,
    /** Always, but in an emergency. */
    justification: text(4_000, 'justification').optional(),
    /** Break-glass: nobody is waited for, security is told at once, and it is reviewed afterwards. */
    emergency: z.literal(true, { error: 'emergency is true, or left out' }).optional(),
    /** In an emergency, in the place of `justification`: why nobody could be asked. */
    bypassReason: text(4_000, 'bypassReason').optional(),
    requestedDuration: duration('requestedDuration'),
    /** Absent: the caller. */
    subject: subjectRef.optional(),
    ticket: z
      .strictObject({
        system: name(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'ticket.system', 'JIRA'),
        number: name(/^[A-Za-z0-9#][A-Za-z0-9#._/-]{0,59}$/, 'ticket.number', 'OPS-1234'),
      })
      .optional(),
    scheduledActivationTime: instant('scheduledActivationTime').optional(),
    recipientKey: RecipientKey.optional(),
    /** With an `Idempotency-Key`, from which the grant's id follows: so the challenge can be made before the grant is. */
    assertion: AssertionBody.optional(),
    requestTime: instant('requestTime').optional().meta({
      description: 'With an assertion: the `requestTime` that its challenge was made over, at most two minutes ago',
    }),
  })
  .refine(({ emergency, justification }) => emergency || justification !== undefined, {
    ...also('justification'),
    error: 'justification is required',
  })
  .refine(({ emergency, justification }) => !emergency || justification === undefined, {
    ...also('justification'),
    error: 'in an emergency say why in bypassReason',
  })
  .refine(({ emergency, bypassReason }) => !emergency || bypassReason !== undefined, {
    ...also('bypassReason'),
    error: 'bypassReason is required in an emergency',
  })
  .refine(({ emergency, bypassReason }) => emergency || bypassReason === undefined, {
    ...also('bypassReason'),
    error: 'bypassReason goes with emergency',
  })
  .transform(({ bypassReason, justification, ...rest }) => ({
    ...rest,
    justification: bypassReason ?? justification ?? '',
  }))
  .meta({ id: 'AskGrant' });
export type AskGrant = z.infer<typeof AskGrant>;
