/** Bearer tokens: only the provider's own, for this API, signed its way, and short. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { readBearer, type BearerOptions } from '../../../api/identity/bearer.js';
import { Problem } from '../../../api/problem.js';

const issuer = 'http://localhost:7301';
const audience = 'urn:daypass:api';
const now = () => Math.floor(Date.now() / 1_000);

interface Changes {
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  key?: CryptoKey;
}

describe('bearer tokens', () => {
  let key: CryptoKey;
  let publicX: string;
  let options: BearerOptions;

  before(async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    key = pair.privateKey;
    const jwk = await exportJWK(pair.publicKey);
    publicX = JSON.stringify(jwk);
    options = { issuer, audience, keys: createLocalJWKSet({ keys: [{ ...jwk, kid: 'k1', alg: 'ES256' }] }) };
  });

  function token({ header = {}, claims = {}, key: signer = key }: Changes = {}): Promise<string> {
    const all = {
      iss: issuer,
      aud: audience,
      sub: 'engineer',
      client_id: 'daypass-cli',
      iat: now(),
      exp: now() + 300,
      ...claims,
    };
    return new SignJWT(all).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', ...header }).sign(signer);
  }

  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

  async function refuses(given: string | Promise<string>, because: RegExp): Promise<void> {
    const text = await given;
    await assert.rejects(readBearer(text, options), (error) => {
      assert.ok(error instanceof Problem);
      assert.equal(error.code, 'unauthenticated');
      assert.match(error.message, because);
      assert.ok(!error.message.includes(text));
      return true;
    });
  }

  it('say who signed in, when and how, and with which groups', async () => {
    const claims = { groups: ['engineers', 5], amr: ['pwd', 'otp'], auth_time: now() - 60 };
    const found = await readBearer(await token({ claims }), options);
    assert.equal(found.kind, 'person');
    assert.equal(found.id, 'engineer');
    assert.deepEqual(found.groups, ['engineers']);
    assert.deepEqual(found.methods, ['pwd', 'otp']);
    assert.equal(found.signInTime, (now() - 60) * 1_000);
  });

  it('of a client for itself are a service’s, and those of a person through that client are not', async () => {
    const own = { sub: 'deploy-bot', client_id: 'deploy-bot' };
    assert.equal((await readBearer(await token({ claims: own }), options)).kind, 'client');
    const person = { sub: 'engineer', client_id: 'deploy-bot' };
    assert.equal((await readBearer(await token({ claims: person }), options)).kind, 'person');
  });

  it('are refused without a signature', async () => {
    const claims = { iss: issuer, aud: audience, sub: 'operator', client_id: 'x', iat: now(), exp: now() + 300 };
    await refuses(`${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims)}.`, /.+/);
    const [header, payload] = (await token()).split('.');
    await refuses(`${header}.${payload}.`, /not one of the identity provider/);
  });

  it('are refused when signed with the public key as if it were a secret', async () => {
    const claims = { iss: issuer, aud: audience, sub: 'operator', client_id: 'x', iat: now(), exp: now() + 300 };
    const signed = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: 'k1' })}.${encode(claims)}`;
    const mac = createHmac('sha256', publicX).update(signed).digest('base64url');
    await refuses(`${signed}.${mac}`, /not signed with ES256/);
  });

  it('are refused when signed by somebody else', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    await refuses(token({ key: privateKey }), /not one of the identity provider/);
    await refuses(token({ header: { kid: 'other' } }), /not one of the identity provider/);
    const { publicKey } = await generateKeyPair('ES256', { extractable: true });
    await refuses(token({ key: privateKey, header: { jwk: await exportJWK(publicKey) } }), /not one of/);
  });

  it('are refused when they are for somebody else, or of somebody else', async () => {
    await refuses(token({ claims: { aud: 'daypass-portal' } }), /"aud"/);
    await refuses(token({ claims: { aud: undefined } }), /"aud"/);
    await refuses(token({ claims: { iss: 'http://localhost:7302' } }), /"iss"/);
  });

  it('are refused when they are an ID token', async () => {
    await refuses(token({ header: { typ: 'JWT' } }), /"typ"/);
    await refuses(token({ header: { typ: undefined } }), /"typ"/);
  });

  it('are refused when they are over, not yet, without an end, or longer than ten minutes', async () => {
    await refuses(token({ claims: { iat: now() - 400, exp: now() - 100 } }), /expired/);
    await refuses(token({ claims: { nbf: now() + 100 } }), /"nbf"/);
    await refuses(token({ claims: { exp: undefined } }), /"exp"/);
    await refuses(token({ claims: { iat: undefined } }), /"iat"/);
    await refuses(token({ claims: { exp: now() + 601 } }), /longer than 10 minutes/);
    await refuses(token({ claims: { iat: now() + 100, exp: now() + 300 } }), /future/);
  });

  it('are refused when they name nobody', async () => {
    await refuses(token({ claims: { sub: undefined } }), /"sub"/);
    await refuses(token({ claims: { client_id: undefined } }), /"client_id"/);
  });

  it('are not blamed when the provider’s keys cannot be fetched', async () => {
    const away = () => Promise.reject(new TypeError('fetch failed'));
    await assert.rejects(
      readBearer(await token(), { ...options, keys: away }),
      (error) => error instanceof Problem && error.code === 'identity-unavailable' && error.status === 503,
    );
  });
});
