/** What `npm start` takes from the environment: other ports, other folders, and services that run elsewhere already. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Trouble } from './trouble.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Port by what listens there: the variable that changes it, and what it is without. */
const portVariables = {
  portal: ['DAYPASS_PORT', 7300],
  provider: ['DAYPASS_PROVIDER_PORT', 7301],
  mail: ['DAYPASS_MAIL_PORT', 7302],
  smtp: ['DAYPASS_SMTP_PORT', 7303],
  temporal: ['DAYPASS_TEMPORAL_PORT', 7233],
  temporalUi: ['DAYPASS_TEMPORAL_UI_PORT', 8233],
  redis: ['DAYPASS_REDIS_PORT', 7379],
  ordersDb: ['ORDERS_DB_PORT', 7432],
} as const satisfies Record<string, readonly [string, number]>;

export type PortName = keyof typeof portVariables;
export type Ports = Record<PortName, number>;

export interface StackSettings {
  ports: Ports;
  /** Data, keys and logs. */
  stateDir: string;
  policyDir: string;
  installation: string;
  logLevel: string;
  /** True where the environment says where the service is: it is used as it is, and not started. */
  elsewhere: { temporal: boolean; redis: boolean; mail: boolean; provider: boolean; zone: boolean };
  env: NodeJS.ProcessEnv;
}

export function stackSettings(env: NodeJS.ProcessEnv): StackSettings {
  const has = (name: string): boolean => (env[name] ?? '') !== '';
  const elsewhere = {
    temporal: has('TEMPORAL_ADDRESS') || has('TEMPORAL_PROFILE') || has('TEMPORAL_CONFIG_FILE'),
    redis: has('REDIS_URL'),
    mail: has('SMTP_URL'),
    provider: has('OIDC_ISSUER'),
    zone: has('DAYPASS_ZONE_DIR'),
  };
  if (elsewhere.provider) {
    const missing = ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET_FILE', 'OIDC_AUDIENCE'].filter((name) => !has(name));
    if (missing.length > 0) {
      throw new Trouble(
        `OIDC_ISSUER names a provider of your own, so ${missing.join(' and ')} must be set too; ` +
          'without OIDC_ISSUER the development provider is started.',
      );
    }
  }
  return {
    ports: readPorts(env),
    stateDir: resolve(root, env['DAYPASS_STATE_DIR'] ?? '.daypass'),
    policyDir: resolve(root, env['DAYPASS_POLICY_DIR'] ?? 'policy'),
    installation: env['DAYPASS_INSTALLATION'] ?? 'dev',
    logLevel: env['DAYPASS_LOG_LEVEL'] ?? 'info',
    elsewhere,
    env,
  };
}

export function portVariable(name: PortName): string {
  return portVariables[name][0];
}

function readPorts(env: NodeJS.ProcessEnv): Ports {
  const taken = new Map<number, string>();
  const read = (name: PortName): number => {
    const [variable, usual] = portVariables[name];
    const text = env[variable] ?? '';
    const port = text === '' ? usual : Number(text);
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new Trouble(`${variable} is "${text}", which is no port: give a number from 1 to 65535, or leave it out.`);
    }
    const other = taken.get(port);
    if (other !== undefined) throw new Trouble(`${variable} and ${other} are both ${port}: give one another port.`);
    taken.set(port, variable);
    return port;
  };
  return {
    portal: read('portal'),
    provider: read('provider'),
    mail: read('mail'),
    smtp: read('smtp'),
    temporal: read('temporal'),
    temporalUi: read('temporalUi'),
    redis: read('redis'),
    ordersDb: read('ordersDb'),
  };
}
