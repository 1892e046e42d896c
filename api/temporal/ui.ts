/**
 * The Temporal UI at `/temporal`, for those who may look, through this API alone.
 *
 * 1. The caller is judged first, by the sign-in of the portal. A call that changes something needs a right of its own and is
 *    on record in the journal before it is passed on; without the journal it is not passed on.
 * 2. Of the request only what the UI server needs is passed on: no cookie, no token, nothing that names a caller, and no
 *    header that makes another call of it. A body has a stated length, so that none can hide a second request.
 * 3. Of the answer only what a browser needs comes back: no cookie, no redirect, no rule of another origin. The page's
 *    content security policy is ours.
 */
import { pipeline } from 'node:stream';
import { createHash } from 'node:crypto';
import { buffer as bytesOf, text as textOf } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import {
  Router,
  type ErrorRequestHandler,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import type { Log } from '../../activities/platform/log.js';
import { mayEverywhere, type InstallationAction } from '../../workflows/domain/rights.js';
import type { Actor } from '../identity/actor.js';
import { requireKnownSignIn } from '../identity/identify.js';
import type { Journal } from '../journal.js';
import { Problem, problemOf } from '../problem.js';
import { createRecent } from '../recent.js';
import { judge } from '../route.js';
import { visitor } from '../web/visit.js';
import { callOf, isDisguised, settingsPath, type UiCall } from './calls.js';
import { dataPolicy, framePolicy, pagePolicy } from './content-policy.js';

export const uiPath = '/temporal';
/** What is typed into the UI is small: a signal's input, a reason. */
const bodyMax = 1_000_000;
/** As much of an address as the journal keeps. */
const callMax = 1_000;
/** The UI waits for new events for up to a minute. */
const answerMs = 70_000;
/** Who tries the same again within this time is on record once. */
const refusedAgainMs = 5 * 60_000;

/** What each kind of call needs. Nothing is answered without the right to look. */
export const uiRights: Record<UiCall['kind'], InstallationAction> = {
  page: 'see-temporal',
  frame: 'see-temporal',
  asset: 'see-temporal',
  read: 'see-temporal',
  change: 'change-temporal',
};

export interface TemporalUiOptions {
  /** Where the UI server is; it serves the UI below `/temporal` there. */
  upstream: string | undefined;
  portalUrl: string;
  /** Where the UI begins. */
  namespace: string;
  journal: Journal;
  log: Log;
}

export function temporalUi(options: TemporalUiOptions): Router {
  const { upstream, journal, log } = options;
  const router = Router();
  const refusals = createRecent(refusedAgainMs);

  const admit: RequestHandler = async (request, response, next) => {
    const actor = visitor(response);
    judge(actor, 'see-temporal');
    if (upstream === undefined) {
      throw new Problem('not-found', 'No Temporal UI is connected here; DAYPASS_TEMPORAL_UI_URL says where one is.');
    }
    checkBody(request);
    const call = callOf(request.method, pathOf(request));
    // By itself it would be a page of the portal that says whatever its address says.
    if (call.kind === 'frame' && request.headers['sec-fetch-dest'] !== 'iframe') {
      throw new Problem('not-found', 'This is shown inside the Temporal UI only.');
    }
    if (uiRights[call.kind] === 'change-temporal') response.locals['uiBody'] = await admitChange(call, request, actor);
    response.locals['uiCall'] = call;
    next();
  };

  /** Answers with the body, which is read for the journal. */
  async function admitChange({ path, workflow }: UiCall, request: Request, actor: Actor): Promise<Buffer> {
    const { method } = request;
    const detail = { method, call: path.slice(0, callMax), ...(workflow && { workflow: workflow.slice(0, 300) }) };
    try {
      judge(actor, 'change-temporal');
    } catch (refusal) {
      await recordRefusal(actor, detail);
      throw refusal;
    }
    requireKnownSignIn(actor);
    if (isDisguised(path)) {
      throw new Problem('invalid', 'Letters and digits of this address are escaped; ask with the address as it reads.');
    }
    const body = await bytesOf(request);
    const sent = body.length > 0 && { body: createHash('sha256').update(body).digest('hex') };
    await journal.note('temporal-changed', actor.ref, { ...detail, ...sent });
    return body;
  }

  async function recordRefusal({ ref }: Actor, detail: { method: string; call: string }): Promise<void> {
    // Refused in any case, so the log has it also when the journal cannot be written.
    log.warn({ by: ref, ...detail }, 'a change in the Temporal UI is refused');
    const key = JSON.stringify([ref, detail.method, detail.call]);
    if (refusals.has(key)) return;
    refusals.add(key);
    await journal.note('temporal-refused', ref, detail).catch((error: unknown) => {
      log.warn({ err: error }, 'a refusal is not in the journal');
    });
  }

  router.use(admit);
  if (upstream !== undefined) router.use(passOn(upstream, options));
  router.use(answerInItsForm(log));
  return router;
}

/** As it was sent: what is judged here is what is asked there. */
function pathOf({ originalUrl }: Request): string {
  const path = originalUrl.split('?', 1)[0] ?? '';
  return path.startsWith(`${uiPath}/`) ? path.slice(uiPath.length) : '/';
}

function checkBody({ method, headers }: Request): void {
  const length = Number(headers['content-length'] ?? 0);
  if (headers['transfer-encoding'] !== undefined || (length > 0 && method === 'GET')) {
    throw new Problem('invalid', 'A body must have a stated length, and a call that only reads has none.');
  }
  if (length > bodyMax) throw new Problem('too-large', `More than ${bodyMax} bytes are not passed on.`);
}

const passedOn = ['accept', 'accept-encoding', 'accept-language', 'content-type', 'content-length'];
const passedBack = ['content-type', 'content-encoding', 'content-length', 'etag', 'last-modified'];

function passOn(upstream: string, settled: Settled): RequestHandler {
  const proxy = createProxyMiddleware<Request, Response>({
    target: new URL(upstream).origin,
    changeOrigin: true,
    proxyTimeout: answerMs,
    selfHandleResponse: true,
    on: {
      proxyReq: (asked, _request, response) => {
        const body = response.locals['uiBody'] as Buffer | undefined;
        if (body?.length) asked.write(body);
      },
      proxyRes: (answer, _request, response) => {
        answerWith(answer, response, settled).catch((error: unknown) => failed(response, error));
      },
      error: (error, _request, response) => failed(response as Response, error),
    },
  });
  return (request, response, next) => {
    const { path, kind } = callIn(response);
    const query = /\?.*$/s.exec(request.originalUrl)?.[0] ?? '';
    // The page is the same for every address.
    request.url = kind === 'page' ? `${uiPath}/` : `${uiPath}${path}${query}`;
    const kept = passedOn.flatMap((name) => {
      const value = request.headers[name];
      // What is read here must not come compressed.
      const isRead = name === 'accept-encoding' && (kind === 'page' || path === settingsPath);
      return value === undefined || isRead ? [] : [[name, value] as const];
    });
    // Whether it comes from the portal's own pages was judged before.
    request.headers = { ...Object.fromEntries(kept), 'sec-fetch-site': 'same-origin' };
    response.locals['uiFailed'] = next;
    void proxy(request, response, next);
  };
}

async function answerWith(answer: IncomingMessage, response: Response, settled: Settled): Promise<void> {
  const { kind, path } = callIn(response);
  const status = answer.statusCode ?? 502;
  if (status >= 300 && status < 400) {
    answer.destroy();
    throw new Error(`The UI server answered ${status}, which leads elsewhere; it must serve the UI at ${uiPath}.`);
  }
  for (const name of passedBack) {
    const value = answer.headers[name];
    if (value !== undefined) response.set(name, value);
  }
  response.status(status);
  response.set('Cache-Control', kind === 'asset' ? 'private, max-age=86400' : 'no-store');
  if (kind === 'page') {
    const page = await textOf(answer);
    response.set('Content-Security-Policy', pagePolicy(page)).removeHeader('Content-Length');
    response.send(page);
    return;
  }
  response.set('Content-Security-Policy', kind === 'frame' ? framePolicy : dataPolicy);
  if (path === settingsPath && status === 200) {
    const settings = JSON.parse(await textOf(answer)) as object;
    response.removeHeader('Content-Length');
    response.json({ ...settings, ...ownSettings(visitor(response), settled) });
    return;
  }
  pipeline(answer, response, () => undefined);
}

type Settled = Pick<TemporalUiOptions, 'portalUrl' | 'namespace'>;

/** The portal opens payloads, on the same origin; buttons that would be refused are not shown; nothing phones home. */
function ownSettings({ roles }: Actor, { portalUrl, namespace }: Settled): object {
  const codec = mayEverywhere('open-payloads', roles) ? new URL('/v1/codec', portalUrl).href : '';
  return {
    Codec: { Endpoint: codec, PassAccessToken: false, IncludeCredentials: false },
    DefaultNamespace: namespace,
    DisableWriteActions: !mayEverywhere('change-temporal', roles),
    DisableNewsFetch: true,
    FeedbackURL: '',
  };
}

function callIn(response: Response): UiCall {
  return response.locals['uiCall'] as UiCall;
}

function failed(response: Response, cause: unknown): void {
  const next = response.locals['uiFailed'] as NextFunction;
  const because = 'The Temporal UI does not answer just now; grants go on without it. Try again in a moment.';
  next(new Problem('temporal-unavailable', because, { cause }));
}

const grpcCodes: Record<number, number> = { 401: 16, 403: 7, 404: 5, 413: 3, 422: 3, 429: 8, 503: 14 };

/** The UI shows what its own server would say; people get a page. */
function answerInItsForm(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (callOf(request.method, pathOf(request)).kind === 'page') return next(error);
    const problem = problemOf(error);
    const { requestId } = response.locals;
    if (problem.status >= 500) log.error({ err: error, requestId }, 'the Temporal UI failed');
    if (response.headersSent) return next(error);
    response.status(problem.status).set('Cache-Control', 'no-store');
    response.json({ code: grpcCodes[problem.status] ?? 13, message: problem.message, details: [] });
  };
}
