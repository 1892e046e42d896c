/** What browsers bring from a passkey: enrolments, proofs, and keys. What counts was asked here, and is exactly what was signed. */
import assert from 'node:assert/strict';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import { PasskeyError, verifyAssertion } from '../../../../../activities/platform/assertion.js';
import { readPasskeyKey } from '../../../../../activities/platform/passkey-key.js';
import { asSigned, registered } from '../../../../../api/identity/registration.js';
import { Problem } from '../../../../../api/problem.js';
import { AssertionBody } from '../../../../../api/schemas/assertion.js';
import { EnrolPasskey } from '../../../../../api/schemas/passkeys.js';
import type { Assertion } from '../../../../../workflows/domain/evidence.js';
import { coseOf, createPasskey, page } from '../../../../support/authenticator.js';
import { reader, type Format } from '../format.js';
import { changedBytes, changedJson, changedText, type Script } from '../mutate.js';

const challenge = 'c'.repeat(64);
const encode = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64url');
const decode = (text: string): Buffer => Buffer.from(text, 'base64url');

/** In its text, in its bytes, or in the JSON that it holds. */
function changedPart(part: string, script: Script): string {
  const how = (script[0]?.size ?? 0) % 3;
  if (how === 0) return changedText(part, script, ['=', '+', '/']);
  if (how === 1) return encode(changedBytes(decode(part), script));
  return encode(changedJson(decode(part).toString(), script));
}

function changedField<Input extends object>(input: Input, script: Script): Input {
  const names = Object.keys(input) as (keyof Input & string)[];
  const name = names[(script[0]?.what ?? 0) % names.length];
  if (name === undefined || typeof input[name] !== 'string') return input;
  return { ...input, [name]: changedPart(input[name], script) };
}

