/** Our processes as plain JavaScript, as they run without development packages: compiled once, and only what changed after that. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runProgram } from './program.js';
import { root } from './settings.js';
import { Trouble } from './trouble.js';

/** Into `to`, which lies below the project so that packages are found from there. Prints what does not compile, and throws. */
export async function compile(to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const known = ['--incremental', '--tsBuildInfoFile', join(to, 'compiled.json')];
  const args = [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', to, ...known];
  const onLine = (line: string): void => void process.stdout.write(`${line}\n`);
  const program = await runProgram({ name: 'tsc', command: process.execPath, args, cwd: root, onLine });
  const { code } = await program.ended;
  if (code !== 0) throw new Trouble('The sources do not compile: see above.');
  for (const folder of ['assets', 'templates']) {
    await cp(join(root, 'api/web', folder), join(to, 'api/web', folder), { recursive: true });
  }
  // Wherever it lies: below `node_modules` nobody looks for ours.
  await writeFile(join(to, 'package.json'), JSON.stringify({ type: 'module' }));
}
