/** Bundles of workflows, for workers of the test's own process. */
import { readFile } from 'node:fs/promises';
import { DefaultLogger, Runtime, type WorkflowBundle } from '@temporalio/worker';
import { bundleFile } from './bundle-file.js';
import { whenTestsEnd } from './services.js';

const logger = new DefaultLogger('ERROR');
// Once per process, before the first worker: a test's output is its promises, not the life of its workers.
Runtime.install({ logger, telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } } });
// A process that was ready for a worker and had none would never end.
whenTestsEnd(() => Runtime.instance().shutdown());

let ours: Promise<WorkflowBundle> | undefined;
let theirs: Promise<WorkflowBundle> | undefined;

/** Of today's sources. */
export function workflowBundle(): Promise<WorkflowBundle> {
  return (ours ??= bundleFile('workflows').then(read));
}

/** Of `test/support/workflows`. */
export function standInBundle(): Promise<WorkflowBundle> {
  return (theirs ??= bundleFile('standIns').then(read));
}

async function read(file: string): Promise<WorkflowBundle> {
  return { code: await readFile(file, 'utf8') };
}
