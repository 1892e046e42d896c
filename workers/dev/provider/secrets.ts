/** What the development provider keeps to itself, made new. */
import { createHmac, randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { ProviderSecrets } from './configuration.js';

/** Services get secrets that derive from one, so that a new service in the directory needs no file of its own. */
export function serviceSecretFrom(secret: string): (clientId: string) => string {
  return (clientId) => createHmac('sha256', secret).update(`service ${clientId}`).digest('base64url');
}

export async function newProviderSecrets(): Promise<ProviderSecrets> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return {
    signingKey: { ...(await exportJWK(privateKey)), use: 'sig', alg: 'ES256' },
    cookieKey: randomBytes(32).toString('base64url'),
    portalSecret: randomBytes(32).toString('base64url'),
    serviceSecret: serviceSecretFrom(randomBytes(32).toString('base64url')),
  };
}
