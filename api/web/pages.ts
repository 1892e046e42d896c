/** The pages: all of them on one screen. They work without script, and do what the calls of `/v1` do, by the same handlers. */
import express, { Router, type RequestHandler } from 'express';
import type { Ref } from '../../workflows/domain/actor.js';
import type { Instant } from '../../workflows/domain/time.js';
import type { Audit } from '../audit/audit.js';
import type { Handlers } from '../handlers.js';
import type { Csrf } from '../identity/csrf.js';
import { askPage, challengeAsk, sendAsk } from './ask.js';
import { auditPage, exportAudit } from './audit.js';
import { answerProblemPages, noSuchPage } from './failures.js';
import { challengeApproval, collectCredential, decideOn, grantPageOf } from './grant.js';
import type { StepUp } from '../identity/step-up.js';
import type { Webauthn } from '../identity/webauthn.js';
import { accessPage, allGrantsPage, approvalsPage, homePage } from './lists.js';
import { enrolPasskey, passkeysPage, removePasskey, renamePasskey, sendStepUp, stepUpPage } from './passkeys.js';
import { assetsDir, assetsPath, fontFile, webauthnFile } from './render.js';
import { formActions } from './happened.js';
import { names, type NameOf } from './words.js';

export interface PageParts {
  handlers: Handlers;
  audit: Audit;
  passkeys: Webauthn;
  stepUp: StepUp;
  csrf: Csrf;
  portalUrl: string;
  /** The name of a person or service in today's directory. */
  nameOf: (ref: Ref) => string | undefined;
  /** Takes what nobody expected to the operator's log. */
  report: (error: unknown, requestId: string) => void;
  now?: () => Instant;
}

/** What the single pages work with. */
export interface Desk {
  handlers: Handlers;
  audit: Audit;
  passkeys: Webauthn;
  stepUp: StepUp;
  csrf: Csrf;
  portalUrl: string;
  name: NameOf;
  report: PageParts['report'];
  now: () => Instant;
}

/** Mounted after the identity middleware, and last: what no page knows is answered as a page, except below `/v1`. */
export function pages({ nameOf, now = Date.now, ...parts }: PageParts): Router {
  const desk: Desk = { ...parts, name: names(nameOf), now };
  const router = Router();
  const form = express.urlencoded({ extended: false, limit: '32kb', parameterLimit: 50, inflate: false });

  router.use(assetsPath, assets({ immutable: true, maxAge: '365d' }));
  // Asked for by a page of another release, while both run: what is here, but not to be kept.
  router.use(/^\/assets\/[0-9a-f]{12}/, assets({ maxAge: 0 }));
  router.get('/', homePage(desk));
  router.get('/ask', askPage(desk));
  router.post('/ask', form, sendAsk(desk));
  router.post('/ask/challenge', form, challengeAsk(desk));
  router.get('/access', accessPage(desk));
  router.get('/approvals', approvalsPage(desk));
  router.get('/approvals/:id', (request, response) =>
    response.redirect(303, `/grants/${encodeURIComponent(request.params.id)}#decide`),
  );
  router.get('/grants', allGrantsPage(desk));
  router.get('/grants/:id', grantPageOf(desk));
  for (const action of formActions) router.post(`/grants/:id/${action}`, form, decideOn(desk, action));
  router.post('/grants/:id/approve/challenge', form, challengeApproval(desk));
  router.post('/grants/:id/credential', form, collectCredential(desk));
  router.get('/audit', auditPage(desk));
  router.get('/audit/export', exportAudit(desk));
  router.get('/passkeys', passkeysPage(desk));
  router.post('/passkeys', form, enrolPasskey(desk));
  router.post('/passkeys/rename', form, renamePasskey(desk));
  router.post('/passkeys/remove', form, removePasskey(desk));
  router.get('/step-up', stepUpPage(desk));
  router.post('/step-up', form, sendStepUp(desk));
  router.use(noSuchPage);
  router.use(answerProblemPages(desk, desk.report));
  return router;
}

/** Under a path that changes with its content, so that browsers may keep it for ever. */
function assets(keep: { immutable?: boolean; maxAge: string | number }): RequestHandler {
  const router = Router();
  router.get('/inter.woff2', (_request, response) => response.sendFile(fontFile, keep));
  router.get('/simplewebauthn.js', (_request, response) => response.sendFile(webauthnFile, keep));
  router.use(express.static(assetsDir, { ...keep, index: false, redirect: false }));
  return router;
}
