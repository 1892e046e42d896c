/**
 * Statements of the API: compact JWS over Ed25519. A statement counts only if it verifies against a pinned key, with the
 * pinned algorithm and type, and has exactly the fields that its type has.
 */
import { compactVerify, CompactSign, createLocalJWKSet, decodeProtectedHeader, importJWK } from 'jose';
import { z } from 'zod';
import { isShallow } from '../../workflows/domain/depth.js';
import type { Statement } from '../../workflows/domain/evidence.js';
import { isPlainBase64url } from './base64url.js';
import { credentialPublicKey, type JwkSet, type PrivateJwk } from './keys.js';

const algorithm = 'EdDSA';
/** No token of another purpose, signed by the same key, can pass for a statement. */
const type = 'daypass+jws';
/** A statement is some 700 bytes; more is refused before any work is done on it. */
const charactersMax = 16_000;
/** Wrong fields that are named; whoever signed it chose how many there are. */
const fieldsTold = 8;

const instant = z.int().nonnegative();
const ms = z.int().positive();
const ref = z.string().min(1).max(200);
const name = z.string().min(1).max(200);

const base64url = (charactersMax: number) =>
  z
    .string()
    .max(charactersMax)
    .regex(/^[A-Za-z0-9_-]+$/);

/** As long as the largest that a passkey makes, RSA with extensions. */
const assertion = z.strictObject({
  credentialId: base64url(1_400),
  authenticatorData: base64url(2_000),
  clientDataJSON: base64url(4_000),
  signature: base64url(1_400),
  nonce: base64url(64),
});

const signIn = z.strictObject({
  time: instant,
  methods: z.array(name).max(20),
  groups: z.array(name).max(500),
  stepUp: instant.optional(),
});

const signed = {
  installation: name,
  grantId: name,
  requestDigest: z.string().regex(/^[0-9a-f]{64}$/),
  actor: ref,
  signIn,
  issuedAt: instant,
};

/** As it was signed, where anybody can walk through it: a copy by `z.record` would be without a member called `__proto__`. */
const anyObject = z.custom<{ [key: string]: unknown }>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    isShallow(value),
);

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
    recipientKey: credentialPublicKey.strict().optional(),
    emergency: z.literal(true).optional(),
    assertion: assertion.optional(),
  }),
  z.strictObject({
    ...signed,
    type: z.literal('approve'),
    decisionId: name,
    about: name,
    step: z.int().nonnegative(),
    durationMs: ms.optional(),
    shownMs: ms.optional(),
    assertion: assertion.optional(),
  }),
  z.strictObject({ ...signed, type: z.literal('extend'), decisionId: name, totalMs: ms, endBy: instant }),
  z.strictObject({ ...signed, type: z.literal('renew'), decisionId: name }),
  z.strictObject({
    ...signed,
    type: z.literal('review'),
    decisionId: name,
    verdict: z.enum(['justified', 'not-justified']),
  }),
  z.strictObject({
    type: z.literal('passkey'),
    installation: name,
    actor: ref,
    signIn,
    issuedAt: instant,
    credentialId: assertion.shape.credentialId,
    publicKey: base64url(4_000),
  }),
  z.strictObject({
    type: z.literal('note'),
    installation: name,
    noteId: name,
    issuedAt: instant,
    event: name,
    by: ref,
    detail: anyObject,
  }),
]) satisfies z.ZodType<Statement>;

/** Signs any JSON for one purpose: `typ` keeps it from passing for what the same key signs for another one. */
export async function signAs(typ: string, payload: unknown, privateJwk: PrivateJwk): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: algorithm, typ, kid: privateJwk.kid })
    .sign(await importJWK({ ...privateJwk }, algorithm));
}

/** Refuses to sign what would not verify. */
export async function signStatement(value: Statement, privateJwk: PrivateJwk): Promise<string> {
  return signAs(type, statement.parse(value), privateJwk);
}

/** Throws an Error whose sentence holds nothing of the statement. */
export async function verifyStatement(jws: string, pinned: JwkSet): Promise<Statement> {
  if (typeof jws !== 'string' || jws.length > charactersMax) throw new Error('This is no signed statement.');
  const key = pinned.keys.find(({ kid }) => kid !== undefined && kid === keyIdOf(jws));
  if (!key) throw unpinned();
  const keys = createLocalJWKSet({ keys: [{ ...key }] });
  const verified = await compactVerify(jws, keys, { algorithms: [algorithm] }).catch((error: unknown) => {
    throw unpinned(error);
  });
  const { typ, crit } = verified.protectedHeader;
  // `crit` names rules that we do not know; jose knows one of them (RFC 7797) and would follow it.
  if (typ !== type || crit !== undefined) throw new Error('The signed text is not a statement of the API.');
  // No signature covers how it is spelled itself, and decoders pass over what they do not know.
  if (!isOneSpelling(jws)) throw unpinned();
  const found = statement.safeParse(parse(verified.payload));
  if (!found.success) {
    const fields = [...new Set(found.error.issues.map((issue) => issue.path.join('.') || 'type'))];
    const more = fields.length > fieldsTold ? ` and ${fields.length - fieldsTold} more` : '';
    throw new Error(`The signed statement has wrong fields: ${fields.slice(0, fieldsTold).join(', ')}${more}.`);
  }
  if (key.until !== undefined && found.data.issuedAt > key.until) {
    throw new Error('The statement was issued after the key that signed it had been retired.');
  }
  return found.data;
}

/** Which key a JWS says that it was signed with: a claim, until it is verified. Undefined where it says nothing. */
export function keyIdOf(jws: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(jws);
    return typeof kid === 'string' ? kid : undefined;
  } catch {
    // Anybody may send anything; what cannot be read names no key.
    return undefined;
  }
}

function unpinned(cause?: unknown): Error {
  return new Error('The signature is not one of the pinned keys of the API.', { cause });
}

/** Each statement can be written down in one way alone, so that its text and its digest are as good as itself. */
function isOneSpelling(jws: string): boolean {
  return jws.split('.').every(isPlainBase64url);
}

/** Undefined for what is not as we write it: of a member that stands twice, two readers may see two different ones. */
function parse(payload: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}
