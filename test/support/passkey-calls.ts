/** What a browser does with passkeys, without one: asks for a challenge, lets the software authenticator answer, sends that. */
import assert from 'node:assert/strict';
import { createPasskey, type Ceremony, type Passkey } from './authenticator.js';
import type { Visitor } from './visitor.js';

export type Body = Record<string, unknown>;

export async function answer(response: Response, status = 200): Promise<Body> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as Body;
}

/** What a browser would send to enrol. */
export async function enrolment(who: Visitor, passkey: Passkey, change: Partial<Ceremony> = {}): Promise<Body> {
  const asked = await answer(await who.call('/v1/me/passkeys/challenge'));
  const { response } = passkey.register({ challenge: challengeIn(asked), ...change });
  const { clientDataJSON, attestationObject } = response;
  const { credentialId } = passkey;
  return { name: 'Laptop', nonce: asked['nonce'], credentialId, clientDataJSON, attestationObject };
}

export async function enrols(
  who: Visitor,
  passkey = createPasskey(),
  change: Partial<Ceremony> = {},
): Promise<Passkey> {
  await answer(await who.call('/v1/me/passkeys', await enrolment(who, passkey, change)), 201);
  return passkey;
}

/** The passkey's answer to a challenge, as calls carry it. */
export function proof(passkey: Passkey, asked: Body, change: Partial<Ceremony> = {}): Body {
  const { response } = passkey.authenticate({ challenge: challengeIn(asked), ...change });
  const { authenticatorData, clientDataJSON, signature } = response;
  return { credentialId: passkey.credentialId, authenticatorData, clientDataJSON, signature, nonce: asked['nonce'] };
}

export async function passkeysOf(who: Visitor): Promise<Body[]> {
  return (await answer(await who.go('/v1/me/passkeys')))['passkeys'] as Body[];
}

export async function removeAll(who: Visitor): Promise<void> {
  for (const { credentialId } of await passkeysOf(who)) {
    await answer(await who.call('/v1/me/passkeys/remove', { credentialId }));
  }
}

function challengeIn(asked: Body): string {
  return String((asked['options'] as Body)['challenge']);
}
