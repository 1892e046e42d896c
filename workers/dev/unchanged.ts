/** What went well once need not be done again while no file of the project changes: types, lint, formatting, compiling. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** At the top of the project: what others made. */
const others = new Set(['node_modules', 'dist', 'coverage', '.daypass', '.git']);

export interface Unchanged {
  /** Did it go well with exactly these files? */
  has(what: string): Promise<boolean>;
  /** It went well, unless a file changed meanwhile. */
  keep(what: string): Promise<void>;
}

/** Remembered in `folder`, by the digest of every file below `root`, the installed packages by their lock, and the version of Node. */
export async function createUnchanged(root: string, folder: string): Promise<Unchanged> {
  const before = await digestOf(root);
  const mark = (what: string): string => join(folder, `${what}.unchanged`);
  return {
    has: async (what) => (await readFile(mark(what), 'utf8').catch(() => '')) === before,
    keep: async (what) => {
      const file = mark(what);
      await mkdir(dirname(file), { recursive: true });
      if ((await digestOf(root)) === before) await writeFile(file, before);
      else await rm(file, { force: true });
    },
  };
}

async function digestOf(root: string): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  for (const top of (await readdir(root)).filter((name) => !others.has(name)).sort()) {
    for (const file of await filesIn(join(root, top))) {
      const content = await readFile(file);
      hash.update(JSON.stringify([file.slice(root.length), content.length])).update(content);
    }
  }
  return hash.digest('hex');
}

/** The file itself, or all files below the folder, in one order. */
async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!entries) return [path];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
