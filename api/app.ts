/** The whole HTTP surface on one screen: what happens to every request, in order, and every route. */
import { randomUUID } from 'node:crypto';
import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { Histogram, register } from 'prom-client';
import type { Audit } from './audit/audit.js';
import { auditRoutes } from './audit/routes.js';
import { createHandlers } from './handlers.js';
import type { HandlerDeps } from './handlers/deps.js';
import type { Csrf } from './identity/csrf.js';
import { refuseCrossSite } from './identity/csrf.js';
import type { Actor } from './identity/actor.js';
import { identify, known, type IdentityOptions } from './identity/identify.js';
import type { Oidc } from './identity/oidc.js';
import { signInRoutes } from './identity/routes.js';
import { createStepUp } from './identity/step-up.js';
import type { Webauthn } from './identity/webauthn.js';
import type { Sessions } from './identity/session.js';
import type { SignOuts } from './identity/sign-outs.js';
import type { Journal } from './journal.js';
import type { Limits } from './limits.js';
import type { Live } from './live.js';
import { answerProblems, Problem } from './problem.js';
import { currentActor, mount, type Route } from './route.js';
import { codecRoutes, type CodecRouteOptions } from './routes/codec.js';
import { decisionRoutes } from './routes/decisions.js';
import { eventRoutes } from './routes/events.js';
import { grantRoutes } from './routes/grants.js';
import { keyRoutes, type KeyRouteOptions } from './routes/keys.js';
import { passkeyRoutes } from './routes/passkeys.js';
import { docs, operationsRoutes, type OperationsOptions } from './routes/operations.js';
import { temporalUi, uiPath, type TemporalUiOptions } from './temporal/ui.js';
import { answerProblemPages } from './web/failures.js';
import { pages } from './web/pages.js';
import { names } from './web/words.js';

export interface AppParts extends Omit<HandlerDeps, 'stillKnown'> {
  portalUrl: string;
  passkeys: Webauthn;
  temporal: Pick<TemporalUiOptions, 'upstream' | 'namespace'>;
  journal: Journal;
  published: KeyRouteOptions['published'];
  audit: Audit;
  live: Live;
  limits: Limits;
  csrf: Csrf;
  oidc: Oidc;
  sessions: Sessions;
  signOuts: SignOuts;
  readBearer: IdentityOptions['readBearer'];
  codec: CodecRouteOptions['codec'];
  checks: OperationsOptions['checks'];
}

export function createApp(parts: AppParts): { app: Express; routes: readonly Route[] } {
  const { portalUrl, passkeys, temporal, journal, limits, sessions, signOuts, csrf, oidc, policy, log } = parts;
  const report = (error: unknown, requestId: string) => log.error({ err: error, requestId }, 'failed');

  const identity = { people: policy, sessions, readBearer: parts.readBearer, signOuts };
  const deps = { ...parts, stillKnown: (actor: Actor) => known(identity, actor) };
  const handlers = createHandlers(deps);
  const stepUp = createStepUp({ webauthn: passkeys, sessions, signOuts, log });
  const routes: Route[] = [
    ...grantRoutes(handlers),
    ...decisionRoutes(handlers),
    ...eventRoutes(deps),
    ...auditRoutes(parts.audit),
    ...codecRoutes(parts),
    ...keyRoutes(parts),
    ...passkeyRoutes({ handlers, webauthn: passkeys, stepUp }),
    ...operationsRoutes({ checks: parts.checks, portalUrl, routes: () => routes }),
  ];
  const site = {
    handlers,
    audit: parts.audit,
    passkeys,
    stepUp,
    csrf,
    portalUrl,
    report,
    nameOf: (ref: string) => knownName(policy().nameOf(ref), ref),
  };

  const app = express();
  // Whose address it is, and whether it came by https, is never taken from headers.
  app.set('trust proxy', false).set('x-powered-by', false).set('etag', false).set('query parser', 'simple');

  app.use(requestId);
  app.use(unconditional);
  app.use(measure(log));
  app.use(securityHeaders(portalUrl));
  // Whoever watches over the process must not be kept out by a flood.
  app.use(/^(?!\/health\/)/, limits.perAddress);
  app.use(refuseCrossSite({ origin: new URL(portalUrl).origin, sendsCookie: sessions.isSent }));
  app.use(identify(identity));
  app.use(limits.perActor);
  app.use('/sign-in', limits.signIns);
  app.post('/v1/grants', limits.asks);
  app.post('/ask', limits.asks);

  mount(app, routes);
  app.use(uiPath, temporalUi({ ...temporal, portalUrl, journal, log }));
  app.use(docs());
  const isActive = (ref: string) => policy().isActive(ref);
  app.use(signInRoutes({ oidc, sessions, signOuts, journal, csrf, portalUrl, isActive, log }));
  app.use(pages(site));
  app.use(noSuchCall);
  app.use(answerProblemPages({ ...site, name: names(site.nameOf), now: Date.now }, report));
  app.use(answerProblems(report));
  return { app, routes };
}

/** A stranger's ref is shown as it is. */
function knownName(name: string, ref: string): string | undefined {
  return name === ref ? undefined : name;
}

const requestId: RequestHandler = (_request, response, next) => {
  const id = randomUUID();
  response.locals['requestId'] = id;
  response.set('X-Request-Id', id);
  next();
};

/** `If-None-Match: *` would be answered with "not modified" by express, although no caller has kept anything. */
const unconditional: RequestHandler = (request, _response, next) => {
  if (request.headers['if-none-match']?.trim() === '*') delete request.headers['if-none-match'];
  next();
};

const noSuchCall: RequestHandler = (_request, _response, next) =>
  next(new Problem('not-found', 'There is no such call; /docs shows what there is.'));

/** Everything comes from this origin, nothing is framed, and only pages served by https are told to stay there. */
function securityHeaders(portalUrl: string): RequestHandler {
  const isHttps = portalUrl.startsWith('https:');
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        ...(isHttps ? { upgradeInsecureRequests: [] } : {}),
      },
    },
    strictTransportSecurity: isHttps,
    // With `no-referrer` browsers send `Origin: null` with our own forms, which would look like another site's.
    referrerPolicy: { policy: 'same-origin' },
  });
}

const seconds =
  (register.getSingleMetric('daypass_http_seconds') as Histogram<'method' | 'route' | 'status'> | undefined) ??
  new Histogram({
    name: 'daypass_http_seconds',
    help: 'Time to answer, by route',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30],
  });

/** One figure and one line per request. The path of the route, never the one that was sent: that may hold anything. */
function measure(log: AppParts['log']): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now();
    response.once('close', () => {
      const ms = performance.now() - startedAt;
      const { path: route = 'none' } = (request.route ?? {}) as { path?: string };
      const { method } = request;
      const status = response.statusCode;
      seconds.observe({ method, route: String(route), status: String(status) }, ms / 1_000);
      const by = currentActor(response)?.ref;
      const requestId = String(response.locals['requestId']);
      log.debug({ method, route, status, ms: Math.round(ms), by, requestId }, 'answered');
    });
    next();
  };
}
