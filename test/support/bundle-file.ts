/** The workflow bundle of today's sources as a file: built once for all lanes of `npm test`, or by the first test that asks. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { bundled } from '../../workers/bundle.js';
import { folder } from './services.js';

let built: Promise<string> | undefined;

export function bundleFile(): Promise<string> {
  built ??= given() ?? folder().then(writeBundle);
  return built;
}

/** By `npm test`, which builds it before the first lane starts. */
function given(): Promise<string> | undefined {
  const file = process.env['DAYPASS_TEST_BUNDLE_FILE'];
  return file === undefined ? undefined : Promise.resolve(file);
}

export async function writeBundle(to: string): Promise<string> {
  // Without Temporal's runtime, which would hold a process that never has a worker of its own.
  const { code } = await bundleWorkflowCode({ ...bundled, logger: new DefaultLogger('ERROR') });
  const file = join(to, 'workflows.js');
  await writeFile(file, code);
  return file;
}
