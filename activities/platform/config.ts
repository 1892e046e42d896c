/**
 * The settings of each process, from the environment, checked once at start. The only reader of `process.env`.
 * Temporal's own settings (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, TLS, ...) are read by `@temporalio/envconfig`.
 */
import { z } from 'zod';

const file = z.string().min(1);
const url = z.url({ error: 'must be a URL' });

const common = z.object({
  /** Names this installation at targets, so that another one's accounts are never touched. */
  DAYPASS_INSTALLATION: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/, 'must be 1 to 20 of a-z, 0-9 and -, starting with a letter'),
  /** JSON: `{ "current": "<id>", "keys": { "<id>": "<32 bytes, base64>" } }` */
  DAYPASS_CODEC_KEYS_FILE: file,
  DAYPASS_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  /** Where this process serves `/health/*` and `/metrics`; 0 picks a free port. The API serves them itself. */
  DAYPASS_HEALTH_PORT: z.coerce.number().int().min(0).max(65535).default(0),
});

const policyHolder = z.object({
  DAYPASS_POLICY_DIR: file,
  DAYPASS_PORTAL_URL: url,
  REDIS_URL: url,
});

const api = common.extend(policyHolder.shape).extend({
  /** Listens on loopback unless told otherwise. */
  DAYPASS_HOST: z.string().default('localhost'),
  DAYPASS_PORT: z.coerce.number().int().min(0).max(65535).default(7300),
  /** Private Ed25519 JWK that signs requests and widening decisions. */
  DAYPASS_SIGNING_KEY_FILE: file,
  /** Private X25519 JWK that opens credentials. */
  DAYPASS_CREDENTIAL_KEY_FILE: file,
  /** JWK Set of the API's signing keys, as everyone pins it: published, and must hold the key that signs. */
  DAYPASS_API_KEYS_FILE: file,
  /** JWK Sets whose public keys are published beside them, for auditors: of seals and of receipts. */
  DAYPASS_SEAL_KEYS_FILE: file,
  DAYPASS_RECEIPT_KEYS_FILE: file,
  /** 32 bytes, base64: seals the cookie. */
  DAYPASS_SESSION_KEY_FILE: file,
  OIDC_ISSUER: url,
  OIDC_CLIENT_ID: z.string().min(1),
  OIDC_CLIENT_SECRET_FILE: file,
  /** The audience that bearer tokens must name. */
  OIDC_AUDIENCE: z.string().min(1),
  /** The Temporal UI's server, which this API alone reaches; it serves the UI at `/temporal`. */
  DAYPASS_TEMPORAL_UI_URL: url.optional(),
});

const decisions = common.extend(policyHolder.shape).extend({
  /** JWK Set of the API's signing keys. */
  DAYPASS_API_KEYS_FILE: file,
  /** JWK Set of the connectors' receipt keys, each with the `targets` that it may speak for. */
  DAYPASS_RECEIPT_KEYS_FILE: file,
  /** Private Ed25519 JWK that signs the seals of the audit. */
  DAYPASS_SEAL_KEY_FILE: file,
  /** Append-only files of the audit: every record and every seal. */
  DAYPASS_AUDIT_DIR: file,
  /** A new audit file is begun when the present one has so many megabytes, and every day. */
  DAYPASS_AUDIT_FILE_MB: z.coerce.number().int().min(1).max(10_000).default(100),
  /** Files older than this go, once every sink has them. */
  DAYPASS_AUDIT_KEEP_DAYS: z.coerce.number().int().min(1).max(36_500).default(365),
  /** Also sent there, as OCSF events in JSON. */
  DAYPASS_AUDIT_HTTP_URL: url.optional(),
  /** A bearer token for it. */
  DAYPASS_AUDIT_HTTP_TOKEN_FILE: file.optional(),
  /** 32 bytes, base64: authenticates risk baselines in Redis. */
  DAYPASS_RISK_KEY_FILE: file,
  SMTP_URL: url,
  DAYPASS_MAIL_FROM: z.string().default('Daypass <daypass@localhost>'),
  /** A workflow bundle that was built ahead from the same sources; absent: built at start. */
  DAYPASS_WORKFLOW_BUNDLE_FILE: file.optional(),
  /** Names this build to Temporal, which then says when it gets work; absent: it gets work at once. */
  DAYPASS_WORKER_BUILD: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      'must be 1 to 64 of A-Z, a-z, 0-9, ., _ and -, starting with a letter or digit',
    )
    .optional(),
});

const connectors = common.extend({
  DAYPASS_API_KEYS_FILE: file,
  /** Public X25519 JWK of the API: credentials are sealed to it. */
  DAYPASS_CREDENTIAL_PUBLIC_KEY_FILE: file,
  /** One YAML file per target of this trust zone: address, credential reference and ceiling. */
  DAYPASS_ZONE_DIR: file,
  /** Private Ed25519 JWK that signs receipts. */
  DAYPASS_RECEIPT_KEY_FILE: file,
  /** Append-only files of the receipts. */
  DAYPASS_RECEIPTS_DIR: file,
  /** Where people prove their passkeys: assertions for another origin do not count. */
  DAYPASS_PORTAL_URL: url,
});

/** As docs/settings.md has its sections; `common` is part of each of the others. */
export const settingsOf = { common, api, decisions, connectors };

export type ApiConfig = z.infer<typeof api>;
export type DecisionsConfig = z.infer<typeof decisions>;
export type ConnectorsConfig = z.infer<typeof connectors>;

/** Settings of one process. Throws an Error whose message names every wrong or missing setting. */
function read<Shape extends z.ZodObject>(shape: Shape, env: NodeJS.ProcessEnv): z.infer<Shape> {
  const found = shape.safeParse(env);
  if (found.success) return found.data;
  const problems = found.error.issues.map((issue) => {
    const name = issue.path.join('.');
    return env[name] === undefined ? `${name} is not set` : `${name} ${issue.message}`;
  });
  throw new Error(
    `Wrong settings: ${problems.join('; ')}. docs/settings.md lists them all; npm start sets them for development.`,
  );
}

export const apiConfig = (env = process.env): ApiConfig => read(api, env);
export const decisionsConfig = (env = process.env): DecisionsConfig => read(decisions, env);
export const connectorsConfig = (env = process.env): ConnectorsConfig => read(connectors, env);
