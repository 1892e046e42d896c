/** Verifies signatures with node's own cryptography, so that a fault in how Daypass does it shows. */
import { createHash, createPublicKey, verify } from 'node:crypto';
import canonicalize from 'canonicalize';
import { fieldsOf } from './look.js';

interface Key {
  kid?: string;
  x?: string;
}

/** What it says, where one of these keys signed it for this purpose. */
export function signedBy(jws: unknown, typ: string, keys: readonly Key[]): { [field: string]: unknown } | undefined {
  const [header = '', payload = '', signature = '', more] = typeof jws === 'string' ? jws.split('.') : [];
  if (more !== undefined || signature === '') return undefined;
  const { alg, kid, typ: purpose } = fieldsOf(read(header));
  const key = keys.find((each) => each.kid === kid);
  if (alg !== 'EdDSA' || purpose !== typ || !key) return undefined;
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.x ?? '' }, format: 'jwk' });
  const isGood = verify(null, Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, 'base64url'));
  return isGood ? fieldsOf(read(payload)) : undefined;
}

function read(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    // No JSON says nothing.
    return undefined;
  }
}

// The package's types speak of an ES module's default export, but the package is CommonJS and exports the function itself.
const canonical = canonicalize as unknown as (input: unknown) => string | undefined;

/** SHA-256 over the canonical form (RFC 8785). */
export function hashOf(value: object): string {
  return createHash('sha256')
    .update(canonical(value) ?? '')
    .digest('hex');
}
