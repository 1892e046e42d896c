/** Development keys in `.daypass/keys`: made once, readable by their owner alone, in the formats of config.ts. */
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { exists } from './cache.js';
import type { ProviderSecrets } from './provider/configuration.js';
import { serviceSecretFrom } from './provider/secrets.js';

export interface DevKeys {
  files: {
    codec: string;
    apiSigning: string;
    apiPublic: string;
    credential: string;
    credentialPublic: string;
    session: string;
    risk: string;
    receipt: string;
    receiptPublic: string;
    seal: string;
    sealPublic: string;
    portalSecret: string;
  };
  provider: ProviderSecrets;
  /** The password of the example database's provisioner: for the connector alone. */
  provisioner: string;
  postgres: string;
}

/** Makes what is missing and reads the rest; an existing key is never replaced. */
export async function developmentKeys(folder: string): Promise<DevKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keep = (name: string, make: () => Promise<string> | string): Promise<string> => kept(join(folder, name), make);
  const signing: JWK = JSON.parse(await keep('api-signing.jwk.json', () => newJwk('EdDSA', 'Ed25519')));
  const credential: JWK = JSON.parse(await keep('api-credential.jwk.json', () => newJwk('ECDH-ES+A256KW', 'X25519')));
  const receipt: JWK = JSON.parse(await keep('receipt.jwk.json', () => newJwk('EdDSA', 'Ed25519')));
  const seal: JWK = JSON.parse(await keep('seal.jwk.json', () => newJwk('EdDSA', 'Ed25519')));
  const providerKey: JWK = JSON.parse(await keep('provider-signing.jwk.json', () => newJwk('ES256')));
  const seed = await keep('provider.secret', secret);
  const portalSecret = await keep('oidc-client.secret', secret);
  await keep('api-public.jwks.json', () => JSON.stringify({ keys: [publicPart(signing)] }));
  await keep('api-credential-public.jwk.json', () => JSON.stringify(publicPart(credential)));
  // Which targets a connector may speak for stands with its key.
  const receiptKey = { ...publicPart(receipt), targets: ['orders-db'] };
  await keep('receipt-public.jwks.json', () => JSON.stringify({ keys: [receiptKey] }));
  await keep('seal-public.jwks.json', () => JSON.stringify({ keys: [publicPart(seal)] }));
  await keep('codec.json', newRing);
  await keep('session.key', key);
  await keep('risk.key', key);
  const file = (name: string): string => join(folder, name);
  return {
    files: {
      codec: file('codec.json'),
      apiSigning: file('api-signing.jwk.json'),
      apiPublic: file('api-public.jwks.json'),
      credential: file('api-credential.jwk.json'),
      credentialPublic: file('api-credential-public.jwk.json'),
      session: file('session.key'),
      risk: file('risk.key'),
      receipt: file('receipt.jwk.json'),
      receiptPublic: file('receipt-public.jwks.json'),
      seal: file('seal.jwk.json'),
      sealPublic: file('seal-public.jwks.json'),
      portalSecret: file('oidc-client.secret'),
    },
    provider: {
      signingKey: { ...providerKey, use: 'sig' },
      cookieKey: seed,
      portalSecret,
      serviceSecret: serviceSecretFrom(seed),
    },
    provisioner: await keep('orders-db-provisioner.password', secret),
    postgres: await keep('postgres-superuser.password', secret),
  };
}

/** Two runs at once agree on the first: a link, unlike a rename, never replaces. */
async function kept(path: string, make: () => Promise<string> | string): Promise<string> {
  if (!(await exists(path))) {
    const draft = `${path}.${randomBytes(6).toString('hex')}.draft`;
    await writeFile(draft, await make(), { mode: 0o600, flag: 'wx' });
    try {
      await link(draft, path);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    } finally {
      await rm(draft);
    }
  }
  // Also when someone copied the checkout without its modes.
  await chmod(path, 0o600);
  return readFile(path, 'utf8');
}

async function newJwk(alg: string, crv?: string): Promise<string> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, ...(crv && { crv }) });
  const jwk = await exportJWK(privateKey);
  return JSON.stringify({ ...jwk, kid: await calculateJwkThumbprint(jwk), alg });
}

function publicPart({ d: _private, ...rest }: JWK): JWK {
  return rest;
}

function newRing(): string {
  return JSON.stringify({ current: 'dev-1', keys: { 'dev-1': key() } });
}

const key = (): string => randomBytes(32).toString('base64');
const secret = (): string => randomBytes(24).toString('base64url');
