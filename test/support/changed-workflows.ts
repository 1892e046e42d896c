/** The workflows as a later version may have them: today's sources with some places changed, built as any other bundle. */
import { existsSync } from 'node:fs';
import { cp, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundled } from '../../workers/bundle.js';
import { digest } from '../../workflows/domain/digest.js';
import { bundleCode, bundlesFolder } from './bundle-file.js';
import { folder } from './services.js';

/** In this file below `workflows/`, `from` becomes `to`. It must be there, so that a change never says nothing. */
export interface Change {
  file: string;
  from: string;
  to: string;
}

/** The path of their bundle. Where `npm test` keeps bundles, it is built once while no file changes. */
export async function changedBundle(...changes: Change[]): Promise<string> {
  const file = join(process.env[bundlesFolder] ?? (await folder()), `changed-${digest(changes)}.js`);
  if (existsSync(file)) return file;
  const draft = `${file}.${process.pid}.draft`;
  await writeFile(draft, await built(changes));
  await rename(draft, file);
  return file;
}

async function built(changes: Change[]): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const copy = await folder();
  for (const part of ['workflows', 'activities']) await cp(join(root, part), join(copy, part), { recursive: true });
  await cp(join(root, 'package.json'), join(copy, 'package.json'));
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, from, to } of changes) {
    const path = join(copy, 'workflows', file);
    const text = await readFile(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} no longer has: ${from}`);
    await writeFile(
      path,
      text.replace(from, () => to),
    );
  }
  const copied = (path: string): string => join(copy, relative(root, path));
  return bundleCode({
    ...bundled,
    workflowsPath: copied(bundled.workflowsPath),
    preloadModules: bundled.preloadModules.map(copied),
  });
}
