/** Runs the development identity provider: OpenID Connect as in production, with the accounts of the directory. */
import express from 'express';
import type Provider from 'oidc-provider';
import { type Directory, readDirectory } from '../directory.js';
import { listenOnLoopback } from '../listen.js';
import { onlyLoopbackNames, strictHeaders, stylesheet } from '../page.js';
import { callbackPath, configuration, type ProviderOptions, type ProviderSecrets } from './configuration.js';
import { signIn } from './sign-in.js';

export interface RunningProvider {
  issuer: string;
  stop(): Promise<void>;
}

export async function startProvider(options: {
  port: number;
  portalUrl: string;
  policyDir: string;
  secrets: ProviderSecrets;
}): Promise<RunningProvider> {
  const { port, portalUrl, policyDir, secrets } = options;
  const issuer = `http://localhost:${port}`;
  const first = await readDirectory(policyDir);
  const with_: ProviderOptions = { portalUrl, secrets, directory: keepingLastGood(policyDir, first) };
  const provider = await createProvider(issuer, with_, first);
  const app = express();
  app.disable('x-powered-by');
  app.use(onlyLoopbackNames, strictHeaders([new URL(portalUrl).origin]));
  app.get('/dev.css', stylesheet);
  app.use(signIn(provider, with_));
  app.use(provider.callback());
  const { stop } = await listenOnLoopback(app, port);
  return { issuer, stop };
}

/** People who join or leave the directory join or leave here; a file that cannot be read changes nothing. */
function keepingLastGood(policyDir: string, first: Directory): () => Promise<Directory> {
  let lastGood = first;
  return async () => (lastGood = await readDirectory(policyDir).catch(() => lastGood));
}

async function createProvider(issuer: string, options: ProviderOptions, directory: Directory): Promise<Provider> {
  const { default: Provider } = await withoutNotices(() => import('oidc-provider'));
  const provider = await withoutNotices(async () => new Provider(issuer, configuration(options, directory)));
  const client = provider.Client.prototype;
  const exactly = client.redirectUriAllowed;
  // The portal of a test takes whatever port is free. The code is of no use without its secret and PKCE verifier.
  client.redirectUriAllowed = function (uri) {
    return exactly.call(this, uri) || (exactly.call(this, portalCallback(options)) && isPortalCallback(uri));
  };
  return provider;
}

function portalCallback({ portalUrl }: ProviderOptions): string {
  return new URL(callbackPath, portalUrl).href;
}

function isPortalCallback(uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(uri);
  return protocol === 'http:' && hostname === 'localhost' && pathname === callbackPath && search === '' && hash === '';
}

/** The library tells deployers to use Node 22 and a lasting store; this provider is for development and forgets. */
async function withoutNotices<T>(work: () => Promise<T>): Promise<T> {
  const { console } = globalThis;
  const { info, warn } = console;
  Object.assign(console, { info: () => undefined, warn: () => undefined });
  try {
    return await work();
  } finally {
    Object.assign(console, { info, warn });
  }
}
