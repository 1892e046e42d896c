/** Histories of grants as past versions wrote them: one file per outcome and version, sealed with a key that seals nothing else. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import proto from '@temporalio/proto';
import type { KeyRing } from '../../activities/platform/keys.js';

// A CommonJS package: Node finds no named exports in it.
const wire = proto.temporal.api.history.v1.History;
export type History = proto.temporal.api.history.v1.IHistory;

const folder = fileURLToPath(new URL('./histories', import.meta.url));
const ending = '.history.gz';

/** Not a secret: what it seals are the invented grants of these files. */
export const storedKeys: KeyRing = {
  current: 'stored-histories',
  keys: { 'stored-histories': createHash('sha256').update('the key of stored histories, for tests alone').digest() },
};

export interface Stored {
  version: string;
  name: string;
  /** The real one: payloads open for no other. */
  workflowId: string;
  history: History;
}

export function storedVersions(): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** At once, since mocha asks which tests there are before it runs any. */
export function readHistories(): Stored[] {
  const found: Stored[] = [];
  for (const version of storedVersions()) {
    for (const file of readdirSync(join(folder, version)).sort()) {
      const history = wire.decode(gunzipSync(readFileSync(join(folder, version, file))));
      const workflowId = history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? '';
      found.push({ version, name: basename(file, ending), workflowId, history });
    }
  }
  return found;
}

export async function writeHistory(version: string, name: string, history: History): Promise<void> {
  await mkdir(join(folder, version), { recursive: true });
  const bytes = gzipSync(wire.encode(wire.fromObject(history)).finish(), { level: 9 });
  await writeFile(join(folder, version, name + ending), bytes);
}