const cbor = (...bytes: number[]): Buffer => Buffer.from(bytes);
/** CBOR that promises more than it has, contains itself in itself, or is something else altogether. */
const strange: Buffer[] = [
  cbor(),
  cbor(0xa0),
  cbor(0xf6),
  cbor(0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  cbor(0x9b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff),
  cbor(0x9f, 0xff),
  cbor(0xbf),
  Buffer.alloc(4_000, 0x81),
  Buffer.alloc(4_000, 0xa1),
  Buffer.alloc(4_000, 0xd8),
  cbor(0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
];

export async function webauthn(): Promise<Format> {
  const passkeys = (['ES256', 'EdDSA', 'RS256'] as const).map((algorithm) => createPasskey(algorithm));
  const [first = createPasskey()] = passkeys;
  const enrolments = passkeys.map((passkey) => {
    const { id, response } = passkey.register({ challenge: asSigned(challenge) });
    const { clientDataJSON, attestationObject } = response;
    return { credentialId: id, clientDataJSON, attestationObject };
  });
  const proofs = passkeys.map((passkey): Assertion => {
    const { authenticatorData, clientDataJSON, signature } = passkey.authenticate({
      challenge: asSigned(challenge),
    }).response;
    return { credentialId: passkey.credentialId, authenticatorData, clientDataJSON, signature, nonce: 'A'.repeat(22) };
  });
  /** Signed by the passkey, and not what was asked. */
  const elsewhere = [
    { challenge: asSigned('d'.repeat(64)) },
    { challenge: asSigned(challenge), origin: 'http://localhost.evil:7300' },
    { challenge: asSigned(challenge), rpId: 'evil' },
    { challenge: asSigned(challenge), crossOrigin: true },
    { challenge: asSigned(challenge), userVerified: false },
    { challenge: asSigned(challenge), userPresent: false },
  ].map((ceremony): Assertion => {
    const { authenticatorData, clientDataJSON, signature } = first.authenticate(ceremony).response;
    return { credentialId: first.credentialId, authenticatorData, clientDataJSON, signature, nonce: 'A'.repeat(22) };
  });
  const keys = passkeys.map(({ publicKey }) => publicKey);
  const [x, y] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

  return {
    name: 'webauthn',
    readers: [
      reader<(typeof enrolments)[number]>({
        name: 'enrolment',
        valid: enrolments,
        corpus: strange.flatMap((bytes) => [
          { credentialId: first.credentialId, clientDataJSON: encode('{}'), attestationObject: encode(bytes) },
          {
            ...enrolments[0],
            attestationObject: withAuthData(enrolments[0]?.attestationObject ?? '', bytes),
          } as (typeof enrolments)[number],
        ]),
        change: changedField,
        read: async (input) => {
          // What the API lets through to it.
          const sent = EnrolPasskey.safeParse({ ...input, name: 'Key', nonce: 'A'.repeat(22) });
          if (!sent.success) throw new Problem('invalid', 'Refused by the schema.');
          const made = await registered({ ...page, ...sent.data, challenge });
          readPasskeyKey(made.publicKey);
          const {
            type,
            challenge: answered,
            origin,
          } = JSON.parse(decode(input.clientDataJSON).toString()) as Record<string, unknown>;
          assert.deepEqual([type, answered, origin], ['webauthn.create', asSigned(challenge), page.origin]);
          assert.equal(made.credentialId, input.credentialId);
        },
        refuses: (error) => error instanceof Problem && error.status < 500,
      }),
      reader<Assertion>({
        name: 'proof',
        valid: proofs,
        corpus: [
          ...elsewhere,
          ...proofs.flatMap(respelled),
          ...strange.map((bytes) => ({ ...(proofs[0] as Assertion), authenticatorData: encode(bytes) })),
          ...strange.map((bytes) => ({ ...(proofs[0] as Assertion), signature: encode(bytes) })),
          ...['null', '[]', '"a"', '{', '', '['.repeat(1_000)].map((text) => ({
            ...(proofs[0] as Assertion),
            clientDataJSON: encode(text),
          })),
        ],
        change: changedField,
        read: async (input) => {
          const sent = AssertionBody.safeParse(input);
          if (!sent.success) throw new PasskeyError('passkey-refused', 'Refused by the schema.');
          const passkey = passkeys.find(({ credentialId }) => credentialId === input.credentialId) ?? first;
          const { userVerified } = await verifyAssertion({ ...page, assertion: sent.data, challenge, passkey });
          const genuine = proofs.find(({ credentialId }) => credentialId === passkey.credentialId);
          assert.equal(userVerified, true);
          assert.deepEqual(decode(input.clientDataJSON), decode(genuine?.clientDataJSON ?? ''));
          assert.deepEqual(decode(input.authenticatorData), decode(genuine?.authenticatorData ?? ''));
          assert.deepEqual(
            [input.clientDataJSON, input.authenticatorData],
            [genuine?.clientDataJSON, genuine?.authenticatorData],
            'it is written in another way than it was signed',
          );
          assert.equal(encode(decode(input.signature)), input.signature, 'its signature is written in another way');
        },
        refuses: (error) => error instanceof PasskeyError,
      }),
      reader<string>({
        name: 'public key',
        valid: keys,
        corpus: [
          ...strange.map(encode),
          ...['', '=', `${keys[0]}=`, `${keys[0]}AA`, 'A'.repeat(5_000)],
          // Other curves, other algorithms, the wrong lengths, a member more.
          ...[
            coseOf([1, 2], [3, -7], [-1, 2], [-2, x], [-3, y]),
            coseOf([1, 2], [3, -47], [-1, 8], [-2, x], [-3, y]),
            coseOf([1, 2], [3, -7], [-1, 1], [-2, Buffer.alloc(31)], [-3, y]),
            coseOf([1, 1], [3, -8], [-1, 6], [-2, Buffer.alloc(0)]),
            coseOf([1, 3], [3, -65535], [-1, Buffer.alloc(256, 1)], [-2, Buffer.from([1, 0, 1])]),
            coseOf([1, 3], [3, -257], [-1, Buffer.alloc(128, 1)], [-2, Buffer.from([1, 0, 1])]),
          ].map(encode),
        ],
        change: changedPart,
        read: (text) => {
          const { cose, material } = readPasskeyKey(text);
          assert.ok(material.length >= 64);
          assert.equal(Buffer.from(cose).toString('base64url'), text, 'a key that can be written in two ways');
        },
        refuses: (error) => error instanceof Error && error.message.startsWith('must be a COSE key'),
      }),
    ],
  };
}

/** The same bytes, written in other ways: each part ends in bits that no byte needs. */
function respelled(proof: Assertion): Assertion[] {
  const parts = ['authenticatorData', 'clientDataJSON', 'signature'] as const;
  const others = (text: string): string[] => [...'ABCDEFGHgwQ'].map((last) => text.slice(0, -1) + last);
  return parts.flatMap((part) => others(proof[part]).map((text) => ({ ...proof, [part]: text })));
}

function withAuthData(attestationObject: string, authData: Buffer): string {
  const map = isoCBOR.decodeFirst<Map<string, unknown>>(new Uint8Array(decode(attestationObject)));
  map.set('authData', new Uint8Array(authData));
  return encode(Buffer.from(isoCBOR.encode(map as Parameters<typeof isoCBOR.encode>[0])));
}
