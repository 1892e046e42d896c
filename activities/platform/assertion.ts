/** Whether a passkey signed exactly this decision, on our pages, with its person verified: asked by the API and by connectors. */
import { verifyAuthenticationResponse } from '@simplewebauthn/server';
import { decodeClientDataJSON } from '@simplewebauthn/server/helpers';
import type { Assertion } from '../../workflows/domain/evidence.js';
import type { FailureCode } from '../../workflows/domain/failure.js';
import { isPlainBase64url } from './base64url.js';
import { readPasskeyKey } from './passkey-key.js';

/** Why an assertion does not count, in a sentence that holds nothing of it. */
export class PasskeyError extends Error {
  readonly code: Extract<FailureCode, 'passkey-unknown' | 'passkey-refused' | 'passkey-unverified-user'>;

  constructor(code: PasskeyError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PasskeyError';
    this.code = code;
  }
}

/** Where people use their passkeys. */
export interface PasskeyPage {
  /** Of the page, such as `https://daypass.example`. */
  origin: string;
  /** Host name that the passkeys belong to. */
  rpId: string;
}

/** Of the portal at this URL. */
export function pageOf(portalUrl: string): PasskeyPage {
  const { origin, hostname } = new URL(portalUrl);
  return { origin, rpId: hostname };
}

export interface AssertionCheck extends PasskeyPage {
  assertion: Assertion;
  /** `challengeOf` what is decided: 64 hex digits, which the passkey signs as bytes. */
  challenge: string;
  passkey: { credentialId: string; publicKey: string };
}

export interface Asserted {
  /** As the authenticator counts; 0 where it does not. Whether it may be lower than before is for whoever stored one. */
  counter: number;
  userVerified: true;
  /** The passkey is synchronised to other devices. */
  backedUp: boolean;
}

/** Throws a PasskeyError, whatever is sent. One use of a challenge is for its maker to hold. */
export async function verifyAssertion(check: AssertionCheck): Promise<Asserted> {
  const { assertion, passkey } = check;

  // It is by the passkey that it is checked against.
  if (assertion.credentialId !== passkey.credentialId) {
    throw new PasskeyError('passkey-unknown', 'The passkey is not the one that is known here.');
  }

  // Each part is base64url, and what is signed over in its one spelling: decoders pass over what they do not know, so one assertion
  // could be written in many ways.
  const { authenticatorData, clientDataJSON, signature } = assertion;
  if (!Object.values(assertion).every((part) => /^[A-Za-z0-9_-]*$/.test(part))) throw refused();
  if (![authenticatorData, clientDataJSON, signature].every(isPlainBase64url)) throw refused();

  // That passkey's algorithm is one of ours, and the signature holds for this page, host and challenge.
  const { verified, authenticationInfo } = await verifySignature(check).catch((error: unknown) => {
    throw refused(error);
  });
  if (!verified) throw refused();

  // No page of somebody else had it signed in a frame; the library lets that pass where the browser does not name the outer page.
  if (decodeClientDataJSON(assertion.clientDataJSON).crossOrigin) throw refused();

  // Its person was there and proved it: whoever finds a security key has not.
  if (!authenticationInfo.userVerified) {
    throw new PasskeyError('passkey-unverified-user', 'The passkey did not verify its person (PIN, finger or face).');
  }

  const { newCounter, credentialBackedUp } = authenticationInfo;
  return { counter: newCounter, userVerified: true, backedUp: credentialBackedUp };
}

async function verifySignature({ assertion, challenge, passkey, origin, rpId }: AssertionCheck) {
  const { credentialId: id, authenticatorData, clientDataJSON, signature } = assertion;
  const response = { authenticatorData, clientDataJSON, signature };
  return verifyAuthenticationResponse({
    response: { id, rawId: id, type: 'public-key', response, clientExtensionResults: {} },
    expectedChallenge: Buffer.from(challenge, 'utf8').toString('base64url'),
    expectedOrigin: origin,
    expectedRPID: rpId,
    expectedType: 'webauthn.get',
    // With a counter of 0 nothing is compared.
    credential: { id, publicKey: readPasskeyKey(passkey.publicKey).cose, counter: 0 },
    // Demanded above, where it has a code of its own.
    requireUserVerification: false,
  });
}

function refused(cause?: unknown): PasskeyError {
  const because = 'The passkey did not sign exactly this decision, on these pages.';
  return new PasskeyError('passkey-refused', because, { cause });
}
