/** Reads key files. A wrong one stops the process at start, with a sentence that names the file and the way out. */
import { readFile } from 'node:fs/promises';
import { calculateJwkThumbprint } from 'jose';
import { z } from 'zod';
import type { PublicJwk } from '../../workflows/domain/evidence.js';

/** The keys that seal payloads: all of them open, `current` seals. */
export interface KeyRing {
  current: string;
  keys: Record<string, Uint8Array>;
}

export interface PrivateJwk extends PublicJwk {
  d: string;
}

export interface JwkSet {
  keys: PublicJwk[];
}

const secret = z.string().transform((text, context) => {
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length === 32) return bytes;
  context.addIssue('must be 32 bytes in base64 (`openssl rand -base64 32` makes them)');
  return z.NEVER;
});

const ring = z
  .strictObject({ current: z.string(), keys: z.record(z.string().regex(/^[\w.-]{1,64}$/), secret) })
  .refine((it) => Object.hasOwn(it.keys, it.current), { path: ['current'], error: 'must be the id of one of `keys`' });

/** 32 bytes in base64url, as every key of these two curves has. */
const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url');

function publicJwk(crv: 'Ed25519' | 'X25519') {
  return z.object({
    kty: z.literal('OKP'),
    crv: z.literal(crv),
    x: coordinate,
    kid: z.string().max(200).optional(),
    alg: z.string().max(40).optional(),
    use: z.string().max(10).optional(),
  });
}

const signing = publicJwk('Ed25519');
/** Also what a request's `recipientKey` must be. Strips everything else, a private part above all. */
export const credentialPublicKey = publicJwk('X25519');

const hint = 'DAYPASS_* settings name the key files; `npm start` makes them for development.';

/** `{ "current": "<id>", "keys": { "<id>": "<32 bytes, base64>" } }` */
export async function readCodecKeys(file: string): Promise<KeyRing> {
  return readJson(file, 'the codec key ring', ring);
}

/** Private Ed25519 JWK. Its `kid` is the one in the file, or else its RFC 7638 thumbprint. */
export async function readSigningKey(file: string): Promise<PrivateJwk> {
  return named(await readJson(file, 'a private Ed25519 JWK', signing.extend({ d: coordinate })));
}

/** JWK Set of public Ed25519 keys: whose signatures count. Nothing else may be in it. */
export async function readSigningKeys(file: string): Promise<JwkSet> {
  const set = await readJson(file, 'a JWK Set of Ed25519 keys', z.object({ keys: z.array(signing).min(1) }));
  return { keys: await Promise.all(set.keys.map(named)) };
}

/** Private X25519 JWK: opens credentials. */
export async function readCredentialKey(file: string): Promise<PrivateJwk> {
  return readJson(file, 'a private X25519 JWK', credentialPublicKey.extend({ d: coordinate }));
}

/** Public X25519 JWK: credentials are sealed to it. */
export async function readCredentialPublicKey(file: string): Promise<PublicJwk> {
  return readJson(file, 'a public X25519 JWK', credentialPublicKey);
}

/** 32 bytes in base64: a session or baseline key. */
export async function readSecret(file: string): Promise<Uint8Array> {
  const found = secret.safeParse(await readText(file, 'a key'));
  if (found.success) return found.data;
  throw new Error(`The key file ${file} ${found.error.issues[0]?.message ?? 'is wrong'}.`);
}

async function named<Key extends PublicJwk>(key: Key): Promise<Key> {
  return key.kid ? key : { ...key, kid: await calculateJwkThumbprint({ kty: key.kty, crv: key.crv, x: key.x }) };
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new Error(`The key file ${file} (${what}) cannot be read: ${code}. ${hint}`, { cause: error });
  }
}

/** Says what is wrong and never what is in it. */
async function readJson<Shape extends z.ZodType>(file: string, what: string, shape: Shape): Promise<z.infer<Shape>> {
  const text = await readText(file, what);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`The key file ${file} must hold ${what} as JSON, and it is no JSON. ${hint}`);
  }
  const found = shape.safeParse(value);
  if (found.success) return found.data;
  const problems = found.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
  throw new Error(`The key file ${file} must hold ${what}: ${problems.join('; ')}. ${hint}`);
}
