/** `npm run licences [-- --write]`: how many dependencies are under which licence, and which of them cannot stay; with `--write` the page of them all. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { licencePage, readDependencies, whyIncompatible } from './dependencies.js';
import { root } from './settings.js';

const dependencies = await readDependencies();
const counts = new Map<string, number>();
for (const { licence = 'none' } of dependencies) counts.set(licence, (counts.get(licence) ?? 0) + 1);
for (const [licence, count] of [...counts].sort((one, other) => other[1] - one[1])) {
  process.stdout.write(`${String(count).padStart(5)}  ${licence}\n`);
}
for (const dependency of dependencies) {
  const why = whyIncompatible(dependency);
  if (why === undefined) continue;
  process.stdout.write(`${why}\n`);
  process.exitCode = 1;
}
if (process.argv.includes('--write')) await writeFile(join(root, 'docs/licences.md'), licencePage(dependencies));
