/** The passkeys that a zone's owner listed. Nothing else of the zone's file matters here, and none of its secrets is needed. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseYaml } from '../../../activities/platform/yaml.js';
import type { KnownPasskey } from './passkeys.js';

const zoneFile = z.looseObject({
  passkeys: z.array(z.looseObject({ person: z.string(), id: z.string(), key: z.string() })).default([]),
});

export async function readZonePasskeys(file: string): Promise<KnownPasskey[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(`The zone file ${file} cannot be read. Give the file of the target's zone.`, { cause: error });
  });
  return parseYaml(file, text, zoneFile).passkeys.map(({ person, id, key }) => ({
    person: `person:${person}`,
    credentialId: id,
    publicKey: key,
  }));
}
