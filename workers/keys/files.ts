/** Key files are replaced whole or not at all, keep their owner and mode, and are never changed by two commands at once. */
import { randomUUID } from 'node:crypto';
import { chmod, chown, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { Trouble } from '../dev/trouble.js';

/** A key as its file has it; fields that we do not know stay as they are. */
export type RawKey = Record<string, unknown>;

export async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Trouble(`${file} cannot be read (${error.code ?? error.message}).`);
  });
  try {
    return JSON.parse(text);
  } catch {
    throw new Trouble(`${file} is no JSON.`);
  }
}

/** The keys of a JWK Set, or of a file with a single JWK. */
export function keysIn(value: unknown): RawKey[] {
  if (!isObject(value)) return [];
  return Array.isArray(value['keys']) ? value['keys'].filter(isObject) : [value];
}

/** Refuses to write over what is there: a key that is lost cannot be made again. */
export async function writeNew(file: string, value: unknown, mode: number): Promise<void> {
  await writeFile(file, toText(value), { mode, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw new Trouble(`${file} is there already, and is not written over.`);
    throw new Trouble(`${file} cannot be written (${error.code ?? error.message}).`);
  });
}

/**
 * Replaces the file by what `change` makes of it, if `check` can read that. Whoever reads it meanwhile finds the old one or the
 * new one; a crash leaves the old one.
 */
export async function change(
  file: string,
  alter: (value: unknown) => unknown,
  check: (file: string) => Promise<unknown>,
): Promise<void> {
  const lock = `${file}.lock`;
  const held = await open(lock, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') {
      throw new Trouble(`Another command is changing ${file}; if none is, remove ${lock} and try again.`);
    }
    throw new Trouble(`${file} cannot be changed (${error.code ?? error.message}).`);
  });
  try {
    await replace(file, alter(await readJson(file)), check);
  } finally {
    await held.close();
    await rm(lock, { force: true });
  }
}

async function replace(file: string, value: unknown, check: (file: string) => Promise<unknown>): Promise<void> {
  const { mode, uid, gid } = await stat(file);
  const next = `${file}.${randomUUID()}`;
  try {
    const written = await open(next, 'wx', 0o600);
    try {
      await written.writeFile(toText(value));
      await written.sync();
    } finally {
      await written.close();
    }
    await check(next).catch((error: unknown) => {
      const because = error instanceof Error ? error.message : String(error);
      throw new Trouble(`Nothing is changed. ${because.replaceAll(next, file)}`);
    });
    await chmod(next, mode & 0o777);
    // Only root can give a file away; whoever is not root writes files of their own anyhow.
    if (process.getuid?.() === 0) await chown(next, uid, gid);
    await rename(next, file);
  } finally {
    await rm(next, { force: true });
  }
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function isObject(value: unknown): value is RawKey {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
