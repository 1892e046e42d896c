/**
 * Imported for its effect alone: workflows run without the SDK's note of every promise.
 *
 * To answer the query `__stack_trace` the SDK hooks into each promise of each workflow, compiles functions there and walks the
 * stack. It can do without, and has no option for it. The price is that *Call Stack* in the Temporal UI stays empty.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import threads from 'node:worker_threads';
import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared.js';

// Errors keep their stacks, with lines of the sources. Not `v8.promiseHooks` itself, which Node 20 needs for what the SDK's
// cancellation scopes rest on.
const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@temporalio/worker/lib/workflow/vm-shared.js')).href;
const withoutHook = `
  import { globalHandlers } from ${JSON.stringify(sdk)};
  globalHandlers.setPromiseHook = () => (globalHandlers.promiseHookInstalled = true);`;
const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(withoutHook)}`];

/** The SDK starts the threads of workflows by this class. */
Object.assign(threads, {
  Worker: class extends threads.Worker {
    constructor(file: string | URL, options?: threads.WorkerOptions) {
      super(file, String(file).includes('workflow-worker-thread') ? { ...options, execArgv } : options);
    }
  },
});

// Histories are replayed in this thread, whose own errors have their lines already.
Object.assign(globalHandlers, { installed: true, promiseHookInstalled: true });
