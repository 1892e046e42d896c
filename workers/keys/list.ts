/** `list`: which keys there are, since when and until when, and who holds what. Shows nothing secret. */
import { stat } from 'node:fs/promises';
import { readCodecKeys, readSigningKey } from '../../activities/platform/keys.js';
import type { RawKey } from './files.js';
import { codecRing, isSigningKind, kinds, locate, type Environment, type Kind } from './kinds.js';
import { read } from './pinned.js';

export async function list(env: Environment): Promise<string> {
  const parts = Object.keys(kinds)
    .filter(isSigningKind)
    .map((kind) => ofKind(kinds[kind], env));
  return (await Promise.all([...parts, ofRing(env)])).join('\n\n');
}

async function ofKind(kind: Kind, env: Environment): Promise<string> {
  const file = locate(kind.publicFile, env);
  const lines = [kind.title, `  private: ${kind.heldBy}; public: ${kind.pinnedBy}`];
  if (!file) return [...lines, `  ${kind.publicFile.setting} is not set here.`].join('\n');
  const { keys, kids } = await read(file);
  const privateFile = locate(kind.privateFile, env);
  const inUse = privateFile ? (await readSigningKey(privateFile).catch(() => undefined))?.kid : undefined;
  const changed = (await stat(file)).mtime.toISOString();
  const rows = keys.map((key, index) => row(kids[index] ?? '', key, { changed, inUse }));
  const gone = inUse !== undefined && !kids.includes(inUse) ? [`  ${inUse}  signs here, and is not pinned`] : [];
  return [...lines, `  ${file}`, ...(rows.length > 0 ? rows : ['  (none: nothing is believed)']), ...gone].join('\n');
}

function row(kid: string, key: RawKey, { changed, inUse }: { changed: string; inUse: string | undefined }): string {
  const { since, until, targets } = key;
  return [
    `  ${kid}`,
    // Older sets say nothing; their file was last changed then.
    typeof since === 'string' ? `since ${since}` : `since ${changed} or before`,
    ...(typeof until === 'string' ? [`until ${until}`] : []),
    ...(Array.isArray(targets) ? [`for ${targets.join(', ')}`] : []),
    ...(kid === inUse ? ['signs'] : []),
  ].join('  ');
}

async function ofRing(env: Environment): Promise<string> {
  const file = locate(codecRing, env);
  const lines = ['Codec key ring: everything in Temporal is sealed with it', '  api, decisions and connectors'];
  if (!file) return [...lines, `  ${codecRing.setting} is not set here.`].join('\n');
  const { keys, current } = await readCodecKeys(file);
  const rows = Object.keys(keys).map((id) => `  ${id}  ${id === current ? 'seals and opens' : 'opens'}`);
  return [...lines, `  ${file}`, ...rows].join('\n');
}
