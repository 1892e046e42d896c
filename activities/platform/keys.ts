/**
 * Reads key files. A wrong one stops the process at start, with a sentence that names the file and the way out. Pinned keys
 * are read again whenever their file changes; there a wrong file is refused whole, and the last good one stays.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Gauge } from 'prom-client';
import { z } from 'zod';
import type { PublicJwk } from '../../workflows/domain/evidence.js';
import type { ReceiptKey } from '../../workflows/domain/receipt.js';
import type { Instant } from '../../workflows/domain/time.js';
import type { Log } from './log.js';

/** The keys that seal payloads: all of them open, `current` seals. */
export interface KeyRing {
  current: string;
  keys: Record<string, Uint8Array>;
}

export interface PrivateJwk extends PublicJwk {
  d: string;
}

export interface PinnedKey extends PublicJwk {
  /** A retired key is believed for what it signed before this instant, and for nothing later. */
  until?: Instant;
}

export interface JwkSet {
  keys: PinnedKey[];
}

/**
 * The keys that prove anything new now, by our clock. A retired one does not once its time is over: who finds it then could sign
 * with an older date.
 */
export function keysAt(now: Instant, { keys }: JwkSet): JwkSet {
  return { keys: keys.filter(({ until }) => until === undefined || now <= until) };
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

/**
 * Points of small order, as 32 bytes without the bit of the sign: whoever has one as public key takes what anybody signed
 * (Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs", table 1). Zeros, a likely placeholder, are one of them.
 */
export const smallOrder: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

function isSmallOrder(x: string): boolean {
  const point = Buffer.from(x, 'base64url');
  point[31] = (point[31] ?? 0) & 0x7f;
  return smallOrder.has(point.toString('hex'));
}

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

const signing = publicJwk('Ed25519').extend({
  x: coordinate.refine((x) => !isSmallOrder(x), 'must be a key that somebody made: with this one, anybody could sign'),
});
const instant = z.iso
  .datetime({ offset: true, error: 'must be an instant such as 2026-12-31T00:00:00Z' })
  .transform((text): Instant => Date.parse(text));
const target = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,39}$/, 'must be the name of a target');

// An empty set is one: whoever unpins the last key wants nothing to be believed.
const pinned = z.object({ keys: z.array(signing.extend({ until: instant.optional() })) });
const receiptKeys = z.object({ keys: z.array(signing.extend({ targets: z.array(target).min(1).max(1_000) })) });
/** Also what a request's `recipientKey` must be. Strips everything else, a private part above all. */
export const credentialPublicKey = publicJwk('X25519');

const hint = 'DAYPASS_* settings name the key files; `npm start` makes them for development.';

/** `{ "current": "<id>", "keys": { "<id>": "<32 bytes, base64>" } }` */
export async function readCodecKeys(file: string): Promise<KeyRing> {
  return readJson(file, 'the codec key ring', ring);
}

/** Private Ed25519 JWK: signs statements, receipts or seals. Its `kid` is the one in the file, or else its RFC 7638 thumbprint. */
export async function readSigningKey(file: string): Promise<PrivateJwk> {
  return named(await readJson(file, 'a private Ed25519 JWK', signing.extend({ d: coordinate })));
}

const asPinned = 'a JWK Set of Ed25519 keys';
const asReceiptKeys = 'a JWK Set of Ed25519 keys with their targets';

/** JWK Set of public Ed25519 keys: whose signatures count. Nothing else may be in it. */
export async function readSigningKeys(file: string): Promise<JwkSet> {
  return toJwkSet(file, await readText(file, asPinned));
}

/** JWK Set of the connectors' public keys, each with the targets that it may speak for. */
export async function readReceiptKeys(file: string): Promise<ReceiptKey[]> {
  return toReceiptKeys(file, await readText(file, asReceiptKeys));
}

function toJwkSet(file: string, text: string): JwkSet {
  const { keys } = parseJson(file, text, asPinned, pinned);
  return { keys: distinct(file, keys.map(named)) };
}

function toReceiptKeys(file: string, text: string): ReceiptKey[] {
  const { keys } = parseJson(file, text, asReceiptKeys, receiptKeys);
  return distinct(file, keys.map(named)).map(({ kid, x, targets }) => ({ kid, x, targets }));
}

