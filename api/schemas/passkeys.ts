/** Passkeys on the wire: what is enrolled, and what browsers ask for and answer. */
import { z } from 'zod';
import type { SignIn } from '../../workflows/domain/evidence.js';
import type { Passkey } from '../../workflows/domain/passkeys.js';
import { strengthOf, strengths } from '../identity/strength.js';
import { Approve } from './decisions.js';
import { base64url, nonce } from './assertion.js';
import { decisionId } from './names.js';
import { text } from './text.js';
import { isoInstant, wireInstant } from './time.js';

const credentialId = base64url('credentialId', 1_400);
const name = text(60, 'name').meta({ description: 'What its owner calls it' });

export const PasskeyBody = z
  .strictObject({
    credentialId: z.string(),
    name: z.string(),
    fingerprint: z.string().meta({ description: 'To be compared by eye with what the owner of a zone sees' }),
    publicKey: z.string().meta({ description: 'COSE key (RFC 9052) in base64url' }),
    evidence: z.string().meta({ description: 'The signed statement of its enrolment, for the owner of a zone' }),
    backedUp: z.boolean().meta({ description: 'It is kept by its maker too, and may be on other devices' }),
    enrolTime: wireInstant,
    lastUseTime: wireInstant.optional(),
  })
  .meta({ id: 'Passkey' });
export type PasskeyBody = z.infer<typeof PasskeyBody>;

export function passkeyBody(passkey: Passkey): PasskeyBody {
  const {
    credentialId: id,
    name: called,
    fingerprint,
    publicKey,
    evidence,
    backedUp,
    enrolledAt,
    lastUsedAt,
  } = passkey;
  const times = {
    enrolTime: isoInstant(enrolledAt),
    ...(lastUsedAt === undefined ? {} : { lastUseTime: isoInstant(lastUsedAt) }),
  };
  return { credentialId: id, name: called, fingerprint, publicKey, evidence, backedUp, ...times };
}

export const PasskeyList = z
  .strictObject({
    signIn: z.strictObject({
      strength: z.enum(strengths),
      methods: z.array(z.string()).meta({ description: 'As the identity provider stated them (RFC 8176)' }),
      time: wireInstant,
      stepUpTime: wireInstant.optional().meta({ description: 'When a passkey was last proven in this sign-in' }),
    }),
    passkeys: z.array(PasskeyBody),
  })
  .meta({ id: 'PasskeyList' });
export type PasskeyList = z.infer<typeof PasskeyList>;

export function passkeyList(signIn: SignIn, passkeys: readonly Passkey[]): PasskeyList {
  const { methods, time, stepUp } = signIn;
  const shown = {
    strength: strengthOf(signIn),
    methods,
    time: isoInstant(time),
    ...(stepUp === undefined ? {} : { stepUpTime: isoInstant(stepUp) }),
  };
  return { signIn: shown, passkeys: passkeys.map(passkeyBody) };
}

/** `options` go to the browser as they are; `nonce` comes back with its answer. */
export const Challenge = z
  .strictObject({
    nonce: z.string(),
    options: z.looseObject({ challenge: z.string() }).meta({
      description: 'PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3)',
    }),
    requestTime: wireInstant.optional().meta({ description: 'Of a request: goes into its body' }),
  })
  .meta({ id: 'PasskeyChallenge' });

/** A browser's `RegistrationResponseJSON`, and a name for it. */
export const EnrolPasskey = z
  .strictObject({
    name,
    nonce,
    credentialId,
    clientDataJSON: base64url('clientDataJSON', 1_500),
    attestationObject: base64url('attestationObject', 6_000),
    transports: z.array(z.string().max(20)).max(8).optional(),
  })
  .meta({ id: 'EnrolPasskey' });
export type EnrolPasskey = z.infer<typeof EnrolPasskey>;

export const RenamePasskey = z.strictObject({ credentialId, name }).meta({ id: 'RenamePasskey' });
export const RemovePasskey = z.strictObject({ credentialId }).meta({ id: 'RemovePasskey' });

/** What is going to be sent to approve, without the proof. */
export const ApprovalChallenge = Approve.omit({ assertion: true, comment: true })
  .extend({ decisionId })
  .meta({ id: 'ApprovalChallenge' });
