/** Bundles of workflows as files: built once for all lanes of `npm test`, or by the first test that asks. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BundleOptions, bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { bundled } from '../../workers/bundle.js';
import { folder } from './services.js';

/** The workflows of today's sources, and those that stand in for others. */
const contents = {
  workflows: bundled,
  standIns: { ...bundled, workflowsPath: fileURLToPath(new URL('./workflows/index.ts', import.meta.url)) },
};
type Content = keyof typeof contents;

/** Where `npm test`, which builds them before the first lane starts, says that they are. */
export const bundlesFolder = 'DAYPASS_TEST_BUNDLES';

const built = new Map<Content, Promise<string>>();

export function bundleFile(content: Content = 'workflows'): Promise<string> {
  const given = process.env[bundlesFolder];
  if (given !== undefined) return Promise.resolve(fileOf(content, given));
  const known = built.get(content) ?? folder().then((to) => writeBundle(content, to));
  built.set(content, known);
  return known;
}

/** All of them, and nothing else. */
export async function writeBundles(to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  for (const content of Object.keys(contents) as Content[]) await writeBundle(content, to);
}

async function writeBundle(content: Content, to: string): Promise<string> {
  await writeFile(fileOf(content, to), await bundleCode(contents[content]));
  return fileOf(content, to);
}

/** Without Temporal's runtime, which would hold a process that never has a worker of its own. */
export async function bundleCode(options: BundleOptions): Promise<string> {
  const { code } = await bundleWorkflowCode({ ...options, logger: new DefaultLogger('ERROR') });
  return code;
}

function fileOf(content: Content, folder: string): string {
  return join(folder, `${content}.js`);
}
