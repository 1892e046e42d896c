/** The development identity provider signs people in and vouches for them and for services, as a real one does. */
import assert from 'node:assert/strict';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { oidc, type TestProvider } from '../support/services.js';

describe('the development identity provider', () => {
  let provider: TestProvider;
  before(async () => {
    provider = await oidc();
  });

  it('prints a token for a person that states who they are, their groups, and how and when they signed in', async () => {
    const payload = await verified(provider, await provider.token('owner'));
    assert.equal(payload.sub, 'owner');
    assert.equal(payload['name'], 'Database owner');
    assert.deepEqual(payload['groups'], ['db-owners']);
    assert.ok(Array.isArray(payload['amr']) && payload['amr'].includes('mfa'));
    assert.ok(Math.abs(Number(payload['auth_time']) - Date.now() / 1000) < 30);
    assert.ok(Number(payload.exp) - Number(payload.iat) <= 600);
  });

  it('prints a token for a service that names its client', async () => {
    const payload = await verified(provider, await provider.token('deploy-bot'));
    assert.equal(payload['client_id'], 'deploy-bot');
    assert.equal(payload['groups'], undefined);
  });

  it('names the accounts there are when asked for one that there is not', async () => {
    await assert.rejects(provider.token('nobody'), /no account "nobody".*engineer.*deploy-bot/);
  });

  it('has no account for someone who left', async () => {
    await assert.rejects(provider.token('leaver'), /no account "leaver"/);
  });

  it('signs a person in at the portal with code, PKCE and nonce, whatever port the portal has', async () => {
    const { claims } = await signIn(provider, 'engineer', new Map());
    assert.equal(claims?.sub, 'engineer');
    assert.equal(claims?.['email'], 'engineer@example.org');
    assert.deepEqual(claims?.['groups'], ['engineers']);
    assert.deepEqual(claims?.['amr'], ['pwd', 'otp', 'mfa']);
    assert.equal(typeof claims?.['auth_time'], 'number');
  });

  it('asks again who it is when the portal wants a fresh sign-in', async () => {
    const browser = new Map<string, string>();
    await signIn(provider, 'engineer', browser);
    const known = await signIn(provider, undefined, browser);
    assert.equal(known.claims?.sub, 'engineer');
    await assert.rejects(signIn(provider, undefined, browser, 'login'), /stopped at .*\/interaction\//);
    const fresh = await signIn(provider, 'engineer', browser, 'login');
    assert.equal(fresh.claims?.sub, 'engineer');
  });

  it('refuses a redirect to anywhere but the portal on this machine', async () => {
    const config = await configurationOf(provider);
    for (const redirect of ['http://localhost.example.org/sign-in/callback', 'http://localhost:7300/elsewhere']) {
      const url = client.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid' });
      const response = await fetch(url, { redirect: 'manual' });
      assert.equal(response.status, 400, redirect);
    }
  });

  it('shows every active account on a page that runs no script of anyone else', async () => {
    const config = await configurationOf(provider);
    const parameters = await authorizationParameters(client.randomPKCECodeVerifier());
    const start = await fetch(client.buildAuthorizationUrl(config, parameters), { redirect: 'manual' });
    const cookie = start.headers.getSetCookie().map((each) => each.split(';')[0]);
    const signInPage = new URL(start.headers.get('location') ?? '', provider.issuer);
    const response = await fetch(signInPage, { headers: { cookie: cookie.join('; ') } });
    const text = await response.text();
    assert.match(text, /value="contractor"/);
    assert.doesNotMatch(text, /value="leaver"/);
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
  });
});

const redirectUri = 'http://localhost:49152/sign-in/callback';

async function verified({ issuer, audience }: TestProvider, token: string) {
  assert.equal(decodeProtectedHeader(token).typ, 'at+jwt');
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL('/jwks', issuer)), {
    issuer,
    audience,
    algorithms: ['ES256'],
  });
  return payload;
}

function configurationOf({ issuer, clientId, clientSecret }: TestProvider): Promise<client.Configuration> {
  const metadata = { client_secret: clientSecret, id_token_signed_response_alg: 'ES256' };
  return client.discovery(new URL(issuer), clientId, metadata, client.ClientSecretPost(clientSecret), {
    execute: [client.allowInsecureRequests],
  });
}

async function authorizationParameters(verifier: string): Promise<Record<string, string>> {
  return {
    redirect_uri: redirectUri,
    scope: 'openid profile email groups',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: client.randomState(),
    nonce: client.randomNonce(),
  };
}

/** What a browser and a portal would do. Without an account it stops at the sign-in page. */
async function signIn(
  provider: TestProvider,
  account: string | undefined,
  jar: Map<string, string>,
  prompt?: string,
): Promise<{ claims: client.IDToken | undefined }> {
  const config = await configurationOf(provider);
  const verifier = client.randomPKCECodeVerifier();
  const parameters = await authorizationParameters(verifier);
  if (prompt !== undefined) parameters['prompt'] = prompt;
  let url = client.buildAuthorizationUrl(config, parameters);
  let form: URLSearchParams | undefined;
  while (url.pathname !== '/sign-in/callback') {
    const response: Response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { method: 'POST', body: form }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split(/=(.*)/s);
      jar.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) {
      if (account === undefined || form) throw new Error(`stopped at ${url.href} with ${response.status}`);
      form = new URLSearchParams({ account });
      continue;
    }
    form = undefined;
    url = new URL(location, url);
  }
  const tokens = await client.authorizationCodeGrant(config, url, {
    pkceCodeVerifier: verifier,
    expectedState: parameters['state'] ?? '',
    expectedNonce: parameters['nonce'] ?? '',
    idTokenExpected: true,
  });
  return { claims: tokens.claims() };
}
