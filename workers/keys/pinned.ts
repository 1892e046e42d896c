/** `pin`, `retire`, `unpin`: which public keys are believed. Each says what follows from it. */
import { calculateJwkThumbprint } from 'jose';
import { readReceiptKeys, readSigningKey, readSigningKeys } from '../../activities/platform/keys.js';
import { Trouble } from '../dev/trouble.js';
import { change, keysIn, readJson, type RawKey } from './files.js';
import { lifetime } from './lifetime.js';
import { fileFor, isSigningKind, kinds, locate, type Environment, type SigningKind } from './kinds.js';

/** Adds the public keys of a file to the set of their kind. */
export async function pin(file: string | undefined, set: string | undefined, env: Environment): Promise<string> {
  if (file === undefined) throw new Trouble('Say which public key file to pin.');
  const { keys, kids } = await read(file);
  if (keys.some((key) => 'd' in key)) {
    throw new Trouble(`${file} holds a private key, which nobody else may see; pin its public file.`);
  }
  const kind = kindOf(keys[0]) ?? (set ? kindOfFile(set, env) : undefined) ?? 'signing';
  const to = fileFor(kinds[kind].publicFile, set, env);
  const known = new Set((await read(to)).kids);
  const added = keys.filter((_key, index) => !known.has(kids[index] ?? ''));
  if (added.length === 0) return `${kids.join(', ')} is pinned in ${to} already.`;
  await change(to, (value) => withKeys(value, (present) => [...present, ...added]), checkOf(kind));
  return [
    `Pinned ${kids.join(', ')} in ${to}.`,
    `Do the same wherever else this set is read (${kinds[kind].pinnedBy}). Running processes take it up within a second.`,
  ].join('\n');
}

/** An API key signs no more: what it signed until then counts as long as it can matter. */
export async function retire(
  kid: string | undefined,
  options: { until?: string; set?: string },
  env: Environment,
): Promise<string> {
  const set = fileFor(kinds.signing.publicFile, options.set, env);
  const { kids } = await read(set);
  const index = indexOf(kid, kids, set);
  const signer = await signingKid(env);
  if (signer === kid) {
    throw new Trouble(
      `${String(kid)} still signs (DAYPASS_SIGNING_KEY_FILE). First start the API with another pinned key: npm run keys -- new signing`,
    );
  }
  const { until, because } = options.until ? { until: instant(options.until), because: [] } : await lifetime(env);
  const at = new Date(until).toISOString();
  const alter = (present: RawKey[]) => present.map((key, place) => (place === index ? { ...key, until: at } : key));
  await change(set, (value) => withKeys(value, alter), checkOf('signing'));
  return [
    ...because,
    `${String(kid)} is retired in ${set}: nothing that it signs after ${at} counts, and nothing is made on its word then.`,
    'Leave it pinned also then: audits verify by it what it signed in its time.',
  ].join('\n');
}

/** At once, for a key that leaked: nothing that it ever signed counts from here on. */
export async function unpin(kid: string | undefined, set: string | undefined, env: Environment): Promise<string> {
  const { kind, file } = set ? { kind: kindOfFile(set, env) ?? 'signing', file: set } : await setWith(kid, env);
  const { kids } = await read(file);
  const index = indexOf(kid, kids, file);
  const signer = kind === 'signing' ? await signingKid(env) : undefined;
  await change(file, (value) => withKeys(value, (keys) => keys.filter((_key, at) => at !== index)), checkOf(kind));
  return [
    `${String(kid)} is out of ${file}. Processes that read this file stop believing it within a second:`,
    ...consequences[kind],
    ...(signer === kid
      ? ['The API still signs with it, so nobody can ask or approve until it has another: npm run keys -- new signing']
      : []),
    `Do the same wherever a copy of this set is read (${kinds[kind].pinnedBy}).`,
  ].join('\n');
}

const consequences: Record<SigningKind, string[]> = {
  signing: [
    '  - connectors make nothing on its word, and their sweep removes what stands on it, with Temporal or without;',
    '  - grants that it signed end, and requests that it signed are refused;',
    '  - whoever needs access asks again.',
  ],
  receipt: [
    '  - no receipt that it signed counts, so grants wait for one of another key of their target;',
    '  - start its connectors with a new key: npm run keys -- new receipt',
  ],
  seal: [
    '  - no seal that it signed proves anything: keep the audit files sealed before the leak apart;',
    '  - start the decisions workers with a new key: npm run keys -- new seal',
  ],
};

/** Whichever set of this installation holds the key. */
async function setWith(kid: string | undefined, env: Environment): Promise<{ kind: SigningKind; file: string }> {
  const sets = Object.keys(kinds).filter(isSigningKind);
  for (const kind of sets) {
    const file = locate(kinds[kind].publicFile, env);
    if (file && (await read(file)).kids.includes(kid ?? '')) return { kind, file };
  }
  return { kind: 'signing', file: fileFor(kinds.signing.publicFile, undefined, env) };
}

function kindOf(key: RawKey | undefined): SigningKind | undefined {
  const kind = key?.['for'];
  return typeof kind === 'string' && isSigningKind(kind) ? kind : undefined;
}

function kindOfFile(file: string, env: Environment): SigningKind | undefined {
  return Object.keys(kinds)
    .filter(isSigningKind)
    .find((kind) => locate(kinds[kind].publicFile, env) === file);
}

async function signingKid(env: Environment): Promise<string | undefined> {
  const file = locate(kinds.signing.privateFile, env);
  // Whoever pins keys need not be able to read the private one.
  return file ? (await readSigningKey(file).catch(() => undefined))?.kid : undefined;
}

/** The keys of a file with their ids; one without an id has its thumbprint (RFC 7638). */
export async function read(file: string): Promise<{ kids: string[]; keys: RawKey[] }> {
  const keys = keysIn(await readJson(file));
  return { keys, kids: await Promise.all(keys.map(idOf)) };
}

async function idOf(key: RawKey): Promise<string> {
  const { kid, kty, crv, x } = key;
  if (typeof kid === 'string') return kid;
  return calculateJwkThumbprint({ kty: String(kty), crv: String(crv), x: String(x) }).catch(() => 'not a key');
}

function checkOf(kind: SigningKind): (file: string) => Promise<unknown> {
  return kind === 'receipt' ? readReceiptKeys : readSigningKeys;
}

function withKeys(value: unknown, alter: (keys: RawKey[]) => RawKey[]): unknown {
  return { ...(typeof value === 'object' ? value : {}), keys: alter(keysIn(value)) };
}

function indexOf(kid: string | undefined, kids: string[], file: string): number {
  if (kid === undefined) throw new Trouble('Say which key by its id: npm run keys -- list');
  const index = kids.indexOf(kid);
  if (index >= 0) return index;
  throw new Trouble(`${file} holds no key ${kid}; it holds ${kids.join(', ') || 'none'}.`);
}

function instant(text: string): number {
  const at = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  if (Number.isFinite(at)) return at;
  throw new Trouble(`--until ${text} is no instant; write one such as 2026-12-31T00:00:00Z.`);
}
