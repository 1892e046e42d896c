/** What went well once need not be done again while no file of the project changes: types, lint, formatting, compiling. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** At the top of the project: what others made. */
const others = new Set(['node_modules', 'dist', 'coverage', '.daypass', '.git']);

export interface Unchanged {
  /** The same number for the same code, on any machine and whatever else lies beside it. */
  number: number;
  /** Did it go well with exactly these files? */
  has(what: string): Promise<boolean>;
  /** It went well, unless a file changed meanwhile. */
  keep(what: string): Promise<void>;
}

/** Remembered in `folder`, by the digest of every file below `root`, the installed packages by their lock, and the version of Node. */
export async function createUnchanged(root: string, folder: string): Promise<Unchanged> {
  const all = async (): Promise<string> => `${process.version} ${await digestOf(root)}`;
  const before = await all();
  const code = await digestOf(root, (file) => file.endsWith('.ts'));
  const mark = (what: string): string => join(folder, `${what}.unchanged`);
  return {
    number: Number.parseInt(code.slice(0, 7), 16),
    has: async (what) => (await readFile(mark(what), 'utf8').catch(() => '')) === before,
    keep: async (what) => {
      await mkdir(folder, { recursive: true });
      if ((await all()) === before) await writeFile(mark(what), before);
      else await rm(mark(what), { force: true });
    },
  };
}

async function digestOf(root: string, counts: (file: string) => boolean = () => true): Promise<string> {
  const hash = createHash('sha256');
  const tops = (await readdir(root, { withFileTypes: true })).filter(({ name }) => !others.has(name));
  const below = tops.map(async (top) => {
    const path = join(root, top.name);
    return top.isDirectory() ? filesIn(path) : [path];
  });
  for (const file of (await Promise.all(below)).flat().filter(counts).sort()) {
    const content = await readFile(file);
    hash.update(JSON.stringify([file.slice(root.length), content.length])).update(content);
  }
  return hash.digest('hex');
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
