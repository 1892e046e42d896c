/** `npm run build`: plain JavaScript, pages and the workflow bundle in `dist/`, for running without development packages. */
import { execFileSync } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { root } from './settings.js';

const dist = join(root, 'dist');

await rm(dist, { recursive: true, force: true });
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
for (const folder of ['assets', 'templates']) {
  await cp(join(root, 'api/web', folder), join(dist, 'api/web', folder), { recursive: true });
}
const { code } = await bundleWorkflowCode({
  workflowsPath: join(dist, 'workflows/index.js'),
  failureConverterPath: join(dist, 'activities/platform/failure-converter.js'),
  preloadModules: [join(dist, 'workflows/domain/signature.js')],
});
await writeFile(join(dist, 'workflows.bundle.js'), code);
process.stdout.write('dist/ is ready: node dist/api/main.js, dist/workers/decisions.js, dist/workers/connectors.js\n');
