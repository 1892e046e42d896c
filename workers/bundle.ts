/** The workflows as one bundle, built ahead for production or from source at the start of a development process; and their patience. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, Runtime, type BundleOptions, type WorkflowBundleOption } from '@temporalio/worker';
import type { WorkerOptionsWithDefaults } from '@temporalio/worker/lib/worker-options.js';
import { failureConverterPath } from '../activities/platform/temporal.js';
import { sandboxCrypto } from './threads.js';

const source = (path: string): string => fileURLToPath(new URL(`../workflows/${path}`, import.meta.url));
const extension = extname(import.meta.url);

/** Where the file that verifies signatures imports Node's crypto, it gets what its thread has of it. */
function verifying({ request, contextInfo }: { request?: string; contextInfo?: { issuer: string } }) {
  const isOurs = /[\\/]workflows[\\/]domain[\\/]signature\.[jt]s$/.test(contextInfo?.issuer ?? '');
  return Promise.resolve(isOurs && request === 'node:crypto' ? `var ${sandboxCrypto}` : undefined);
}

/** What every bundle of the workflows is made of. */
export const bundled = {
  workflowsPath: source(`index${extension}`),
  failureConverterPath,
  // Evaluated once in each thread instead of once in each grant, which counts where thousands are replayed. All share them,
  // frozen as far as they can be.
  preloadModules: ['transition', 'apply', 'owed', 'shown', 'clocks', 'record'].map((name) =>
    source(`domain/${name}${extension}`),
  ),
  // Whatever else of Node is imported is refused while bundling.
  webpackConfigHook: (config) => ({
    ...config,
    externals: [verifying, config.externals ?? []].flat(),
  }),
} satisfies BundleOptions;

/**
 * How long one turn of a workflow may take. Beyond it the thread is ended, with its worker (`threads.ts`). The usual 5 s are reached
 * by a few hundred signals on a starved machine, and nothing is wrong with those. The SDK takes this option without listing it.
 */
export const patience: Pick<WorkerOptionsWithDefaults, 'isolateExecutionTimeout'> = { isolateExecutionTimeout: '60s' };

/** `prebuilt` is the path of a bundle that was built from these very sources. */
export async function workflowBundle(prebuilt?: string): Promise<WorkflowBundleOption> {
  if (prebuilt) return { codePath: prebuilt };
  return bundleWorkflowCode({ ...bundled, logger: Runtime.instance().logger });
}
