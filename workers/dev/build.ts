/** `npm run build`: plain JavaScript, pages and the workflow bundle in `dist/`, for running without development packages. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { compile } from './compile.js';
import { root } from './settings.js';

const dist = join(root, 'dist');

await rm(dist, { recursive: true, force: true });
await compile(dist);
const { code } = await bundleWorkflowCode({
  workflowsPath: join(dist, 'workflows/index.js'),
  failureConverterPath: join(dist, 'activities/platform/failure-converter.js'),
  preloadModules: [join(dist, 'workflows/domain/signature.js')],
});
await writeFile(join(dist, 'workflows.bundle.js'), code);
process.stdout.write('dist/ is ready: node dist/api/main.js, dist/workers/decisions.js, dist/workers/connectors.js\n');
