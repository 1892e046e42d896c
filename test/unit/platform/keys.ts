/** Key files and what they are for: statements and credentials, with every way of getting either wrong. */
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64url, CompactEncrypt, CompactSign, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import {
  readCodecKeys,
  readCredentialKey,
  readCredentialPublicKey,
  readReceiptKeys,
  readSecret,
  readSigningKey,
  readSigningKeys,
  smallOrder,
  watchSigningKeys,
  type PrivateJwk,
} from '../../../activities/platform/keys.js';
import { createLog } from '../../../activities/platform/log.js';
import { openCredential, sealCredential } from '../../../activities/platform/jwe.js';
import { signStatement, verifyStatement } from '../../../activities/platform/jws.js';
import type { RequestStatement } from '../../../workflows/domain/evidence.js';
import { until } from '../../support/until.js';

const request: RequestStatement = {
  type: 'request',
  installation: 'test',
  grantId: '0'.repeat(26),
  requestDigest: 'a'.repeat(64),
  actor: 'person:engineer',
  signIn: { time: 1, methods: ['pwd'], groups: ['engineers'] },
  issuedAt: 2,
  entitlement: 'orders-db/read',
  target: 'orders-db',
  subject: 'person:engineer',
  notBefore: 0,
  activateBy: 10,
  endBy: 20,
  longestMs: 5,
};

async function freshKey(crv: 'Ed25519' | 'X25519'): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair(crv === 'Ed25519' ? 'EdDSA' : 'ECDH-ES+A256KW', {
    crv,
    extractable: true,
  });
  const { kty = '', x = '', d = '' } = await exportJWK(privateKey);
  return { kty, crv, x, d };
}

function publicOf({ kty, crv, x, kid }: PrivateJwk) {
  return { kty, crv, x, ...(kid ? { kid } : {}) };
}

describe('key files', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'daypass-keys-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function file(content: unknown): Promise<string> {
    const path = join(folder, 'key.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  const secret = Buffer.alloc(32, 7).toString('base64');

  it('are read', async () => {
    const ring = await readCodecKeys(await file({ current: 'a', keys: { a: secret } }));
    assert.equal(ring.current, 'a');
    assert.equal(ring.keys['a']?.length, 32);
    assert.equal((await readSecret(await file(`${secret}\n`))).length, 32);

    const [signing, credential] = [await freshKey('Ed25519'), await freshKey('X25519')];
    const one = await readSigningKey(await file(signing));
    const set = await readSigningKeys(await file({ keys: [publicOf(signing)] }));
    assert.ok(one.kid);
    assert.equal(one.kid, set.keys[0]?.kid, 'both files name the key alike');
    assert.equal((await readCredentialKey(await file(credential))).d, credential.d);
    assert.equal((await readCredentialPublicKey(await file(publicOf(credential)))).x, credential.x);
  });

  it('never give away a private part that stands where a public key belongs', async () => {
    const key = await freshKey('X25519');
    assert.ok(!('d' in (await readCredentialPublicKey(await file(key)))));
    const set = await readSigningKeys(await file({ keys: [await freshKey('Ed25519')] }));
    assert.ok(set.keys.every((it) => !('d' in it)));
    const receipts = await readReceiptKeys(await file({ keys: [{ ...(await freshKey('Ed25519')), targets: ['db'] }] }));
    assert.deepEqual(
      receipts.map((it) => Object.keys(it)),
      [['kid', 'x', 'targets']],
    );
  });

  const wrong: [what: string, read: (path: string) => Promise<unknown>, content: unknown, sentence: RegExp][] = [
    [
      'a ring without its current key',
      readCodecKeys,
      { current: 'b', keys: { a: secret } },
      /current: must be the id of one of/,
    ],
    ['a short key', readCodecKeys, { current: 'a', keys: { a: 'AAAA' } }, /keys\.a: must be 32 bytes in base64/],
    ['an unknown field', readCodecKeys, { current: 'a', keys: { a: secret }, more: 1 }, /more/],
    ['no JSON', readCodecKeys, 'nonsense', /it is no JSON/],
    ['a short secret', readSecret, 'AAAA', /must be 32 bytes in base64/],
    [
      'a public key for a private one',
      readSigningKey,
      { kty: 'OKP', crv: 'Ed25519', x: 'B'.repeat(43) },
      /private Ed25519 JWK: d:/,
    ],
    ['a key of another curve', readCredentialPublicKey, { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }, /crv:/],
    [
      'a thousand keys that are none',
      readReceiptKeys,
      { keys: Array(1_000).fill({}) },
      /^.{5,300}; and \d+ more\..{1,120}$/,
    ],
    ['a set without keys', readSigningKeys, {}, /JWK Set of Ed25519 keys/],
    [
      'two keys of one id',
      readSigningKeys,
      { keys: ['B', 'C'].map((letter) => ({ kty: 'OKP', crv: 'Ed25519', x: letter.repeat(43), kid: 'same' })) },
      /two keys with the id same/,
    ],
    [
      'an end of a key that is no instant',
      readSigningKeys,
      { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'B'.repeat(43), until: 'tomorrow' }] },
      /keys\.0\.until: must be an instant/,
    ],
    [
      'a receipt key that may speak for anybody',
      readReceiptKeys,
      { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'B'.repeat(43) }] },
      /keys\.0\.targets/,
    ],
    ['a shared secret in the set', readSigningKeys, { keys: [{ kty: 'oct', k: 'AAAA' }] }, /keys\.0\.kty/],
  ];
  for (const [what, read, content, sentence] of wrong) {
    it(`are refused with a sentence that names the file: ${what}`, async () => {
      const path = await file(content);
      await assert.rejects(read(path), (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, sentence);
        assert.ok(error.message.includes(path));
        assert.ok(!error.message.includes(secret), 'says nothing of what is in it');
        return true;
      });
    });
  }

  // Small order: [0]B = R + [k]A holds for R = 1 and S = 0 whenever k is a multiple of that order, which is 8 at most.
  it('are refused where anybody could sign in their name, as with one that is all zeros', async () => {
    const forged = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);
    for (const point of smallOrder) {
      for (const sign of [0, 0x80]) {
        const bytes = Buffer.from(point, 'hex');
        bytes.writeUInt8(bytes.readUInt8(31) | sign, 31);
        const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') };
        const key = createPublicKey({ format: 'jwk', key: jwk });
        const messages = Array.from({ length: 1_000 }, (_, index) => Buffer.from(`message ${index}`));
        assert.ok(messages.some((message) => verify(undefined, message, key, forged)));
        await assert.rejects(
          readSigningKeys(await file({ keys: [jwk] })),
          /keys\.0\.x: must be a key that somebody made/,
        );
      }
    }
  });

  it('that are missing are named, with the way out', async () => {
    await assert.rejects(readCodecKeys(join(folder, 'none')), /none .*cannot be read: ENOENT.*npm start/s);
  });
});

