/**
 * Statements of the API: compact JWS over Ed25519. A statement counts only if it verifies against a pinned key, with the
 * pinned algorithm and type, and has exactly the fields that its type has.
 */
import { compactVerify, CompactSign, createLocalJWKSet, importJWK } from 'jose';
import { z } from 'zod';
import type { Statement } from '../../workflows/domain/evidence.js';
import { credentialPublicKey, type JwkSet, type PrivateJwk } from './keys.js';

const algorithm = 'EdDSA';
/** No token of another purpose, signed by the same key, can pass for a statement. */
const type = 'daypass+jws';
/** A statement is some 700 bytes; more is refused before any work is done on it. */
const charactersMax = 16_000;

const instant = z.int().nonnegative();
const ms = z.int().positive();
const ref = z.string().min(1).max(200);
const name = z.string().min(1).max(200);

const signed = {
  installation: name,
  grantId: name,
  requestDigest: z.string().regex(/^[0-9a-f]{64}$/),
  actor: ref,
  signIn: z.strictObject({ time: instant, methods: z.array(name).max(20), groups: z.array(name).max(500) }),
  issuedAt: instant,
};

const statement = z.discriminatedUnion('type', [
  z.strictObject({
    ...signed,
    type: z.literal('request'),
    entitlement: name,
    target: name,
    subject: ref,
    notBefore: instant,
    activateBy: instant,
    endBy: instant,
    longestMs: ms,
    recipientKey: credentialPublicKey.optional(),
  }),
  z.strictObject({
    ...signed,
    type: z.literal('approve'),
    decisionId: name,
    about: name,
    step: z.int().nonnegative(),
    durationMs: ms.optional(),
    shownMs: ms.optional(),
  }),
  z.strictObject({ ...signed, type: z.literal('extend'), decisionId: name, totalMs: ms, endBy: instant }),
]) satisfies z.ZodType<Statement>;

/** Refuses to sign what would not verify. */
export async function signStatement(value: Statement, privateJwk: PrivateJwk): Promise<string> {
  const payload = new TextEncoder().encode(JSON.stringify(statement.parse(value)));
  return new CompactSign(payload)
    .setProtectedHeader({ alg: algorithm, typ: type, kid: privateJwk.kid })
    .sign(await importJWK({ ...privateJwk }, algorithm));
}

/** Throws an Error whose sentence holds nothing of the statement. */
export async function verifyStatement(jws: string, jwks: JwkSet): Promise<Statement> {
  if (typeof jws !== 'string' || jws.length > charactersMax) throw new Error('This is no signed statement.');
  const keys = createLocalJWKSet({ keys: jwks.keys.map((key) => ({ ...key })) });
  const verified = await compactVerify(jws, keys, { algorithms: [algorithm] }).catch((error: unknown) => {
    throw new Error('The signature is not one of the pinned keys of the API.', { cause: error });
  });
  if (verified.protectedHeader.typ !== type) throw new Error('The signed text is not a statement of the API.');
  const found = statement.safeParse(parse(verified.payload));
  if (found.success) return found.data;
  const fields = found.error.issues.map((issue) => issue.path.join('.') || 'type');
  throw new Error(`The signed statement has wrong fields: ${[...new Set(fields)].join(', ')}.`);
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
}
