/** Sign-in by OpenID Connect: authorization code with PKCE, state and nonce; the browser carries all of them, sealed. */
import * as oidc from 'openid-client';
import { z } from 'zod';
import type { SignIn } from '../../workflows/domain/evidence.js';
import { Problem } from '../problem.js';
import { methods, names, remoteKeys, signInTimeOf } from './bearer.js';
import type { JWTVerifyGetKey } from 'jose';
import type { Sealer } from './seal.js';

/** How long someone may take at the provider. */
export const signInLongestMs = 10 * 60_000;

export interface OidcOptions {
  issuer: string;
  clientId: string;
  clientSecret: string;
  portalUrl: string;
}

export interface SignedIn {
  /** The provider's `sub`: the id of a person in the directory. */
  person: string;
  signIn: SignIn;
  returnTo: string;
}

export interface Oidc {
  /** Where to send the browser, and what it must bring back. */
  begin(returnTo: string): Promise<{ url: string; sealed: string }>;
  /** Who came back. Throws `unauthenticated` unless everything fits together. */
  finish(callback: URL, sealed: string | undefined): Promise<SignedIn>;
  /** The provider's keys, for bearer tokens. */
  keys: JWTVerifyGetKey;
}

const pendingShape = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), returnTo: z.string() });

export function createOidc(options: OidcOptions, sealer: Sealer): Oidc {
  const redirectUri = new URL('/sign-in/callback', options.portalUrl).href;
  const discover = rememberSuccess(() => discovery(options));
  const remote = rememberSuccess(async () => {
    const { jwks_uri: uri } = (await discover()).serverMetadata();
    if (uri === undefined) throw new Error('The identity provider names no keys (jwks_uri).');
    return remoteKeys(uri);
  });

  return {
    begin: async (returnTo) => {
      const config = await discover().catch(unreachable);
      const pending = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        verifier: oidc.randomPKCECodeVerifier(),
        returnTo,
      };
      const url = oidc.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: 'openid profile groups',
        code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
        state: pending.state,
        nonce: pending.nonce,
        // Always asked for: otherwise signing out here would be undone by the provider's own memory of the browser,
        // and "sign in again" would prove nothing.
        prompt: 'login',
      });
      return { url: url.href, sealed: await sealer.seal('sign-in', pending, signInLongestMs) };
    },

    finish: async (callback, sealed) => {
      const opened = sealed === undefined ? undefined : await sealer.open('sign-in', sealed);
      const pending = pendingShape.safeParse(opened);
      if (!pending.success) {
        throw new Problem(
          'unauthenticated',
          'This sign-in was not begun in this browser, or took too long; sign in again.',
        );
      }
      const { state, nonce, verifier, returnTo } = pending.data;
      const config = await discover().catch(unreachable);
      // The registered address, not the one of the Host header: that one is the sender's to choose.
      const current = new URL(redirectUri);
      current.search = callback.search;
      const claims = await oidc
        .authorizationCodeGrant(config, current, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        })
        .then((tokens) => tokens.claims())
        .catch((error: unknown) => {
          throw new Problem('unauthenticated', 'The identity provider did not confirm the sign-in; sign in again.', {
            cause: error,
          });
        });
      if (!claims) throw new Problem('unauthenticated', 'The identity provider did not say who signed in.');
      const time = signInTimeOf(claims['auth_time'], claims.iat);
      if (time === undefined) {
        throw new Problem('unauthenticated', 'The identity provider says that you will sign in later; ask its owner.');
      }
      return {
        person: claims.sub,
        returnTo,
        signIn: { time, methods: methods(claims['amr']), groups: names(claims['groups']) },
      };
    },

    keys: async (header, token) => (await remote())(header, token),
  };
}

async function discovery({ issuer, clientId, clientSecret }: OidcOptions): Promise<oidc.Configuration> {
  const url = new URL(issuer);
  const config = await oidc.discovery(
    url,
    clientId,
    { client_secret: clientSecret, id_token_signed_response_alg: 'ES256' },
    oidc.ClientSecretPost(clientSecret),
    {
      // Its signature is checked as well: who signed in does not rest on the line to the provider alone.
      execute: [oidc.enableNonRepudiationChecks, ...(url.protocol === 'http:' ? [oidc.allowInsecureRequests] : [])],
      timeout: 5,
    },
  );
  return config;
}

/** Throws unless codes and tokens travel by https, or never leave this machine. */
export function checkIssuer(issuer: string): void {
  const { protocol, hostname } = new URL(issuer);
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback)) return;
  throw new Error(`OIDC_ISSUER is ${issuer}, but only https is safe there; http is accepted for localhost alone.`);
}

function unreachable(cause: unknown): never {
  throw new Problem('identity-unavailable', 'The identity provider cannot be reached; try again soon.', {
    cause,
    retryAfterSeconds: 5,
  });
}

/** One call at a time; a failure is forgotten, so that the next caller tries again. */
function rememberSuccess<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
}
