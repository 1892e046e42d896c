/** How the development identity provider behaves: a real OpenID Connect provider with the accounts of the directory. */
import type { ClientMetadata, Configuration, JWK, KoaContextWithOIDC } from 'oidc-provider';
import type { Directory, Person } from '../directory.js';
import { Html, html, page } from '../page.js';

/** The API: what access tokens are for. */
export const audience = 'urn:daypass:api';
export const portalClient = 'daypass-portal';
/** Prints tokens for people on the command line: a public client, code and PKCE; nothing listens at its redirect. */
export const cliClient = 'daypass-cli';
export const cliRedirect = 'http://localhost/token';
/** Where the portal takes the code. */
export const callbackPath = '/sign-in/callback';

export interface ProviderSecrets {
  /** Private ES256 JWK. */
  signingKey: JWK;
  cookieKey: string;
  portalSecret: string;
  /** The secret of a service's client. */
  serviceSecret(clientId: string): string;
}

export interface ProviderOptions {
  portalUrl: string;
  secrets: ProviderSecrets;
  directory: () => Promise<Directory>;
}

const tokenSeconds = 600;
const sessionSeconds = 8 * 3600;

export function clients({ portalUrl, secrets }: ProviderOptions, directory: Directory): ClientMetadata[] {
  const es256 = { id_token_signed_response_alg: 'ES256' } as const;
  return [
    {
      ...es256,
      client_id: portalClient,
      client_name: 'Daypass',
      client_secret: secrets.portalSecret,
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: [new URL(callbackPath, portalUrl).href],
      post_logout_redirect_uris: [new URL('/', portalUrl).href, new URL(portalUrl).origin],
      require_auth_time: true,
    },
    {
      ...es256,
      client_id: cliClient,
      client_name: 'Daypass on the command line',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: [cliRedirect],
      require_auth_time: true,
    },
    ...directory.services.map(({ id, name, clientId }): ClientMetadata => ({
      ...es256,
      client_id: clientId,
      client_name: name ?? id,
      client_secret: secrets.serviceSecret(clientId),
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    })),
  ];
}

export function configuration(options: ProviderOptions, directory: Directory): Configuration {
  const { secrets } = options;
  return {
    clients: clients(options, directory),
    jwks: { keys: [secrets.signingKey] },
    cookies: {
      keys: [secrets.cookieKey],
      // Cookies ignore ports: these names must not meet the portal's.
      names: { session: 'provider_session', interaction: 'provider_interaction', resume: 'provider_resume' },
      long: { signed: true, httpOnly: true, sameSite: 'lax' },
      short: { signed: true, httpOnly: true, sameSite: 'lax' },
    },
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: {
      openid: ['sub', 'auth_time', 'amr'],
      profile: ['name'],
      email: ['email'],
      groups: ['groups'],
    },
    // The portal reads everything from the ID token; it keeps no access token.
    conformIdTokenClaims: false,
    async findAccount(_ctx, id) {
      const person = await personOf(options, id);
      return person && { accountId: id, claims: () => statedOf(person) };
    },
    // Everyone here is a first party: nothing to consent to.
    async loadExistingGrant(ctx) {
      const { client, session, provider } = ctx.oidc;
      if (client === undefined || session?.accountId === undefined) return undefined;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid profile email groups');
      grant.addResourceScope(audience, 'api');
      await grant.save();
      return grant;
    },
    async extraTokenClaims(ctx, token) {
      if (token.kind !== 'AccessToken') return undefined;
      const person = await personOf(options, token.accountId);
      const code = ctx.oidc.entities.AuthorizationCode;
      return person && { ...statedOf(person), auth_time: code?.authTime, amr: code?.amr };
    },
    renderError(ctx, { error, error_description: description = '' }) {
      ctx.type = 'html';
      ctx.body = page(
        'Refused',
        html`<h1>The provider refused</h1>
          <p>${description}</p>
          <p class="soft">${error}</p>`,
      );
    },
    pkce: { required: () => true },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource },
      resourceIndicators: {
        enabled: true,
        // The portal wants to know who someone is; the others want to call the API.
        defaultResource: (_ctx, client) => (client?.clientId === portalClient ? [] : audience),
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: 'api',
          audience: resource,
          accessTokenTTL: tokenSeconds,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    ttl: {
      AccessToken: tokenSeconds,
      AuthorizationCode: 60,
      ClientCredentials: tokenSeconds,
      Grant: sessionSeconds,
      IdToken: tokenSeconds,
      Interaction: 3600,
      Session: sessionSeconds,
    },
  };
}

export async function personOf({ directory }: ProviderOptions, id: string): Promise<Person | undefined> {
  return (await directory()).people.find((person) => person.id === id);
}

function statedOf(person: Person) {
  return { sub: person.id, name: person.name, email: person.email, groups: person.groups };
}

/** Asks before it signs out: any page could have sent the browser here. */
function logoutSource(ctx: KoaContextWithOIDC, form: string): void {
  ctx.body = page(
    'Sign out',
    html`<h1>Sign out of the development provider?</h1>
      ${new Html(form)}
      <ul class="list">
        <li><button class="card" type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button></li>
        <li><button class="card" type="submit" form="op.logoutForm">Stay signed in here</button></li>
      </ul>`,
  );
}
