/** The keys of an API under test, with the decisions worker and the connector of one target, as files. */
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { folder } from './services.js';

/** Of every world. */
export const target = 'orders-db';

export interface KeyFiles {
  codec: { file: string; ring: { current: string; keys: Record<string, Uint8Array> } };
  signing: { file: string; set: string; public: { kty: string; crv: string; x: string; kid: string } };
  receipt: { key: { kty: string; crv: string; x: string; d: string; kid: string }; set: string };
  credential: { file: string; public: { kty: string; crv: string; x: string } };
  session: { file: string; key: Uint8Array };
  risk: Uint8Array;
}

export async function secretFile(text: string): Promise<string> {
  const file = join(await folder(), randomUUID());
  await writeFile(file, text);
  return file;
}

let made: Promise<KeyFiles> | undefined;

/** The same for all worlds of a run: they share services, and what one left there the next must be able to read. */
export function keyFiles(): Promise<KeyFiles> {
  return (made ??= makeKeyFiles());
}

async function makeKeyFiles(): Promise<KeyFiles> {
  const codec = randomBytes(32);
  const session = randomBytes(32);
  const signing = await keyPair('EdDSA', 'Ed25519');
  const receipt = await keyPair('EdDSA', 'Ed25519');
  const credential = await keyPair('ECDH-ES+A256KW', 'X25519');
  const setOf = (key: object): Promise<string> => secretFile(JSON.stringify({ keys: [key] }));
  return {
    codec: {
      file: await secretFile(JSON.stringify({ current: 'test', keys: { test: codec.toString('base64') } })),
      ring: { current: 'test', keys: { test: codec } },
    },
    signing: {
      file: await secretFile(JSON.stringify(signing.jwk)),
      set: await setOf(signing.public),
      public: signing.public,
    },
    receipt: { key: receipt.jwk, set: await setOf({ ...receipt.public, targets: [target] }) },
    credential: { file: await secretFile(JSON.stringify(credential.jwk)), public: credential.public },
    session: { file: await secretFile(session.toString('base64')), key: session },
    risk: randomBytes(32),
  };
}

async function keyPair(algorithm: string, crv: string) {
  const { privateKey } = await generateKeyPair(algorithm, { crv, extractable: true });
  const { x = '', d = '' } = await exportJWK(privateKey);
  const key = { kty: 'OKP', crv, x, kid: 'test' };
  return { jwk: { ...key, d }, public: key };
}
