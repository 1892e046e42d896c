/** Bearer tokens for the accounts of the development provider: people by a headless code flow, services by their client. */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Directory } from '../directory.js';
import { Trouble } from '../trouble.js';
import { audience, cliClient, cliRedirect } from './configuration.js';

export interface TokenOptions {
  issuer: string;
  directory: Directory;
  serviceSecret: (clientId: string) => string;
}

/** A JWT access token for the API, good for ten minutes. */
export async function tokenFor(account: string, options: TokenOptions): Promise<string> {
  const { directory, issuer, serviceSecret } = options;
  if (directory.people.some(({ id }) => id === account)) return personToken(account, issuer);
  const service = directory.services.find(({ id }) => id === account);
  if (service) return serviceToken(service.clientId, serviceSecret(service.clientId), issuer);
  const known = [...directory.people, ...directory.services].map(({ id }) => id).join(', ');
  throw new Trouble(`There is no account "${account}" in the directory. There is: ${known}.`);
}

async function serviceToken(clientId: string, secret: string, issuer: string): Promise<string> {
  return exchange(issuer, { grant_type: 'client_credentials', client_id: clientId, client_secret: secret });
}

/** What a browser would do: follow the redirects, keep the cookies, press the account's button. */
async function personToken(account: string, issuer: string): Promise<string> {
  const verifier = randomBytes(32).toString('base64url');
  const start = new URL('/auth', issuer);
  start.search = new URLSearchParams({
    client_id: cliClient,
    redirect_uri: cliRedirect,
    response_type: 'code',
    scope: 'openid profile email groups',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: randomBytes(16).toString('base64url'),
  }).toString();
  const jar = new Map<string, string>();
  const signInPage = await visit(start, jar);
  const resume = await visit(signInPage, jar, new URLSearchParams({ account }));
  const landed = await visit(resume, jar);
  const code = landed.searchParams.get('code');
  if (code === null) {
    throw new Error(`The provider refused: ${landed.searchParams.get('error_description') ?? landed.href}`);
  }
  return exchange(issuer, {
    grant_type: 'authorization_code',
    client_id: cliClient,
    redirect_uri: cliRedirect,
    code,
    code_verifier: verifier,
  });
}

/** Where the answer redirects to. */
async function visit(url: URL, jar: Map<string, string>, form?: URLSearchParams): Promise<URL> {
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
    ...(form && { method: 'POST', body: form }),
  });
  for (const cookie of response.headers.getSetCookie()) {
    const [name = '', ...value] = (cookie.split(';')[0] ?? '').split('=');
    if (value.join('=') === '') jar.delete(name);
    else jar.set(name, value.join('='));
  }
  const location = response.headers.get('location');
  if (location === null) throw new Error(`The provider answered ${response.status} at ${url.pathname}, no redirect.`);
  return new URL(location, url);
}

const answer = z.object({ access_token: z.string() });

async function exchange(issuer: string, form: Record<string, string>): Promise<string> {
  const body = new URLSearchParams({ ...form, resource: audience });
  const response = await fetch(new URL('/token', issuer), { method: 'POST', body });
  if (!response.ok) throw new Error(`The provider answered ${response.status}: ${await response.text()}`);
  return answer.parse(await response.json()).access_token;
}