/** Keys of one id would make it a matter of chance which one is asked. */
function distinct<Key extends { kid: string }>(file: string, keys: Key[]): Key[] {
  const twice = keys.find(({ kid }, index) => keys.findIndex((other) => other.kid === kid) !== index);
  if (!twice) return keys;
  throw new Error(
    `The key file ${file} holds two keys with the id ${twice.kid}. Leave the \`kid\` out to have it derived.`,
  );
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

function named<Key extends PublicJwk>(key: Key): Key & { kid: string } {
  // RFC 7638 for octet key pairs (RFC 8037, section 2): these members, in this order.
  const { crv, kty, x } = key;
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  return { ...key, kid: key.kid ?? thumbprint };
}

async function readText(file: string, what: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadable(file, what, error);
  });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, 'pinned keys', error);
  }
}

function unreadable(file: string, what: string, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return new Error(`The key file ${file} (${what}) cannot be read: ${code}. ${hint}`, { cause: error });
}

async function readJson<Shape extends z.ZodType>(file: string, what: string, shape: Shape): Promise<z.infer<Shape>> {
  return parseJson(file, await readText(file, what), what, shape);
}

/** A file can be wrong in as many places as it has; two sentences fit a line that people read. */
const problemsTold = 2;

/** Says what is wrong and never what is in it. */
function parseJson<Shape extends z.ZodType>(file: string, text: string, what: string, shape: Shape): z.infer<Shape> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`The key file ${file} must hold ${what} as JSON, and it is no JSON. ${hint}`);
  }
  const found = shape.safeParse(value);
  if (found.success) return found.data;
  const problems = found.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
  const more = problems.length > problemsTold ? `; and ${problems.length - problemsTold} more` : '';
  throw new Error(
    `The key file ${file} must hold ${what}: ${problems.slice(0, problemsTold).join('; ')}${more}. ${hint}`,
  );
}

export interface Watch<Keys> {
  /** The last good set. */
  current(): Keys;
  /** Calls back after each change; returns what ends that. */
  onChange(callback: () => void): () => void;
  close(): void;
}

/** The pinned keys of the API. */
export type KeyWatch = Watch<JwkSet>;

/** Whoever unpins a leaked key wants it to be over now. */
const lookEveryMs = 500;

const refusedFiles = new Gauge({
  name: 'daypass_pinned_keys_refused',
  help: '1 while a file of pinned keys cannot be read or is wrong, so that the last good set is still believed.',
  labelNames: ['file'],
});

/** Throws at start when the file is wrong: there is no last good set to keep. */
export function watchSigningKeys(file: string, log: Pick<Log, 'info' | 'error'>): KeyWatch {
  return watchKeys(file, log, toJwkSet, (set) => set.keys);
}

/** The pinned keys of the connectors. Throws at start as above. */
export function watchReceiptKeys(file: string, log: Pick<Log, 'info' | 'error'>): Watch<ReceiptKey[]> {
  return watchKeys(file, log, toReceiptKeys, (keys) => keys);
}

function watchKeys<Keys>(
  file: string,
  log: Pick<Log, 'info' | 'error'>,
  read: (file: string, text: string) => Keys,
  keysOf: (keys: Keys) => { kid?: string }[],
): Watch<Keys> {
  const callbacks = new Set<() => void>();
  let seen = textOf(file);
  let current = read(file, seen);
  /** So that a wrong file is reported once. */
  let refusedFor: string | undefined;
  refusedFiles.set({ file }, 0);

  function look(): void {
    let isNew: boolean;
    try {
      const text = textOf(file);
      isNew = text !== seen;
      if (isNew) current = read(file, text);
      seen = text;
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      if (because !== refusedFor) log.error({ file, because }, 'pinned keys refused; the last good set stays');
      refusedFor = because;
      refusedFiles.set({ file }, 1);
      return;
    }
    refusedFor = undefined;
    refusedFiles.set({ file }, 0);
    if (!isNew) return;
    log.info({ file, kids: keysOf(current).map(({ kid }) => kid) }, 'pinned keys taken up');
    for (const callback of callbacks) callback();
  }

  // Asking is enough: file watchers miss what mounts, links and editors do.
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  return {
    current: () => current,
    onChange(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    close() {
      clearInterval(timer);
      callbacks.clear();
    },
  };
}
