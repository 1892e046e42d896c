/** Reads what an authenticator made for an enrolment, and believes nothing in it that we did not ask for. */
import { verifyRegistrationResponse, type RegistrationResponseJSON } from '@simplewebauthn/server';
import { decodeAttestationObject } from '@simplewebauthn/server/helpers';
import type { PasskeyPage } from '../../activities/platform/assertion.js';
import { passkeyAlgorithms, readPasskeyKey } from '../../activities/platform/passkey-key.js';
import type { Passkey } from '../../workflows/domain/passkeys.js';
import { Problem } from '../problem.js';

/** Each part in base64url, as browsers give it. */
export interface Answered {
  credentialId: string;
  clientDataJSON: string;
  attestationObject: string;
  transports?: string[];
}

export type Registered = Pick<Passkey, 'credentialId' | 'publicKey' | 'counter' | 'transports' | 'backedUp'>;

/** What the authenticator made. Throws unless it answered this challenge, on our pages, with its person verified. */
export async function registered(given: Answered & PasskeyPage & { challenge: string }): Promise<Registered> {
  const { credentialId: id, clientDataJSON, attestationObject, challenge, origin, rpId } = given;
  if (!isUnattested(attestationObject)) throw notEnrolled();
  const response: RegistrationResponseJSON = {
    id,
    rawId: id,
    type: 'public-key',
    response: { clientDataJSON, attestationObject },
    clientExtensionResults: {},
  };
  const found = await verifyRegistrationResponse({
    response,
    expectedChallenge: asSigned(challenge),
    expectedOrigin: origin,
    expectedRPID: rpId,
    expectedType: 'webauthn.create',
    supportedAlgorithmIDs: [...passkeyAlgorithms],
    // Demanded below, where it has a code of its own.
    requireUserVerification: false,
  }).catch((error: unknown) => {
    throw notEnrolled(error);
  });
  if (!found.verified) throw notEnrolled();
  const { credential, userVerified, credentialBackedUp } = found.registrationInfo;
  if (credential.id !== id) throw notEnrolled();
  if (!userVerified) {
    throw new Problem(
      'passkey-unverified-user',
      'This passkey did not verify you (PIN, finger or face); set that up on it, or use another one.',
    );
  }
  const publicKey = Buffer.from(credential.publicKey).toString('base64url');
  return {
    credentialId: id,
    publicKey: usual(publicKey),
    counter: credential.counter,
    transports: knownTransports(given.transports ?? []),
    backedUp: credentialBackedUp,
  };
}

/** Throws for a key that no connector would take either. */
function usual(publicKey: string): string {
  try {
    readPasskeyKey(publicKey);
    return publicKey;
  } catch (error) {
    throw notEnrolled(error);
  }
}

/**
 * Nothing, or a statement by the key itself. A maker's certificate would prove nothing here, since none is pinned, and would
 * have this process fetch lists from addresses that the certificate names.
 */
function isUnattested(attestationObject: string): boolean {
  try {
    const decoded = decodeAttestationObject(new Uint8Array(Buffer.from(attestationObject, 'base64url')));
    const format = decoded.get('fmt');
    return format === 'none' || (format === 'packed' && decoded.get('attStmt').get('x5c') === undefined);
  } catch {
    // Whatever this is, no authenticator was asked for it here.
    return false;
  }
}

/** As authenticators are reached (Level 3, section 5.8.4). */
const transportNames = ['ble', 'hybrid', 'internal', 'nfc', 'usb'] as const;

export function knownTransports(given: readonly string[]): (typeof transportNames)[number][] {
  return transportNames.filter((name) => given.includes(name));
}

function notEnrolled(cause?: unknown): Problem {
  const because = 'The passkey did not answer what was asked on this page; enrol it once more.';
  return new Problem('passkey-refused', because, { cause });
}

/** A challenge is signed as the bytes of its text. */
export function asSigned(challenge: string): string {
  return Buffer.from(challenge, 'utf8').toString('base64url');
}
