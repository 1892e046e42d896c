/** The workflow bundle, built once per test run from today's sources. */
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Runtime, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { failureConverterPath } from '../../activities/platform/temporal.js';
import { whenTestsEnd } from './services.js';

const logger = new DefaultLogger('ERROR');
// Once per process, before the first worker: a test's output is its promises, not the life of its workers.
Runtime.install({ logger, telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } } });
// A process that was ready for a worker and had none would never end.
whenTestsEnd(() => Runtime.instance().shutdown());

let built: Promise<WorkflowBundleWithSourceMap> | undefined;

export function workflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  built ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    failureConverterPath,
    preloadModules: [fileURLToPath(new URL('../../workflows/domain/signature.ts', import.meta.url))],
    logger,
  });
  return built;
}
