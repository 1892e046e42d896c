/** An assertion counts for one decision, one page and one passkey, with its person verified; anything else is refused by name. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { verifyRegistrationResponse } from '@simplewebauthn/server';
import { PasskeyError, verifyAssertion, type AssertionCheck } from '../../../activities/platform/assertion.js';
import { passkeyAlgorithms, readPasskeyKey } from '../../../activities/platform/passkey-key.js';
import { coseOf, createPasskey, page, type Ceremony, type Passkey } from '../../support/authenticator.js';

const challenge = 'c'.repeat(64);
const asChallenge = (text: string): string => Buffer.from(text).toString('base64url');

function signedBy(passkey: Passkey, change: Partial<Ceremony> = {}): AssertionCheck {
  const { response } = passkey.authenticate({ challenge: asChallenge(challenge), ...change });
  const { authenticatorData, clientDataJSON, signature } = response;
  const { credentialId } = passkey;
  const assertion = { credentialId, authenticatorData, clientDataJSON, signature, nonce: 'n' };
  return { assertion, challenge, passkey, ...page };
}

describe('an assertion', () => {
  const passkey = createPasskey();
  const other = createPasskey();

  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
    it(`counts over exactly what is decided (${algorithm})`, async () => {
      const asserted = await verifyAssertion(signedBy(createPasskey(algorithm), { counter: 7, backedUp: true }));
      assert.deepEqual(asserted, { counter: 7, userVerified: true, backedUp: true });
    });
  }

  it('leaves a lower counter to whoever stored one', async () => {
    assert.equal((await verifyAssertion(signedBy(passkey, { counter: 0 }))).counter, 0);
  });

  const good = signedBy(passkey);
  const withField = (field: keyof AssertionCheck['assertion'], value: string): AssertionCheck => ({
    ...good,
    assertion: { ...good.assertion, [field]: value },
  });
  const flipped = (base64url: string, at: number): string => {
    const bytes = Buffer.from(base64url, 'base64url');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes.toString('base64url');
  };
  const rewritten = (change: object): string => {
    const data = JSON.parse(Buffer.from(good.assertion.clientDataJSON, 'base64url').toString());
    return asChallenge(JSON.stringify({ ...data, ...change }));
  };
  const { authenticatorData, clientDataJSON, signature } = good.assertion;
  const registered = passkey.register({ challenge: asChallenge(challenge) }).response;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
  const bytes = (text = ''): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));
  const known = (...fields: Parameters<typeof coseOf>): AssertionCheck => ({
    ...good,
    passkey: { ...passkey, publicKey: coseOf(...fields).toString('base64url') },
  });

  const attacks: [name: string, code: PasskeyError['code'], check: AssertionCheck][] = [
    ['of another decision', 'passkey-refused', { ...good, challenge: 'd'.repeat(64) }],
    ['with the challenge in upper case', 'passkey-refused', { ...good, challenge: challenge.toUpperCase() }],
    ['with an empty challenge', 'passkey-refused', signedBy(passkey, { challenge: '' })],
    ['made on another page', 'passkey-refused', signedBy(passkey, { origin: 'http://localhost:7301' })],
    ['made on a page whose name begins alike', 'passkey-refused', signedBy(passkey, { origin: `${page.origin}.evil` })],
    ['made for another host', 'passkey-refused', signedBy(passkey, { rpId: 'evil.example' })],
    ['made in a frame of another page', 'passkey-refused', signedBy(passkey, { crossOrigin: true })],
    ['without anybody there', 'passkey-refused', signedBy(passkey, { userPresent: false })],
    ['without the person verified', 'passkey-unverified-user', signedBy(passkey, { userVerified: false })],
    ['by another passkey', 'passkey-unknown', { ...signedBy(other), passkey }],
    [
      'by another passkey under the id of this one',
      'passkey-refused',
      { ...good, passkey: { ...other, credentialId: passkey.credentialId } },
    ],
    ['with another id written in', 'passkey-unknown', withField('credentialId', other.credentialId)],
    [
      'with an altered challenge',
      'passkey-refused',
      withField('clientDataJSON', rewritten({ challenge: asChallenge('d'.repeat(64)) })),
    ],
    ['with clientDataJSON written anew', 'passkey-refused', withField('clientDataJSON', rewritten({ more: 1 }))],
    ['with the flags altered', 'passkey-refused', withField('authenticatorData', flipped(authenticatorData, 32))],
    ['with the counter altered', 'passkey-refused', withField('authenticatorData', flipped(authenticatorData, 36))],
    ['cut off', 'passkey-refused', withField('authenticatorData', authenticatorData.slice(0, 20))],
    ['with the signature altered', 'passkey-refused', withField('signature', flipped(signature, 20))],
    ['without a signature', 'passkey-refused', withField('signature', '')],
    ['that is an enrolment', 'passkey-refused', withField('clientDataJSON', registered.clientDataJSON)],
    ['that is no JSON', 'passkey-refused', withField('clientDataJSON', asChallenge('{'))],
    ['that is no base64url', 'passkey-refused', withField('clientDataJSON', `${clientDataJSON}!`)],
    [
      'by a key of another curve',
      'passkey-refused',
      known([1, 2], [3, -7], [-1, 2], [-2, bytes(p384.x)], [-3, bytes(p384.y)]),
    ],
    ['by a key without a curve', 'passkey-refused', known([1, 2], [3, -7])],
  ];
  for (const [name, code, check] of attacks) {
    it(`does not count ${name}: ${code}`, async () => {
      await assert.rejects(verifyAssertion(check), (error) => {
        assert.ok(error instanceof PasskeyError, String(error));
        assert.equal(error.code, code, String(error.cause));
        assert.match(error.message, /^[A-Z].*\.$/);
        return true;
      });
    });
  }

  it('is enrolled by what enrols passkeys', async () => {
    const response = createPasskey('EdDSA').register({ challenge: asChallenge(challenge) });
    const { verified } = await verifyRegistrationResponse({
      response,
      expectedChallenge: asChallenge(challenge),
      expectedOrigin: page.origin,
      expectedRPID: page.rpId,
      supportedAlgorithmIDs: [...passkeyAlgorithms],
    });
    assert.ok(verified);
  });
});

describe("a passkey's key", () => {
  it('is one of the three kinds that are verified', () => {
    for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) readPasskeyKey(createPasskey(algorithm).publicKey);
    const modulus = new Uint8Array(128).fill(3);
    const wrong: [name: string, key: string][] = [
      ['nothing', ''],
      ['no base64url', 'a+b='],
      ['no CBOR', 'AAAA'],
      [
        'RSA of 1024 bits',
        coseOf([1, 3], [3, -257], [-1, modulus], [-2, new Uint8Array([1, 0, 1])]).toString('base64url'),
      ],
      ['SHA-1', coseOf([1, 3], [3, -65535], [-1, modulus], [-2, new Uint8Array([1])]).toString('base64url')],
      ['EdDSA on the curve of ECDSA', coseOf([1, 1], [3, -8], [-1, 1], [-2, new Uint8Array(32)]).toString('base64url')],
      [
        'a key and more',
        Buffer.concat([Buffer.from(createPasskey().publicKey, 'base64url'), Buffer.from([0])]).toString('base64url'),
      ],
    ];
    for (const [name, key] of wrong) assert.throws(() => readPasskeyKey(key), /^Error: must be a COSE key/, name);
  });

  it('is one key, however it is written', () => {
    const [x, y] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const one = coseOf([1, 2], [3, -7], [-1, 1], [-2, x], [-3, y]).toString('base64url');
    const same = coseOf([3, -7], [1, 2], [-1, 1], [-2, x], [-3, y]).toString('base64url');
    assert.notEqual(one, same);
    assert.equal(readPasskeyKey(one).material, readPasskeyKey(same).material);
  });
});
