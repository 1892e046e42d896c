/**
 * Imported for its effect alone: workflows run without the SDK's note of every promise.
 *
 * To answer the query `__stack_trace` the SDK hooks into each promise of each workflow, compiles functions there and walks the
 * stack: half of what a turn takes. It goes on where there are no such hooks, and has no option for it. The price is that
 * *Call Stack* in the Temporal UI says that there is none; errors keep their stacks.
 */
import threads from 'node:worker_threads';
import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared.js';

// Not `v8.promiseHooks` itself, which Node 20 needs for what the SDK's cancellation scopes rest on.
const without = { setPromiseHook: () => undefined };

/** In this thread the SDK replays histories. Workflows run in threads of their own, which it starts by this class. */
Object.assign(globalHandlers, without);
Object.assign(threads, {
  Worker: class extends threads.Worker {
    constructor(file: string | URL, options?: threads.WorkerOptions) {
      super(file, { ...options, execArgv: ['--import', inEach] });
    }
  },
});

const sdk = import.meta.resolve('@temporalio/worker/lib/workflow/vm-shared.js');
const inEach = `data:text/javascript,${encodeURIComponent(`
  import { globalHandlers } from '${sdk}';
  globalHandlers.setPromiseHook = () => undefined;`)}`;
