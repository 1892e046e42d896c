/** The public keys that a verifier believes: as `GET /v1/keys` publishes them in one document, or as files of a folder. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readReceiptKeys, readSigningKeys, type PinnedKey } from '../../../activities/platform/keys.js';
import type { ReceiptKey } from '../../../workflows/domain/receipt.js';
import { isHashable } from './read.js';
import type { VerificationKey } from '../../../workflows/domain/signature.js';

export interface AuditKeys {
  /** Of the API: requests, decisions, passkeys, notes. */
  signing: PinnedKey[];
  seals: VerificationKey[];
  /** Of the connectors, each with the targets that it may speak for. */
  receipts: ReceiptKey[];
}

/** As the launcher names them, and as they may be pinned one by one. */
const files = {
  signing: 'api-public.jwks.json',
  seals: 'seal-public.jwks.json',
  receipts: 'receipt-public.jwks.json',
} as const;

/** Rejects with a sentence that names what is wrong, and the way out. */
export async function readAuditKeys(path: string): Promise<AuditKeys> {
  const found = await stat(path).catch((error: unknown) => {
    const because = 'Give what GET /v1/keys answers as a file, or a folder with the three key files.';
    throw new Error(`The keys ${path} cannot be read. ${because}`, { cause: error });
  });
  return found.isDirectory() ? readFolder(path) : readDocument(path);
}

async function readFolder(folder: string): Promise<AuditKeys> {
  const [signing, seals, receipts] = await Promise.all([
    readSigningKeys(join(folder, files.signing)),
    readSigningKeys(join(folder, files.seals)),
    readReceiptKeys(join(folder, files.receipts)),
  ]);
  return { signing: signing.keys, seals: seals.keys.map(forVerification), receipts };
}

function forVerification({ kid = '', x = '' }: PinnedKey): VerificationKey {
  return { kid, x };
}

/** Read by way of files, so that one published document is judged exactly as pinned files are. */
async function readDocument(file: string): Promise<AuditKeys> {
  let document: Record<string, unknown>;
  try {
    document = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`The keys ${file} are no JSON. Save what GET /v1/keys answers.`, { cause: error });
  }
  const folder = await mkdtemp(join(tmpdir(), 'daypass-keys-'));
  try {
    for (const [part, name] of Object.entries(files)) {
      if (typeof document?.[part] !== 'object' || !isHashable(document[part])) {
        throw new Error(`The keys ${file} name no ${part}. Save what GET /v1/keys answers, whole.`);
      }
      await writeFile(join(folder, name), JSON.stringify(document[part]), { mode: 0o600 });
    }
    return await readFolder(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
