/** Our own processes, each with the settings that it may know and no others. */
import { join } from 'node:path';
import type { DevKeys } from './keys.js';
import { root, type StackSettings } from './settings.js';

export interface Addresses {
  portal: string;
  docs: string;
  issuer: string;
  temporal: { address: string; namespace: string };
  /** Where its server is; people come to it by the portal. */
  temporalUi?: string;
  redis: string;
  smtp: string;
  mail?: string;
  ordersDb?: { host: string; port: number; database: string };
}

export interface OwnProcess {
  name: string;
  file: string;
  env: Record<string, string>;
  /** Answers 200 once it can do its work. */
  ready: string;
}

export interface ProcessOptions {
  settings: StackSettings;
  keys: DevKeys;
  addresses: Addresses;
  /** Temporal's own environment configuration. */
  temporalEnv: Record<string, string>;
  zoneDir: string;
  provider: { clientId: string; clientSecretFile: string; audience: string };
  healthPorts: { decisions: number; connectors: number };
}

export function ownProcesses(options: ProcessOptions): OwnProcess[] {
  const { settings, keys, addresses, temporalEnv, provider, healthPorts } = options;
  const common = {
    ...temporalEnv,
    DAYPASS_INSTALLATION: settings.installation,
    DAYPASS_CODEC_KEYS_FILE: keys.files.codec,
    DAYPASS_LOG_LEVEL: settings.logLevel,
  };
  const policyHolder = {
    DAYPASS_POLICY_DIR: settings.policyDir,
    DAYPASS_PORTAL_URL: addresses.portal,
    REDIS_URL: addresses.redis,
  };
  const api = {
    ...common,
    ...policyHolder,
    DAYPASS_PORT: String(settings.ports.portal),
    DAYPASS_SIGNING_KEY_FILE: keys.files.apiSigning,
    DAYPASS_CREDENTIAL_KEY_FILE: keys.files.credential,
    DAYPASS_API_KEYS_FILE: keys.files.apiPublic,
    DAYPASS_SEAL_KEYS_FILE: keys.files.sealPublic,
    DAYPASS_RECEIPT_KEYS_FILE: keys.files.receiptPublic,
    DAYPASS_SESSION_KEY_FILE: keys.files.session,
    OIDC_ISSUER: addresses.issuer,
    OIDC_CLIENT_ID: provider.clientId,
    OIDC_CLIENT_SECRET_FILE: provider.clientSecretFile,
    OIDC_AUDIENCE: provider.audience,
    ...(addresses.temporalUi !== undefined && { DAYPASS_TEMPORAL_UI_URL: addresses.temporalUi }),
  };
  const decisions = {
    ...common,
    ...policyHolder,
    DAYPASS_HEALTH_PORT: String(healthPorts.decisions),
    DAYPASS_API_KEYS_FILE: keys.files.apiPublic,
    DAYPASS_RISK_KEY_FILE: keys.files.risk,
    DAYPASS_RECEIPT_KEYS_FILE: keys.files.receiptPublic,
    DAYPASS_SEAL_KEY_FILE: keys.files.seal,
    DAYPASS_AUDIT_DIR: join(settings.stateDir, 'audit'),
    SMTP_URL: addresses.smtp,
    ...defined({ DAYPASS_WORKFLOW_BUNDLE_FILE: settings.env['DAYPASS_WORKFLOW_BUNDLE_FILE'] }),
  };
  const connectors = {
    // A zone of your own may name any variable.
    ...(settings.elsewhere.zone ? defined(settings.env) : {}),
    ...common,
    DAYPASS_HEALTH_PORT: String(healthPorts.connectors),
    DAYPASS_API_KEYS_FILE: keys.files.apiPublic,
    DAYPASS_CREDENTIAL_PUBLIC_KEY_FILE: keys.files.credentialPublic,
    DAYPASS_ZONE_DIR: options.zoneDir,
    DAYPASS_RECEIPT_KEY_FILE: keys.files.receipt,
    DAYPASS_RECEIPTS_DIR: join(settings.stateDir, 'receipts'),
    DAYPASS_PORTAL_URL: addresses.portal,
    ...(settings.elsewhere.zone
      ? {}
      : { ORDERS_DB_PORT: String(settings.ports.ordersDb), ORDERS_DB_PROVISIONER: keys.provisioner }),
  };
  const of = (name: string, path: string, env: Record<string, string>, health: string): OwnProcess => ({
    name,
    file: join(root, path),
    env: { ...plain(settings.env), ...env },
    ready: `${health}/health/ready`,
  });
  return [
    of('decisions', 'workers/decisions.ts', decisions, `http://localhost:${healthPorts.decisions}`),
    of('connectors', 'workers/connectors.ts', connectors, `http://localhost:${healthPorts.connectors}`),
    of('api', 'api/main.ts', api, addresses.portal),
  ];
}

/** What any program needs from its surroundings, and nothing that anyone may have meant for another. */
function plain(env: NodeJS.ProcessEnv): Record<string, string> {
  const wanted = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'];
  return defined(Object.fromEntries(wanted.map((name) => [name, env[name]])));
}

export function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
