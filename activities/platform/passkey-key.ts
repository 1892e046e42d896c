/** Public keys of passkeys (COSE, RFC 9052): only the kinds that we verify are let in, wherever they come from. */
import { decodeCredentialPublicKey, isoCBOR } from '@simplewebauthn/server/helpers';
import { isPlainBase64url } from './base64url.js';

/** IANA COSE algorithms, best first. */
const eddsa = -8;
const es256 = -7;
const rs256 = -257;

/**
 * What may be enrolled and what is verified: ES256 (phones, laptops, security keys), EdDSA (newer security keys) and RS256
 * (Windows Hello on older hardware). Together they are all that authenticators in the field make; the library would also
 * take SHA-1, other curves and whatever it learns tomorrow.
 */
export const passkeyAlgorithms: readonly number[] = [eddsa, es256, rs256];

const keyType = { okp: 1, ec2: 2, rsa: 3 };
const curve = { p256: 1, ed25519: 6 };
const modulusBytesMin = 256;
const keyCharactersMax = 4_000;

export interface PasskeyKey {
  cose: Uint8Array<ArrayBuffer>;
  /** The same for every encoding of one key. */
  material: string;
}

/** Throws an Error with a sentence for whoever wrote the key down. */
export function readPasskeyKey(publicKey: string): PasskeyKey {
  if (!/^[A-Za-z0-9_-]+$/.test(publicKey) || publicKey.length > keyCharactersMax) {
    throw new Error('must be a COSE key in base64url, as the enrolment shows it');
  }
  const cose = new Uint8Array(Buffer.from(publicKey, 'base64url'));
  const material = isPlainBase64url(publicKey) ? materialOf(fieldsOf(cose)) : undefined;
  if (material) return { cose, material };
  throw new Error('must be a COSE key for ES256, EdDSA (Ed25519) or RS256 (2048 bits or more)');
}

/** Undefined for what is no key, or is followed by anything. */
function fieldsOf(cose: Uint8Array<ArrayBuffer>): ReadonlyMap<unknown, unknown> | undefined {
  try {
    const fields: unknown = decodeCredentialPublicKey(cose);
    if (!(fields instanceof Map)) return undefined;
    return Buffer.from(isoCBOR.encode(fields)).equals(cose) ? fields : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined unless type, curve and algorithm are one of the combinations above: a key must not choose its own check. */
function materialOf(fields: ReadonlyMap<unknown, unknown> | undefined): string | undefined {
  if (!fields) return undefined;
  const [kty, alg] = [fields.get(1), fields.get(3)];
  const [one, x, y] = [fields.get(-1), fields.get(-2), fields.get(-3)];
  const is = (type: number, algorithm: number): boolean => kty === type && alg === algorithm;
  if (is(keyType.ec2, es256) && one === curve.p256 && isBytes(x, 32) && isBytes(y, 32)) return `${hex(x)}.${hex(y)}`;
  if (is(keyType.okp, eddsa) && one === curve.ed25519 && isBytes(x, 32)) return hex(x);
  const isRsa = is(keyType.rsa, rs256) && one instanceof Uint8Array && one.length >= modulusBytesMin;
  return isRsa && x instanceof Uint8Array ? `${hex(one)}.${hex(x)}` : undefined;
}

function isBytes(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
