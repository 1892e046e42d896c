/** Runs Temporal's development server as a local program, as `temporal-dev.yml` describes it. */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { flagOf, localCommand, type Services } from './compose.js';
import { type Program, runProgram, whenUp } from './program.js';
import { Trouble } from './trouble.js';

/** A configuration file that says nothing; an empty one is no valid one to the SDK. */
export const noConfiguration = fileURLToPath(new URL('no-temporal.toml', import.meta.url));

export interface LocalTemporal {
  address: string;
  namespace: string;
  uiUrl: string;
  program: Program;
}

export interface TemporalOptions {
  services: Services;
  /** The Temporal CLI. */
  command: string;
  port: number;
  uiPort: number;
  state: string;
  /** In memory, about three times as fast: for tests. */
  forget?: boolean;
  onLine?: (line: string) => void;
}

export async function runTemporal(options: TemporalOptions): Promise<LocalTemporal> {
  const { services, command, port, uiPort, state, onLine } = options;
  await mkdir(state, { recursive: true, mode: 0o700 });
  const ports = new Map([
    [7233, port],
    [8233, uiPort],
  ]);
  const args = localCommand(services.temporal, { state, ports }).filter(
    (argument) => !(options.forget === true && argument.startsWith('--db-filename=')),
  );
  const namespace = flagOf(services.temporal, '--namespace');
  const address = `127.0.0.1:${port}`;
  const program = await runProgram({ name: 'Temporal', command, args, env: quietEnv(), ...(onLine ? { onLine } : {}) });
  await whenUp(program, () => answers(address, namespace), 60_000);
  try {
    await keepHistories(command, localCommand(services['temporal-namespace'], { state, ports }));
  } catch (error) {
    await program.stop();
    throw error;
  }
  return { address, namespace, uiUrl: `http://localhost:${uiPort}`, program };
}

/** The server is up when its namespace is. */
export async function answers(address: string, namespace: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 2_000 });
  try {
    await connection.workflowService.describeNamespace({ namespace });
    return true;
  } finally {
    await connection.close();
  }
}

async function keepHistories(command: string, args: string[]): Promise<void> {
  const setting = await runProgram({ name: 'temporal operator namespace update', command, args, env: quietEnv() });
  const { code } = await setting.ended;
  if (code !== 0) throw new Trouble(`Temporal refused the retention: ${setting.lastLines().join(' ')}`);
}

/** The developer's own Temporal settings belong to another server. */
function quietEnv(): NodeJS.ProcessEnv {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')));
  return { ...env, TEMPORAL_CONFIG_FILE: noConfiguration, NO_COLOR: '1' };
}
