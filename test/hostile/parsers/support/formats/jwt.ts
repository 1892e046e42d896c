/** Tokens of the identity provider: bearers (RFC 9068), and the ID token of a sign-in. Each makes an actor that can sign, or is refused. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet } from 'jose';
import type { SignIn } from '../../../../../workflows/domain/evidence.js';
import { byBearer } from '../../../../../api/identity/identify.js';
import { readBearer } from '../../../../../api/identity/bearer.js';
import { createOidc } from '../../../../../api/identity/oidc.js';
import { createSealer } from '../../../../../api/identity/seal.js';
import { Problem } from '../../../../../api/problem.js';
import { createSigner } from '../../../../../api/sign.js';
import { examplePolicy } from '../../../../support/policy.js';
import { keyOf } from '../../../../support/signer.js';
import { requestOf } from '../../../../support/statements.js';
import { reader, type Format } from '../format.js';
import { changedSigned, forgeries, signed, written, type Signed } from '../jws.js';
import { changedJson } from '../mutate.js';

const audience = 'urn:daypass:api';
const portalUrl = 'http://localhost:7300';
const seconds = (): number => Math.floor(Date.now() / 1_000);
const odd = [
  { auth_time: 0.5 },
  { auth_time: Date.now() },
  { auth_time: -1 },
  { iat: seconds() - 1.5, exp: seconds() + 60.25 },
  { sub: 7, client_id: 7 },
  { sub: { toString: 0, valueOf: 0 } },
  { sub: ['engineer'] },
  { sub: '__proto__' },
  { sub: 'x'.repeat(5_000) },
  { groups: [''], amr: [''] },
  { groups: Array.from({ length: 600 }, (_, index) => `g${index}`) },
  { amr: Array.from({ length: 50 }, (_, index) => `m${index}`) },
  { amr: ['x'.repeat(300)], groups: ['\u0000', '\ud800'] },
  { aud: [audience, 'another'] },
  { exp: seconds() + 4_000 },
];

export async function jwt(): Promise<Format> {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const writer = { key, algorithm: 'ES256' as const };
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] };
  const provider = await hostileProvider(jwks);
  const { issuer } = provider;
  const claims = { iss: issuer, aud: audience, sub: 'engineer', client_id: 'daypass-cli' };
  const access = (more: object = {}): Signed => {
    const times = { iat: seconds(), exp: seconds() + 590 };
    return signed(
      { alg: 'ES256', typ: 'at+jwt', kid: 'k1' },
      { ...claims, ...times, groups: ['engineers'], amr: ['pwd'], ...more },
    );
  };
  const policy = examplePolicy();
  const signer = createSigner('test', keyOf('Ed25519'));
  const people = { people: () => policy, sessions: unused, signOuts: { isOut: () => Promise.resolve(false) } };

  /** Whatever a provider states, what we believe of it can be signed: nothing fails later for it. */
  async function canSign(ref: string, signIn: SignIn): Promise<void> {
    const { stepUp: _, ...plain } = signIn;
    assert.deepEqual(Object.keys(plain).sort(), ['groups', 'methods', 'time']);
    assert.ok(signIn.time <= Date.now() + 6_000, 'signed in later than now, and so always freshly');
    const actor = {
      ref,
      name: ref,
      signIn,
      groups: [],
      roles: [],
      by: 'bearer' as const,
      madeAt: 0,
      until: 0,
      signOutsKnown: true,
      sessionId: undefined,
    };
    await signer.renewal(requestOf(), actor, { decisionId: 'd-1' });
  }

  const sealer = createSealer(new Uint8Array(32));
  const oidc = createOidc({ issuer, clientId: 'portal', clientSecret: 'secret', portalUrl }, sealer);
  const identity = (more: object = {}): IdToken => ({
    ...signed(
      { alg: 'ES256', kid: 'k1' },
      {
        iss: issuer,
        aud: 'portal',
        sub: 'engineer',
        iat: seconds(),
        exp: seconds() + 590,
        auth_time: seconds(),
        amr: ['pwd'],
        groups: ['engineers'],
        ...more,
      },
    ),
    answer: JSON.stringify({ access_token: 'a', token_type: 'Bearer', expires_in: 300 }),
  });

  return {
    name: 'jwt',
    readers: [
      reader<Signed>({
        name: 'bearer',
        valid: [access(), access({ auth_time: seconds() - 60 })],
        corpus: [...forgeries(access(), ['JWT', 'jwt', 'application/at+jwt', 'daypass+jws']), ...odd.map(access)],
        change: changedSigned,
        read: async (input) => {
          const { made, text } = written(input, writer);
          const keys = createLocalJWKSet(jwks);
          const read = (token: string) => readBearer(token, { issuer, audience, keys });
          const bearer = await read(text);
          assert.equal(input.by, 'pinned', 'somebody else signed it');
          assert.equal(text.split('.').slice(0, 2).join('.'), made.split('.').slice(0, 2).join('.'));
          assert.equal(typeof bearer.id, 'string');
          assert.ok(bearer.until - bearer.issuedAt <= 600_000 && bearer.until > Date.now() - 6_000);
          await canSign(`person:${bearer.id.slice(0, 100)}`, {
            time: bearer.signInTime,
            methods: bearer.methods,
            groups: bearer.groups,
          });
          const actor = await byBearer({ ...people, readBearer: read }, `Bearer ${text}`);
          assert.equal(actor.ref, 'person:engineer');
        },
        refuses: isRefusal,
      }),
      reader<IdToken>({
        name: 'ID token',
        valid: [identity()],
        corpus: [
          ...forgeries(identity(), ['at+jwt']).map((it) => ({ ...identity(), ...it })),
          ...odd.map(identity),
          ...['null', '{}', '[]', '{"id_token":1}', '<html>', ''].map((answer) => ({ ...identity(), answer })),
        ],
        change: (input, script) =>
          (script[0]?.size ?? 0) % 9 === 8
            ? { ...input, answer: changedJson(input.answer, script) }
            : { ...input, ...changedSigned(input, script) },
        read: async (input) => {
          const { url, sealed } = await oidc.begin('/');
          const asked = new URL(url).searchParams;
          // Of this very sign-in, where the payload is still one of objects.
          const payload = withNonce(input.payload, asked.get('nonce') ?? '');
          const { made, text } = written({ ...input, payload }, writer);
          provider.answers(withToken(input.answer, text));
          const callback = new URL(
            `${portalUrl}/sign-in/callback?code=c&state=${asked.get('state')}&iss=${encodeURIComponent(issuer)}`,
          );
          const { person, signIn } = await oidc.finish(callback, sealed);
          assert.equal(input.by, 'pinned', 'somebody else signed it');
          assert.equal(text.split('.').slice(0, 2).join('.'), made.split('.').slice(0, 2).join('.'));
          assert.equal(typeof person, 'string');
          await canSign(`person:${person.slice(0, 100)}`, signIn);
        },
        refuses: isRefusal,
      }),
    ],
    close: provider.close,
  };
}

