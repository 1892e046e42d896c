/**
 * Threads of workflows, for whoever imports this: with two functions of Node, and without two things that the SDK does each turn.
 *
 * 1. To answer the query `__stack_trace` it hooks into each promise, compiles functions there and walks the stack. It can do
 *    without, and has no option for it. The price is that *Call Stack* in the Temporal UI stays empty.
 * 2. It lets Node start and join a thread some six times a turn, which would end the turn after `isolateExecutionTimeout`. Here
 *    one timer for each thread looks from outside whether it still answers, and ends the thread if not.
 */
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import threads from 'node:worker_threads';
import type * as VmShared from '@temporalio/worker/lib/workflow/vm-shared.js';

/** The global of a workflow that holds what it has of `node:crypto`: what is pure, and gives every replay the same answer. */
export const sandboxCrypto = '__daypass_crypto';

/** What the SDK sends to a thread. It answers each with the same `requestId`, one after the other. */
interface Asked {
  input: { type: string; isolateExecutionTimeoutMs?: number };
}

/** Looks while a turn lasts. A process that was paused comes back to one of them, not to the end of its patience. */
const looks = 10;

/** A thread of workflows that is ended when it has not answered for as long as a turn may take; the worker ends with it. */
class WatchedThread extends threads.Worker {
  #unanswered = 0;
  #quiet = 0;
  #watch: NodeJS.Timeout | undefined;

  constructor(file: string | URL, options?: threads.WorkerOptions) {
    super(file, { ...options, execArgv });
    this.on('message', (message: object) => {
      if (!('requestId' in message)) return;
      this.#unanswered -= 1;
      this.#quiet = 0;
    });
    this.once('exit', () => clearInterval(this.#watch));
  }

  override postMessage(asked: Asked, transfer?: readonly threads.TransferListItem[]): void {
    const { isolateExecutionTimeoutMs: turnMs, ...input } = asked.input;
    super.postMessage({ ...asked, input }, transfer);
    this.#unanswered += 1;
    // Its first answer says that it has started, which may take longer than a turn.
    if (turnMs === undefined) return;
    this.once('message', () => (this.#watch = setInterval(() => this.#look(turnMs), turnMs / looks).unref()));
  }

  #look(turnMs: number): void {
    if (this.#unanswered === 0) return;
    this.#quiet += 1;
    if (this.#quiet <= looks) return;
    clearInterval(this.#watch);
    this.emit('error', new Error(`A turn of a workflow did not end within ${turnMs / 1000} s`));
    void this.terminate();
  }
}

// Errors keep their stacks, with lines of the sources. Not `v8.promiseHooks` itself, which Node 20 needs for what the SDK's
// cancellation scopes rest on. In plain JavaScript, since a thread has no loader of TypeScript.
const require = createRequire(import.meta.url);
const sdkFile = require.resolve('@temporalio/worker/lib/workflow/vm-shared.js');
const prepared = `
  import { createPublicKey, verify } from 'node:crypto';
  import sdk from ${JSON.stringify(pathToFileURL(sdkFile).href)};
  sdk.globalHandlers.setPromiseHook = () => (sdk.globalHandlers.promiseHookInstalled = true);
  const { injectGlobals } = sdk;
  sdk.injectGlobals = (context) => {
    injectGlobals(context);
    context.${sandboxCrypto} = { createPublicKey, verify: (...given) => verify(...given.slice(0, 4)) };
  };`;
// What is measured is measured in the threads too; the rest of the process' own arguments would only make them start later.
const measured = process.execArgv.filter((argument) => /^--cpu-prof($|.*=)/.test(argument));
const execArgv = [...measured, '--import', `data:text/javascript,${encodeURIComponent(prepared)}`];

/** The SDK starts the threads of workflows by this class. */
Object.assign(threads, {
  Worker: new Proxy(threads.Worker, {
    construct: (Thread, given: [string | URL, threads.WorkerOptions?], newTarget) =>
      String(given[0]).includes('workflow-worker-thread')
        ? new WatchedThread(...given)
        : (Reflect.construct(Thread, given, newTarget) as threads.Worker),
  }),
});

/** With a callback it would answer at no fixed moment. */
type Synchronous = [algorithm: undefined, data: Uint8Array, key: KeyObject, signature: Uint8Array];

// Histories are replayed in this thread, whose own errors have their lines already.
const sdk = require(sdkFile) as { -readonly [Name in keyof typeof VmShared]: (typeof VmShared)[Name] };
Object.assign(sdk.globalHandlers, { installed: true, promiseHookInstalled: true });
const { injectGlobals } = sdk;
sdk.injectGlobals = (context) => {
  injectGlobals(context);
  context[sandboxCrypto] = { createPublicKey, verify: (...given: Synchronous) => verify(...given) };
};
