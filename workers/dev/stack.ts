/** The whole system for development: starts it, says where everything is, and stops exactly what it started. */
import { chmod, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Layers, type Part } from './layers.js';
import { openLogs } from './logs.js';
import { developmentKeys } from './keys.js';
import { freePorts } from './ports.js';
import { type Addresses, type OwnProcess, ownProcesses } from './processes.js';
import { lastWords, type Program, runProgram, whenUp } from './program.js';
import { forgetStack, rememberStack } from './running.js';
import { mustBeAlone, portsMustBeFree } from './preconditions.js';
import { startServices } from './services.js';
import { type StackSettings, stackSettings } from './settings.js';
import { Trouble } from './trouble.js';
import { zoneFolder } from './zone.js';

export interface StackOptions {
  /** `process.env` unless told otherwise. */
  env?: NodeJS.ProcessEnv;
  /** Hears what is going on, a line at a time. */
  tell: (line: string) => void;
  /** Stops the start halfway. */
  signal?: AbortSignal;
}

export interface Stack {
  addresses: Addresses;
  settings: StackSettings;
  logs: string;
  /** Settles when a part ended by itself: the rest is to be stopped then. */
  died: Promise<Trouble>;
  /** Stopping twice is stopping once. */
  stop(): Promise<void>;
}

/** Mocha loads TypeScript as CommonJS, where `import.meta.resolve` is missing. */
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

const ownNames = ['decisions', 'connectors', 'api'];
/** Workers finish what they have in hand. */
const stopWithinMs = 20_000;

export async function startStack(options: StackOptions): Promise<Stack> {
  const { tell, signal } = options;
  const settings = stackSettings(options.env ?? process.env);
  // Others pass through and see nothing: as root, PostgreSQL runs as another user, below this folder.
  await mkdir(settings.stateDir, { recursive: true });
  await chmod(settings.stateDir, 0o711);
  await mustBeAlone(settings.stateDir);
  await portsMustBeFree(settings);
  const keys = await developmentKeys(join(settings.stateDir, 'keys'));
  const logs = await openLogs(join(settings.stateDir, 'logs'), ['temporal', 'redis', 'postgres', ...ownNames], tell);
  const layers = new Layers();
  const { died, watch, stopping } = watching();
  const stop = once(async () => {
    stopping();
    logs.hush();
    await layers.stop().finally(async () => {
      await forgetStack(settings.stateDir);
      await logs.close();
    });
  });
  try {
    const services = await startServices({ settings, keys, layers, logs, tell, watch, ...(signal && { signal }) });
    signal?.throwIfAborted();
    const [decisions = 0, connectors = 0] = await freePorts(2);
    const healthPorts = { decisions, connectors };
    const zoneDir = await zoneFolder(settings);
    const all = ownProcesses({ settings, keys, ...services, zoneDir, healthPorts });
    tell('Starting Daypass: two workers and the API.');
    const starting = (api: boolean): Promise<Part>[] =>
      all.filter(({ name }) => (name === 'api') === api).map((own) => startOwn(own, logs.of(own.name), watch));
    // The API stops first, so that nothing is accepted that nobody works on.
    await layers.add(starting(false), starting(true));
    signal?.throwIfAborted();
    await rememberStack(settings.stateDir, services.addresses);
    return { addresses: services.addresses, settings, logs: logs.folder, died, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startOwn(
  own: OwnProcess,
  onLine: (line: string) => void,
  watch: (program: Program) => void,
): Promise<Part> {
  const program = await runProgram({
    name: own.name,
    command: process.execPath,
    args: ['--enable-source-maps', '--import', tsx, own.file],
    env: own.env,
    onLine,
  });
  await whenUp(program, async () => (await fetch(own.ready, { signal: AbortSignal.timeout(2_000) })).ok, 90_000);
  watch(program);
  return { name: own.name, stop: () => program.stop(stopWithinMs) };
}

/** Tells the first program that ends although nobody stopped it. */
function watching() {
  let stopped = false;
  let tellDeath: (trouble: Trouble) => void;
  const died = new Promise<Trouble>((resolve) => (tellDeath = resolve));
  return {
    died,
    stopping: () => void (stopped = true),
    watch: (program: Program) =>
      void program.ended.then(({ code, signal }) => {
        if (stopped) return;
        const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
        tellDeath(
          new Trouble(
            `${program.name} ended by itself (${how}), so everything is stopped. It said last: ${lastWords(program)}`,
          ),
        );
      }),
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
