/** `npm run build`: plain JavaScript, pages and the workflow bundle in `dist/`, for running without development packages. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import type * as Bundle from '../bundle.js';
import { compile } from './compile.js';
import { root } from './settings.js';

const dist = join(root, 'dist');

await rm(dist, { recursive: true, force: true });
await compile(dist);
// As compiled, it describes the bundle of what was compiled.
const { bundled } = (await import(pathToFileURL(join(dist, 'workers/bundle.js')).href)) as typeof Bundle;
const { code } = await bundleWorkflowCode(bundled);
await writeFile(join(dist, 'workflows.bundle.js'), code);
process.stdout.write('dist/ is ready: node dist/api/main.js, dist/workers/decisions.js, dist/workers/connectors.js\n');
