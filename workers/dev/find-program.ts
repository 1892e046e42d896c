/** Finds a program on PATH and asks it for its version. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Version = readonly [number, number, number];

export async function onPath(name: string, path = process.env['PATH'] ?? ''): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((each) => each !== '')) {
    const candidate = join(folder, name);
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

export async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** What the program prints about itself; nothing when it cannot say. */
export async function saysOf(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(command, args, { timeout: 15_000 });
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** The first `1.2.3` after `before`. */
export function versionIn(text: string, before = ''): Version | undefined {
  const at = text.indexOf(before);
  if (at < 0) return undefined;
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(text.slice(at + before.length));
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])];
}

export function isAtLeast(version: Version | undefined, least: Version): boolean {
  if (version === undefined) return false;
  for (const [index, part] of version.entries()) {
    const wanted = least[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
