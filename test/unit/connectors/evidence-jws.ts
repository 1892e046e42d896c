/**
 * The attacker knows every public key and every statement, and writes JWS by hand. Only compact JWS by a pinned key counts, in the
 * one algorithm, for the one purpose; nothing in the message can choose how it is checked.
 */
import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { JwkSet } from '../../../activities/platform/keys.js';
import { signAs } from '../../../activities/platform/jws.js';
import { api, check, now, refuses, stranger, type Attack } from '../../support/evidence-world.js';
import { createSigner, hourMs, minuteMs } from '../../support/signer.js';

let [header, payload, signature] = ['', '', ''];
const { kid } = api.key;
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const statement = (): object => JSON.parse(Buffer.from(payload, 'base64url').toString());
const ordered = (request: string): Attack => ({ order: { request } });

const privateKey = createPrivateKey({ key: { ...api.key }, format: 'jwk' });
const strangerKey = createPrivateKey({ key: { ...stranger.key }, format: 'jwk' });
const publicBytes = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
const publicText = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });

/** Signed over exactly these parts, whatever the header says. */
function signedWith(key: typeof privateKey, head: object, body = payload): string {
  const said = `${encoded(head)}.${body}`;
  return `${said}.${sign(null, Buffer.from(said), key).toString('base64url')}`;
}

function hmac(secret: Buffer | string): string {
  const said = `${encoded({ alg: 'HS256', typ: 'daypass+jws', kid })}.${payload}`;
  return `${said}.${createHmac('sha256', secret).update(said).digest('base64url')}`;
}

/** The same keys, one of them retired. */
const retired = (until: number): JwkSet => ({ keys: api.keys.keys.map((key) => ({ ...key, until })) });

describe('evidence, against who writes JWS by hand', () => {
  before(async () => {
    [header = '', payload = '', signature = ''] = (await api.request()).split('.');
  });

  const head = { alg: 'EdDSA', typ: 'daypass+jws', kid };
  const another = { ...head, kid: 'mallory' };
  const { kty, crv, x } = stranger.key;
  refuses([
    ['no signature at all', 'bad-evidence', async () => ordered(`${header}.${payload}.`)],
    ['the algorithm "none"', 'bad-evidence', async () => ordered(`${encoded({ ...head, alg: 'none' })}.${payload}.`)],
    [
      'the algorithm "none" over a good signature',
      'bad-evidence',
      async () => ordered(`${encoded({ ...head, alg: 'none' })}.${payload}.${signature}`),
    ],
    ['HS256 with the bytes of the public key as secret', 'bad-evidence', async () => ordered(hmac(publicBytes))],
    ['HS256 with the text of the public key as secret', 'bad-evidence', async () => ordered(hmac(publicText))],
    [
      'HS256 with the coordinate of the public key as secret',
      'bad-evidence',
      async () => ordered(hmac(Buffer.from(api.key.x ?? '', 'base64url'))),
    ],
    [
      'another name of the algorithm',
      'bad-evidence',
      async () => ordered(signedWith(privateKey, { ...head, alg: 'Ed25519' })),
    ],
    [
      'a receipt, signed by the same key',
      'bad-evidence',
      async () => ordered(await signAs('daypass-receipt+jws', statement(), api.key)),
    ],
    [
      'a token, signed by the same key',
      'bad-evidence',
      async () => ordered(await signAs('at+jwt', statement(), api.key)),
    ],
    ['no purpose at all', 'bad-evidence', async () => ordered(signedWith(privateKey, { alg: 'EdDSA', kid }))],
    [
      'rules that nobody here knows',
      'bad-evidence',
      async () => ordered(signedWith(privateKey, { ...head, crit: ['exp'], exp: 1 })),
    ],
    [
      'an unencoded payload (RFC 7797)',
      'bad-evidence',
      async () => ordered(signedWith(privateKey, { ...head, crit: ['b64'], b64: false })),
    ],
    [
      'an encoded payload that says so (RFC 7797)',
      'bad-evidence',
      async () => ordered(signedWith(privateKey, { ...head, crit: ['b64'], b64: true })),
    ],
    [
      'a key that the message brings along',
      'bad-evidence',
      async () => ordered(signedWith(strangerKey, { ...head, jwk: { kty, crv, x } })),
    ],
    [
      'a key that the message brings along under an id of its own',
      'bad-evidence',
      async () => ordered(signedWith(strangerKey, { ...another, jwk: { kty, crv, x } })),
    ],
    [
      'a key that the message points to',
      'bad-evidence',
      async () => ordered(signedWith(strangerKey, { ...another, jku: 'http://localhost:1/keys' })),
    ],
    [
      'no id of a key',
      'bad-evidence',
      async () => ordered(signedWith(privateKey, { alg: 'EdDSA', typ: 'daypass+jws' })),
    ],
    ["another's signature under the id of a pinned key", 'bad-evidence', async () => ordered(await stranger.request())],
    [
      'two signatures, the second one good',
      'bad-evidence',
      async () => {
        const good = { protected: header, signature };
        const signatures = [{ protected: encoded(another), signature }, good];
        return ordered(JSON.stringify({ payload, signatures }));
      },
    ],
    ['four parts', 'bad-evidence', async () => ordered(`${header}.${payload}.${signature}.${signature}`)],
    ['five parts, as of something sealed', 'bad-evidence', async () => ordered(`${header}.${payload}...${signature}`)],
    [
      'a good signature over another payload',
      'bad-evidence',
      async () => ordered(`${header}.${encoded({ ...statement(), longestMs: 8 * hourMs })}.${signature}`),
    ],
    [
      'the payload of one and the header of another',
      'bad-evidence',
      async () => ordered(`${encoded({ ...head, x: 1 })}.${payload}.${signature}`),
    ],
    [
      'a field that statements do not have',
      'bad-evidence',
      async () => ordered(await signAs('daypass+jws', { ...statement(), privilege: 'postgres' }, api.key)),
    ],
    ['a statement of 17,000 characters', 'bad-evidence', async () => ordered('x'.repeat(17_000))],

    // keys
    [
      'everything right, after the key was unpinned',
      'bad-evidence',
      async () => ({ believed: { apiKeys: { keys: [] } } }),
    ],
    [
      'a request that was issued after its key had been retired',
      'bad-evidence',
      async () => ({
        believed: { apiKeys: retired(now) },
        order: { request: await api.request({ issuedAt: now + 1 }) },
      }),
    ],
    [
      'an approval that was issued after its key had been retired',
      'bad-evidence',
      async () => ({
        believed: { apiKeys: retired(now) },
        order: { approvals: [await api.approval({ issuedAt: now + 1 })] },
      }),
    ],
    [
      'a request by a retired key whose time is over, with an older date',
      'bad-evidence',
      async () => ({
        believed: { apiKeys: retired(now - 1) },
        order: { request: await api.request({ issuedAt: now - hourMs }) },
      }),
    ],
  ]);

  it('takes what a retired key signed in its time, together with what the new key signs', async () => {
    const next = await createSigner(now);
    next.key.kid = 'next';
    const apiKeys = { keys: [...retired(now + minuteMs).keys, { ...next.keys.keys[0], kty: 'OKP', kid: 'next' }] };
    const checked = await check({ believed: { apiKeys }, order: { approvals: [await next.approval()] } });
    assert.deepEqual(checked.signedBy, ['next', 'test-Ed25519']);
  });
});
