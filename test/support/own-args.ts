/** How tests start a process of ours: compiled, as production runs it, where `npm test` has compiled them; else from its source. */
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../workers/dev/settings.js';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** The arguments of `node`; `file` is the absolute path of a source. */
export function ownArgs(file: string): string[] {
  const compiled = process.env['DAYPASS_TEST_COMPILED'];
  if (compiled === undefined) return ['--enable-source-maps', '--import', tsx, file];
  return [join(compiled, relative(root, file).replace(/\.ts$/, '.js'))];
}