interface IdToken extends Signed {
  /** What the token endpoint says beside the token. */
  answer: string;
}

function isRefusal(error: unknown): boolean {
  return error instanceof Problem && error.code === 'unauthenticated' && /\.$/.test(error.message);
}

const unused = {
  start: notAsked,
  stepUp: notAsked,
  read: notAsked,
  renew: notAsked,
  isSent: () => false,
  clear: () => '',
};

function notAsked(): Promise<undefined & never> {
  return Promise.reject(new Error('No session is asked for here.'));
}

function withNonce(payload: string, nonce: string): string {
  return /^\{"/.test(payload) ? `{"nonce":${JSON.stringify(nonce)},${payload.slice(1)}` : payload;
}

function withToken(answer: string, token: string): string {
  return answer.startsWith('{"') ? `{"id_token":${JSON.stringify(token)},${answer.slice(1)}` : answer;
}

/** A provider that answers what it is told to: discovery and keys as they should be, tokens as an attacker wants them. */
async function hostileProvider(jwks: object) {
  let answer = '';
  const server: Server = createServer((request, response) => {
    const documents: Record<string, unknown> = { '/.well-known/openid-configuration': metadata(), '/keys': jwks };
    const found = documents[request.url ?? ''];
    request.resume();
    response.setHeader('Content-Type', 'application/json');
    response.end(found === undefined ? answer : JSON.stringify(found));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const metadata = () => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  });
  return {
    issuer,
    answers: (next: string) => void (answer = next),
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
