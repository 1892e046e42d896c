/** `new`: makes a key that nobody else has ever seen, and says what to do with its two halves. */
import { mkdir } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { Trouble } from '../dev/trouble.js';
import { writeNew } from './files.js';
import { codecRing, isSigningKind, kinds, type SigningKind } from './kinds.js';

export interface NewOptions {
  folder: string;
  /** Of a receipt key. */
  targets: string[];
}

export async function createKey(kind: string | undefined, options: NewOptions): Promise<string> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  if (kind === 'codec') return createRing(options.folder);
  if (kind !== undefined && isSigningKind(kind)) return createPair(kind, options);
  throw new Trouble(`Say which kind of key: ${[...Object.keys(kinds), 'codec'].join(', ')}.`);
}

async function createPair(kind: SigningKind, { folder, targets }: NewOptions): Promise<string> {
  if (kind === 'receipt' && targets.length === 0) {
    throw new Trouble('Say which targets its connector serves, for example: --targets orders-db,billing-db');
  }
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { kty = '', crv = '', x = '', d = '' } = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint({ kty, crv, x });
  const common = { kty, crv, x, kid, alg: 'EdDSA', use: 'sig', for: kind, since: new Date().toISOString() };
  const named = join(folder, `${kind}-${kid.slice(0, 8)}`);
  const files = { private: `${named}.jwk.json`, public: `${named}.public.jwk.json` };
  await writeNew(files.private, { ...common, d }, 0o600);
  await writeNew(files.public, { ...common, ...(targets.length > 0 ? { targets } : {}) }, 0o644);
  const { heldBy, pinnedBy, privateFile, publicFile } = kinds[kind];
  return [
    `New ${kind} key ${kid}`,
    `  ${files.private}  for ${heldBy}, and nobody else`,
    `  ${files.public}  for ${pinnedBy}`,
    '',
    'Next:',
    `  1. npm run keys -- pin ${files.public}   (wherever ${publicFile.setting} is read)`,
    `  2. ${privateFile.setting}=${files.private} in ${heldBy}, and start them again.`,
    kind === 'signing'
      ? '  3. npm run keys -- retire <id of the old key>'
      : '  3. Leave the old public key pinned: what it signed is verified by it.',
  ].join('\n');
}

async function createRing(folder: string): Promise<string> {
  const file = join(folder, 'codec.json');
  const id = ringKeyId();
  await writeNew(file, { current: id, keys: { [id]: randomBytes(32).toString('base64') } }, 0o600);
  return [
    `New codec key ring with the key ${id}`,
    `  ${file}  for api, decisions and connectors`,
    '',
    `Next: ${codecRing.setting}=${file} in each of them. An installation that has a ring keeps it: \`rotate-codec\` adds a key to it.`,
  ].join('\n');
}

/** Dated, so that a list of them tells its own story. */
export function ringKeyId(): string {
  return `${new Date().toISOString().slice(0, 10)}-${randomBytes(3).toString('hex')}`;
}