describe('pinned keys', () => {
  let path: string;
  let lines: { level: string; msg: string; because?: string }[];
  let watch: ReturnType<typeof watchSigningKeys>;
  let changes: number;

  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'daypass-keys-')), 'keys.json');
    lines = [];
    changes = 0;
    await pin('a');
    watch = watchSigningKeys(
      path,
      createLog('test', 'info', (line) => lines.push(JSON.parse(line))),
    );
    watch.onChange(() => (changes += 1));
  });
  afterEach(async () => {
    watch.close();
    await rm(join(path, '..'), { recursive: true });
  });

  const key = (kid: string, more: object = {}) => ({ kty: 'OKP', crv: 'Ed25519', x: 'B'.repeat(43), kid, ...more });
  const kids = () => watch.current().keys.map(({ kid }) => kid);
  async function put(text: string): Promise<void> {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }
  const pin = (...names: string[]) => put(JSON.stringify({ keys: names.map((kid) => key(kid)) }));

  it('are taken up within a second of a change, down to none at all', async () => {
    await pin('a', 'b');
    await until(() => kids().length === 2, { withinMs: 1_000 });
    await pin();
    await until(() => kids().length === 0, { withinMs: 1_000 });
    assert.equal(changes, 2);
  });

  it('carry the instant until which a retired key is believed', async () => {
    await put(JSON.stringify({ keys: [key('old', { until: '2026-01-01T00:00:00+01:00' }), key('new')] }));
    await until(() => kids().length === 2);
    assert.deepEqual(
      watch.current().keys.map((it) => it.until),
      [Date.UTC(2025, 11, 31, 23), undefined],
    );
  });

  // Half a set would let a leaked key in again, or everybody out: neither is what anyone wrote.
  it('are refused whole when their file is wrong or gone, with one alarm, and the last good set stays', async () => {
    await put(JSON.stringify({ keys: [key('b'), { kty: 'RSA' }] }));
    await until(() => lines.some(({ level }) => level === 'error'));
    assert.deepEqual([kids(), changes], [['a'], 0]);
    await rm(path);
    await until(() => lines.some(({ because = '' }) => because.includes('ENOENT')));
    assert.deepEqual(kids(), ['a']);
    await pin('c');
    await until(() => kids()[0] === 'c');
    assert.equal(lines.filter(({ level }) => level === 'error').length, 2);
  });
});

