/** The workflows as one bundle: built ahead for production, or from source at the start of a development process. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, Runtime, type WorkflowBundleOption } from '@temporalio/worker';
import { failureConverterPath } from '../activities/platform/temporal.js';

const workflowsPath = fileURLToPath(new URL(`../workflows/index${extname(import.meta.url)}`, import.meta.url));

/** `prebuilt` is the path of a bundle that was built from these very sources. */
export async function workflowBundle(prebuilt?: string): Promise<WorkflowBundleOption> {
  if (prebuilt) return { codePath: prebuilt };
  return bundleWorkflowCode({ workflowsPath, failureConverterPath, logger: Runtime.instance().logger });
}
