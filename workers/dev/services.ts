/** What Daypass stands on in development: each service is started here, or used where the environment says it is. */
import { join } from 'node:path';
import { readCompose, type Services } from './compose.js';
import { checkTemporal } from './configured.js';
import { findRedis } from './find-redis.js';
import { findTemporal } from './find-temporal.js';
import type { DevKeys } from './keys.js';
import type { Layers, Part } from './layers.js';
import type { Logs } from './logs.js';
import { startMail } from './mail/mail.js';
import { makeOrdersDb, ordersDatabase } from './orders-db.js';
import { runPostgres } from './postgres.js';
import { type Addresses, defined } from './processes.js';
import type { Program } from './program.js';
import { audience, portalClient } from './provider/configuration.js';
import { startProvider } from './provider/provider.js';
import { runRedis } from './redis.js';
import type { StackSettings } from './settings.js';
import { noConfiguration, runTemporal } from './temporal.js';

export interface ServicesOptions {
  settings: StackSettings;
  keys: DevKeys;
  layers: Layers;
  logs: Logs;
  tell: (line: string) => void;
  watch: (program: Program) => void;
  signal?: AbortSignal;
}

export interface StartedServices {
  addresses: Addresses;
  temporalEnv: Record<string, string>;
  provider: { clientId: string; clientSecretFile: string; audience: string };
}

export async function startServices(options: ServicesOptions): Promise<StartedServices> {
  const { settings, keys, layers, tell, signal } = options;
  const { ports, env, elsewhere, policyDir } = settings;
  const compose = await readCompose();
  const portal = `http://localhost:${ports.portal}`;
  const commands = {
    temporal: elsewhere.temporal ? '' : await findTemporal(compose, tell, signal),
    redis: elsewhere.redis ? '' : await findRedis(compose, tell),
  };
  signal?.throwIfAborted();
  const base = { ...options, compose, commands };
  const starting = startTemporal(base);
  await layers.add([starting.then(({ part }) => part), startRedis(base), startOrdersDb(base)]);
  const temporal = await starting;
  await layers.add([
    startHere(!elsewhere.mail, 'mail', () => startMail({ smtp: ports.smtp, page: ports.mail })),
    startHere(!elsewhere.provider, 'provider', () =>
      startProvider({ port: ports.provider, portalUrl: portal, policyDir, secrets: keys.provider }),
    ),
  ]);
  return {
    temporalEnv: temporal.env,
    addresses: {
      portal,
      docs: `${portal}/docs`,
      issuer: env['OIDC_ISSUER'] ?? `http://localhost:${ports.provider}`,
      temporal: temporal.at,
      ...(temporal.ui !== undefined && { temporalUi: temporal.ui }),
      redis: env['REDIS_URL'] ?? `redis://127.0.0.1:${ports.redis}`,
      smtp: env['SMTP_URL'] ?? `smtp://127.0.0.1:${ports.smtp}`,
      ...(!elsewhere.mail && { mail: `http://localhost:${ports.mail}` }),
      ...(!elsewhere.zone && { ordersDb: { host: 'localhost', port: ports.ordersDb, database: ordersDatabase } }),
    },
    provider: elsewhere.provider
      ? {
          clientId: env['OIDC_CLIENT_ID'] ?? '',
          clientSecretFile: env['OIDC_CLIENT_SECRET_FILE'] ?? '',
          audience: env['OIDC_AUDIENCE'] ?? '',
        }
      : { clientId: portalClient, clientSecretFile: keys.files.portalSecret, audience },
  };
}

interface Base extends ServicesOptions {
  compose: Services;
  /** The programs; empty where the service is elsewhere. */
  commands: { temporal: string; redis: string };
}

interface StartedTemporal {
  at: Addresses['temporal'];
  env: Record<string, string>;
  ui?: string;
  part?: Part;
}

async function startTemporal(base: Base): Promise<StartedTemporal> {
  const { settings, compose, commands, logs, tell, watch } = base;
  if (settings.elsewhere.temporal) {
    const at = await checkTemporal(compose, settings.env);
    tell(`Using Temporal at ${at.address}, namespace ${at.namespace}.`);
    const all = Object.entries(defined(settings.env));
    const ui = settings.env['DAYPASS_TEMPORAL_UI_URL'];
    return {
      at,
      env: Object.fromEntries(all.filter(([name]) => name.startsWith('TEMPORAL_'))),
      ...(ui !== undefined && { ui }),
    };
  }
  tell('Starting Temporal.');
  const { address, namespace, uiUrl, program } = await runTemporal({
    services: compose,
    command: commands.temporal,
    port: settings.ports.temporal,
    uiPort: settings.ports.temporalUi,
    state: join(settings.stateDir, 'temporal'),
    onLine: logs.of('temporal'),
  });
  watch(program);
  return {
    at: { address, namespace },
    // The developer's own configuration file is for another server.
    env: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, TEMPORAL_CONFIG_FILE: noConfiguration },
    ui: uiUrl,
    part: { name: 'temporal', stop: () => program.stop() },
  };
}

async function startRedis({ settings, compose, commands, logs, tell, watch }: Base): Promise<Part | undefined> {
  if (settings.elsewhere.redis) {
    tell('Using Redis where REDIS_URL says.');
    return undefined;
  }
  tell('Starting Redis.');
  const { program } = await runRedis({
    services: compose,
    command: commands.redis,
    port: settings.ports.redis,
    state: join(settings.stateDir, 'redis'),
    onLine: logs.of('redis'),
  });
  watch(program);
  return { name: 'redis', stop: () => program.stop() };
}

async function startOrdersDb({ settings, compose, keys, logs, tell, watch }: Base): Promise<Part | undefined> {
  if (settings.elsewhere.zone) {
    tell('Using the targets of DAYPASS_ZONE_DIR; the example database is not started.');
    return undefined;
  }
  tell('Starting PostgreSQL with the example database.');
  const server = await runPostgres({
    services: compose,
    port: settings.ports.ordersDb,
    state: join(settings.stateDir, 'postgres'),
    password: keys.postgres,
    onLine: logs.of('postgres'),
  });
  try {
    await makeOrdersDb(server, keys.provisioner);
  } catch (error) {
    await server.program.stop();
    throw error;
  }
  watch(server.program);
  return { name: 'postgres', stop: () => server.program.stop() };
}

async function startHere(
  here: boolean,
  name: string,
  start: () => Promise<{ stop(): Promise<void> }>,
): Promise<Part | undefined> {
  if (!here) return undefined;
  const { stop } = await start();
  return { name, stop };
}
