/**
 * The life of one worker process: it starts, says in one sentence what is wrong, serves for as long as it may, and ends on
 * SIGINT or SIGTERM with its work finished. It outlives Temporal: when the server goes away, it comes back with it.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  type NativeConnection,
  type Worker,
} from '@temporalio/worker';
import { startHealth } from '../activities/platform/health.js';
import { createLog, type Log, type LogLevel } from '../activities/platform/log.js';
import { connectWorker } from '../activities/platform/temporal.js';

export interface Life {
  readonly log: Log;
  /** Aborts when the process is asked to end. */
  readonly stop: AbortSignal;
  /** What is not there yet; the process is ready when it is empty. Holds `start` until the body takes it out. */
  readonly waitsFor: Set<string>;
}

export interface Settings {
  DAYPASS_LOG_LEVEL: LogLevel;
  DAYPASS_HEALTH_PORT: number;
}

/** Runs a process from its settings to its end. Sets the exit code; a wrong setting is one sentence on standard error. */
export async function run<S extends Settings>(
  name: string,
  settings: () => S,
  body: (life: Life, settings: S) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  // Every part of a process that waits listens for its end; ten is only where Node begins to warn.
  setMaxListeners(100, stop.signal);
  const end = (): void => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  try {
    const found = settings();
    const life = { log: createLog(name, found.DAYPASS_LOG_LEVEL), stop: stop.signal, waitsFor: new Set(['start']) };
    const health = await startHealth(found.DAYPASS_HEALTH_PORT, () => [...life.waitsFor]);
    const runtime = installRuntime(life.log);
    life.log.info({ health: health.url }, 'started');
    try {
      await body(life, found);
    } finally {
      // Where one part failed, the others are asked to finish too.
      end();
      await health.close();
      // It ends by itself with its last connection; where there was none, it would keep the process alive.
      await runtime.shutdown();
    }
    life.log.info('ended');
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  }
}

export interface Temporal {
  connection: NativeConnection;
  namespace: string;
}

const firstWaitMs = 250;
const longestWaitMs = 5_000;

/** Keeps one worker at work until the process ends, on its own connection; tries again for as long as Temporal is away. */
export async function serve(life: Life, queue: string, create: (temporal: Temporal) => Promise<Worker>): Promise<void> {
  let waitMs = firstWaitMs;
  while (!life.stop.aborted) {
    life.waitsFor.add(queue);
    try {
      const temporal = await connectWorker();
      try {
        const worker = await create(temporal);
        life.waitsFor.delete(queue);
        life.log.info({ queue, namespace: temporal.namespace }, 'serving');
        waitMs = firstWaitMs;
        await worker.runUntil(aborted(life.stop));
      } finally {
        await temporal.connection.close();
      }
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      life.log.warn({ because, queue, nextTryInMs: waitMs }, 'cannot serve');
    }
    await pause(waitMs, life.stop);
    waitMs = Math.min(waitMs * 2, longestWaitMs);
  }
}

/** Waits, or returns at once when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Everything that Temporal's runtime says goes through our log; signals are ours alone to handle. */
function installRuntime(log: Log): Runtime {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;
  const logger = new DefaultLogger('DEBUG', ({ level, message, meta }) => {
    const { error, ...fields } = meta ?? {};
    log[levels[level]]({ ...fields, err: error }, message);
  });
  return Runtime.install({
    logger,
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
    },
  });
}
