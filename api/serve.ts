/** Puts the API and the pages together from their settings: the one place where all parts are made. */
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { createCodec } from '../activities/platform/codec.js';
import type { ApiConfig } from '../activities/platform/config.js';
import { openCredential } from '../activities/platform/jwe.js';
import {
  readCodecKeys,
  readCredentialKey,
  readSecret,
  readSigningKey,
  readSigningKeys,
  watchReceiptKeys,
  watchSigningKeys,
} from '../activities/platform/keys.js';
import type { Log } from '../activities/platform/log.js';
import { connectRedis } from '../activities/platform/redis.js';
import { lazyClient } from '../activities/platform/temporal.js';
import { watchPolicy } from '../activities/policy/load.js';
import { grantWorkflowId } from '../workflows/ids.js';
import { createApp } from './app.js';
import { createAudit } from './audit/audit.js';
import { createChains } from './audit/chains.js';
import { createGrants } from './grants.js';
import { readBearer } from './identity/bearer.js';
import { createCsrf } from './identity/csrf.js';
import { checkIssuer, createOidc } from './identity/oidc.js';
import { createSealer } from './identity/seal.js';
import { createSessions } from './identity/session.js';
import { createSignOuts } from './identity/sign-outs.js';
import { createNonces } from './identity/nonces.js';
import { createWebauthn } from './identity/webauthn.js';
import { createJournal } from './journal.js';
import { createLimits } from './limits.js';
import { createLive } from './live.js';
import { createPeople } from './people.js';
import { whyNotPublished } from './published.js';
import { createSigner } from './sign.js';
import { uiPath } from './temporal/ui.js';

export interface RunningApi {
  url: string;
  close(): Promise<void>;
}

