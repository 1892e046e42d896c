/** What is built or fetched once per user and version, outside the checkout, safe against two runs at once. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isRunning } from './is-running.js';

/** A lock whose owner is gone and that nobody touched for this long is nobody's. */
const forgottenMs = 60_000;

export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base !== undefined && base.startsWith('/') ? base : join(homedir(), '.cache'), 'daypass');
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * The path of a cached file or folder; makes it first when it is not there. `make` writes to the path that it is given,
 * which takes the final name only when it is whole: a run that dies halfway leaves nothing that looks finished.
 * Of two runs at once the second waits and finds what the first made.
 */
export async function cached(
  path: string,
  make: (draft: string) => Promise<void>,
  onWait: () => void = () => {},
): Promise<string> {
  if (await exists(path)) return path;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return withLock(`${path}.lock`, onWait, async () => {
    if (await exists(path)) return path;
    const draft = `${path}.${randomBytes(6).toString('hex')}.draft`;
    try {
      await make(draft);
      await rename(draft, path).catch(async (error: unknown) => {
        // Two runs may both have taken over from one that died: the first whole thing counts.
        if (!(await exists(path))) throw error;
      });
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
    return path;
  });
}

async function withLock<T>(lock: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  let waited = false;
  for (;;) {
    const handle = await open(lock, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return undefined;
      throw error;
    });
    if (handle !== undefined) {
      try {
        await handle.writeFile(String(process.pid));
        await handle.close();
        return await work();
      } finally {
        await rm(lock, { force: true });
      }
    }
    if (await isForgotten(lock)) {
      await rm(lock, { force: true });
      continue;
    }
    if (!waited) onWait();
    waited = true;
    await pause(200);
  }
}

/** The owner is gone. (A lock without a readable owner is given a minute: its owner may be about to write.) */
async function isForgotten(lock: string): Promise<boolean> {
  try {
    const owner = Number(await readFile(lock, 'utf8'));
    if (Number.isInteger(owner) && owner > 0) return !isRunning(owner);
    return Date.now() - (await stat(lock)).mtimeMs > forgottenMs;
  } catch {
    // Released while we looked.
    return false;
  }
}
