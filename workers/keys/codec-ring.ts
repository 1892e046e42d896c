/** `rotate-codec`: two steps, since every process must be able to open what any of them seals. */
import { randomBytes } from 'node:crypto';
import { readCodecKeys } from '../../activities/platform/keys.js';
import { Trouble } from '../dev/trouble.js';
import { ringKeyId } from './create.js';
import { change } from './files.js';
import { codecRing, fileFor, type Environment } from './kinds.js';

export async function rotateCodec(options: { current?: string; file?: string }, env: Environment): Promise<string> {
  const file = fileFor(codecRing, options.file, env);
  const ring = await readCodecKeys(file);
  const everywhere = 'api, decisions and connectors';
  if (options.current === undefined) {
    const id = ringKeyId();
    const key = randomBytes(32).toString('base64');
    await change(file, (value) => withKey(value, id, key), readCodecKeys);
    return [
      `Added the key ${id} to ${file}; ${ring.current} still seals.`,
      `Give this file to ${everywhere}, and start them again, one after the other. When all of them have it:`,
      `  npm run keys -- rotate-codec --current ${id}`,
    ].join('\n');
  }
  const { current } = options;
  if (!Object.hasOwn(ring.keys, current)) {
    throw new Trouble(`${file} holds no key ${current}; it holds ${Object.keys(ring.keys).join(', ')}.`);
  }
  if (ring.current === current) return `${current} seals already.`;
  await change(file, (value) => ({ ...(value as object), current }), readCodecKeys);
  return [
    `${current} seals from now on in ${file}; ${ring.current} still opens.`,
    `Give this file to ${everywhere}, and start them again, one after the other.`,
    `Keep ${ring.current} for as long as histories last (the retention of the namespace, and your own archives).`,
  ].join('\n');
}

function withKey(value: unknown, id: string, key: string): unknown {
  const { keys, ...rest } = value as { keys: Record<string, string> };
  return { ...rest, keys: { ...keys, [id]: key } };
}