/** Serves until `close`. Temporal, Redis and the identity provider may come later, and go and come back. */
export async function startApi(config: ApiConfig, log: Log): Promise<RunningApi> {
  checkIssuer(config.OIDC_ISSUER);
  const codecKeys = await readCodecKeys(config.DAYPASS_CODEC_KEYS_FILE);
  const sessionKey = await readSecret(config.DAYPASS_SESSION_KEY_FILE);
  const signingKey = await readSigningKey(config.DAYPASS_SIGNING_KEY_FILE);
  const because = whyNotPublished(signingKey, await readSigningKeys(config.DAYPASS_API_KEYS_FILE));
  if (because) throw new Error(because);
  const credentialKey = await readCredentialKey(config.DAYPASS_CREDENTIAL_KEY_FILE);
  const clientSecret = (await readFile(config.OIDC_CLIENT_SECRET_FILE, 'utf8')).trim();
  const portalUrl = config.DAYPASS_PORTAL_URL;
  const installation = config.DAYPASS_INSTALLATION;
  const policy = watchPolicy(config.DAYPASS_POLICY_DIR, log);
  const apiKeys = watchSigningKeys(config.DAYPASS_API_KEYS_FILE, log);
  const unpublished = (): string | undefined => whyNotPublished(signingKey, apiKeys.current());
  // Ending what is there is believed without a signature, so the process goes on.
  apiKeys.onChange(() => log[unpublished() ? 'error' : 'info']({ because: unpublished() }, 'published keys changed'));
  const sealKeys = watchSigningKeys(config.DAYPASS_SEAL_KEYS_FILE, log);
  const receiptKeys = watchReceiptKeys(config.DAYPASS_RECEIPT_KEYS_FILE, log);

  const redis = connectRedis(config.REDIS_URL, log);
  const subscriber = connectRedis(config.REDIS_URL, log);
  const client = lazyClient({ keys: codecKeys });
  const sealer = createSealer(sessionKey);
  const oidc = createOidc(
    { issuer: config.OIDC_ISSUER, clientId: config.OIDC_CLIENT_ID, clientSecret, portalUrl },
    sealer,
  );
  const bearers = { issuer: config.OIDC_ISSUER, audience: config.OIDC_AUDIENCE, keys: oidc.keys };
  const grants = createGrants({
    client,
    codec: createCodec(codecKeys, 'throw'),
    onForeign: (workflowId, because) => log.warn({ workflowId, because }, 'not shown as a grant'),
  });
  const live = createLive(subscriber, redis);
  const signOuts = createSignOuts(redis, sessionKey);
  live.onSignOut((message) => signOuts.heard(message));
  // Before anybody signs in, where that can be, so that a Redis that was wiped asks as few as possible to sign in again.
  redis.on('ready', () => void signOuts.begin().catch(() => log.warn('sign-outs cannot be kept in Redis just now')));
  const journal = createJournal({ client, installation, key: signingKey });
  const uiUpstream = config.DAYPASS_TEMPORAL_UI_URL;
  const signer = createSigner(installation, signingKey);
  const people = createPeople({ client, installation, apiKeys: () => apiKeys.current(), log });

  const { app } = createApp({
    portalUrl,
    published: {
      signing: () => apiKeys.current(),
      seals: () => sealKeys.current(),
      receipts: () => receiptKeys.current(),
    },
    temporal: { upstream: uiUpstream, namespace: client.options.namespace },
    journal,
    audit: createAudit({
      chains: createChains(client),
      journal,
      sealer,
      key: signingKey,
      installation,
      portalUrl,
      now: Date.now,
    }),
    grants,
    live,
    log,
    sealer,
    oidc,
    policy: () => policy.current(),
    passkeys: createWebauthn({ people, signer, nonces: createNonces(sessionKey), installation, portalUrl, log }),
    signer,
    openCredential: (sealed) => openCredential(sealed, credentialKey),
    temporalUi: (grantId) =>
      uiUpstream &&
      new URL(
        `${uiPath}/namespaces/${client.options.namespace}/workflows/${encodeURIComponent(grantWorkflowId(grantId))}`,
        portalUrl,
      ).href,
    sessions: createSessions(sealer, { secure: portalUrl.startsWith('https:') }),
    signOuts,
    csrf: createCsrf(sessionKey),
    limits: createLimits(redis),
    readBearer: (token) => readBearer(token, bearers),
    codec: createCodec(codecKeys, 'throw'),
    checks: {
      temporal: { ask: () => grants.ping(), required: true },
      // Without it limits count per process and widening needs a fresh sign-in; nothing stops.
      redis: { ask: () => redis.ping(), required: false },
    },
  });

  // Whoever sends slowly is let go; answers may take as long as they take, since live views and waiting calls do.
  const server = createServer(
    {
      requestTimeout: 30_000,
      headersTimeout: 10_000,
      // Node would look every 30 s, and let go as much later.
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 32_768,
    },
    app,
  );
  const close = async (): Promise<void> => {
    live.close();
    server.closeIdleConnections();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // Live views and waiting calls would hold the process; their callers come back by themselves.
    setTimeout(() => server.closeAllConnections(), 1_000).unref();
    await closed;
    policy.close();
    for (const keys of [apiKeys, sealKeys, receiptKeys]) keys.close();
    redis.disconnect();
    subscriber.disconnect();
    await client.connection.close();
  };
  try {
    const url = await listen(server, config);
    log.info({ url, portalUrl }, 'serving');
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server: Server, { DAYPASS_HOST: host, DAYPASS_PORT: port }: ApiConfig): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, { host, port })));
    server.listen(port, host, () => {
      const address = server.address();
      const taken = typeof address === 'object' && address !== null ? address.port : port;
      resolve(`http://${host}:${taken}`);
    });
  });
}

/** What keeps the portal from being served there, and the way out. */
export function listenError(error: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new Error(`Port ${port} is taken, so the portal cannot be served there; set DAYPASS_PORT to a free one.`);
    case 'EACCES':
      return new Error(
        `This user may not open port ${port}, so the portal cannot be served there; set DAYPASS_PORT to one above 1023.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`${host} is no address of this machine; set DAYPASS_HOST to one that is.`);
    default:
      return error;
  }
}
