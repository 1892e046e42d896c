/** Credentials in transit: compact JWE to one X25519 key, so that only its holder can read what a connector made. */
import { CompactEncrypt, compactDecrypt, importJWK } from 'jose';
import { z } from 'zod';
import type { Ref } from '../../workflows/domain/actor.js';
import type { PublicJwk } from '../../workflows/domain/evidence.js';
import { credentialPublicKey, type PrivateJwk } from './keys.js';

const algorithm = 'ECDH-ES+A256KW';
const encryption = 'A256GCM';
const type = 'daypass+jwe';

/** Whose credential it is stands inside, so that one that is moved to another grant is noticed. */
export interface Owned {
  grantId: string;
  subject: Ref;
}

const owned = z.looseObject({ grantId: z.string(), subject: z.string() });

export async function sealCredential(credential: Owned, publicJwk: PublicJwk): Promise<string> {
  const key = credentialPublicKey.parse(publicJwk);
  return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(credential)))
    .setProtectedHeader({ alg: algorithm, enc: encryption, typ: type })
    .encrypt(await importJWK(key, algorithm));
}

/** Throws an Error without any of the content. The caller compares `grantId` and `subject` with its own. */
export async function openCredential(
  jwe: string,
  privateJwk: PrivateJwk,
): Promise<Owned & { [field: string]: unknown }> {
  try {
    const opened = await compactDecrypt(jwe, await importJWK({ ...privateJwk }, algorithm), {
      keyManagementAlgorithms: [algorithm],
      contentEncryptionAlgorithms: [encryption],
    });
    if (opened.protectedHeader.typ !== type) throw new Error('wrong type');
    return owned.parse(JSON.parse(new TextDecoder().decode(opened.plaintext)));
  } catch {
    throw new Error('The sealed credential does not open with this key.');
  }
}