describe('signed statements', () => {
  let key: PrivateJwk;
  let other: PrivateJwk;
  before(async () => {
    key = { ...(await freshKey('Ed25519')), kid: 'one' };
    other = { ...(await freshKey('Ed25519')), kid: 'two' };
  });

  const pinned = () => ({ keys: [publicOf(key)] });

  /** A token that the same key signed, but not as a statement. */
  async function token(header: object, payload: unknown, by: JWK = { ...key }): Promise<string> {
    return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
      .setProtectedHeader({ alg: 'EdDSA', typ: 'daypass+jws', kid: 'one', ...header })
      .sign(await importJWK(by, 'EdDSA'));
  }

  it('verify and come back as they were', async () => {
    assert.deepEqual(await verifyStatement(await signStatement(request, key), pinned()), request);
  });

  it('verify by either key while keys change', async () => {
    const both = { keys: [publicOf(key), publicOf(other)] };
    assert.deepEqual(await verifyStatement(await signStatement(request, other), both), request);
  });

  it('are refused when another key signed them, even under the pinned name', async () => {
    await assert.rejects(verifyStatement(await signStatement(request, other), pinned()), /pinned keys/);
    await assert.rejects(
      verifyStatement(await signStatement(request, { ...other, kid: 'one' }), pinned()),
      /pinned keys/,
    );
  });

  it('are refused when a byte of them changed', async () => {
    const [header, , signature] = (await signStatement(request, key)).split('.');
    const payload = base64url.encode(JSON.stringify({ ...request, longestMs: 500 }));
    await assert.rejects(verifyStatement(`${header}.${payload}.${signature}`, pinned()), /pinned keys/);
  });

  it('are refused without a signature, or with the public key as a shared secret', async () => {
    const payload = base64url.encode(JSON.stringify(request));
    const none = base64url.encode(JSON.stringify({ alg: 'none', typ: 'daypass+jws' }));
    await assert.rejects(verifyStatement(`${none}.${payload}.`, pinned()), /pinned keys/);
    const shared = await new CompactSign(new TextEncoder().encode(JSON.stringify(request)))
      .setProtectedHeader({ alg: 'HS256', typ: 'daypass+jws', kid: 'one' })
      .sign(base64url.decode(key.x ?? ''));
    await assert.rejects(verifyStatement(shared, pinned()), /pinned keys/);
  });

  it('are refused when they bring their own key', async () => {
    const forged = await token({ jwk: publicOf(other), kid: undefined }, request, { ...other });
    await assert.rejects(verifyStatement(forged, pinned()), /pinned keys/);
  });

  it('are refused when the key signed them for another purpose', async () => {
    await assert.rejects(verifyStatement(await token({ typ: 'at+jwt' }, request), pinned()), /not a statement/);
    await assert.rejects(verifyStatement(await token({ typ: undefined }, request), pinned()), /not a statement/);
  });

  it('are refused in a sentence, however many fields are wrong', async () => {
    const signIn = { time: 1, methods: [], groups: Array.from({ length: 40 }, () => null) };
    const refused = /wrong fields: (signIn\.groups\.\d, ){7}signIn\.groups\.7 and 32 more\.$/;
    await assert.rejects(verifyStatement(await token({}, { ...request, signIn }), pinned()), refused);
  });

  const malformed: [name: string, change: object][] = [
    ['an unknown field', { sudo: true }],
    ['an instant that is text', { notBefore: '0' }],
    ['a negative duration', { longestMs: -5 }],
    ['no duration', { longestMs: 0 }],
    ['a fraction of a millisecond', { endBy: 0.5 }],
    ['a digest that is none', { requestDigest: 'A'.repeat(64) }],
    ['an unknown type', { type: 'grant' }],
    ['groups that are text', { signIn: { time: 1, methods: [], groups: 'db-owners' } }],
    ['a recipient key on another curve', { recipientKey: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43) } }],
  ];
  for (const [name, change] of malformed) {
    it(`are refused with wrong fields, whoever signed them: ${name}`, async () => {
      await assert.rejects(verifyStatement(await token({}, { ...request, ...change }), pinned()), /wrong fields/);
      await assert.rejects(signStatement({ ...request, ...change }, key));
    });
  }

  it('are refused when they are huge, before any work', async () => {
    await assert.rejects(verifyStatement('e'.repeat(20_000), pinned()), /no signed statement/);
  });
});

describe('sealed credentials', () => {
  const credential = { kind: 'postgres', password: 'hunter2', grantId: 'g', subject: 'person:engineer' };

  it('open with the key that they were sealed to, and show nothing before', async () => {
    const key = await freshKey('X25519');
    const sealed = await sealCredential(credential, publicOf(key));
    assert.ok(!sealed.includes('hunter2'));
    assert.deepEqual(await openCredential(sealed, key), credential);
  });

  it('open with no other key, and say nothing of the content', async () => {
    const sealed = await sealCredential(credential, publicOf(await freshKey('X25519')));
    await assert.rejects(openCredential(sealed, await freshKey('X25519')), /does not open with this key/);
    await assert.rejects(openCredential('a.b.c.d.e', await freshKey('X25519')), /does not open with this key/);
  });

  it('are sealed to X25519 keys alone', async () => {
    await assert.rejects(sealCredential(credential, publicOf(await freshKey('Ed25519'))));
  });

  it('are not taken from what was sealed for another purpose', async () => {
    const key = await freshKey('X25519');
    const foreign = await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(credential)))
      .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM' })
      .encrypt(await importJWK(publicOf(key), 'ECDH-ES+A256KW'));
    await assert.rejects(openCredential(foreign, key), /does not open/);
  });
});
