/** Looks at services that run elsewhere before anything is started on them: they are used as they are, and never changed. */
import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Services } from './compose.js';
import { Trouble } from './trouble.js';

export interface ConfiguredTemporal {
  address: string;
  namespace: string;
}

/** Refuses with one sentence when it cannot be reached or lacks a search attribute. */
export async function checkTemporal(services: Services, env: NodeJS.ProcessEnv): Promise<ConfiguredTemporal> {
  const configured = loadClientConnectConfig({ overrideEnvVars: defined(env) });
  const namespace = configured.namespace ?? 'default';
  const address = configured.connectionOptions.address ?? 'localhost:7233';
  let connection: Connection;
  try {
    connection = await Connection.connect({ ...configured.connectionOptions, address, connectTimeout: 5_000 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Trouble(
      `Temporal does not answer at ${address} (${why}): start it, correct TEMPORAL_ADDRESS, or unset it to have one started.`,
      { cause: error },
    );
  }
  try {
    const { customAttributes = {} } = await connection.operatorService.listSearchAttributes({ namespace });
    const wanted = services.temporal.command
      .filter((argument) => argument.startsWith('--search-attribute='))
      .map((argument) => argument.slice('--search-attribute='.length).split('='));
    const missing = wanted.filter(([name = '']) => customAttributes?.[name] === undefined);
    if (missing.length === 0) return { address, namespace };
    const flags = missing.map(([name, type]) => `--name ${name} --type ${type}`).join(' ');
    throw new Trouble(
      `The namespace ${namespace} of Temporal at ${address} lacks search attributes; add them with: ` +
        `temporal operator search-attribute create --address ${address} --namespace ${namespace} ${flags}`,
    );
  } finally {
    await connection.close();
  }
}

function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
