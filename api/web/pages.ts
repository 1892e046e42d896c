/** The pages: all of them on one screen. They work without script, and do what the calls of `/v1` do, by the same handlers. */
import express, { Router, type RequestHandler } from 'express';
import type { Ref } from '../../workflows/domain/actor.js';
import type { Instant } from '../../workflows/domain/time.js';
import type { Audit } from '../audit/audit.js';
import { formBody, usualMost } from '../body.js';
import type { Handlers } from '../handlers.js';
import { rightTo } from '../handlers/decide.js';
import type { Csrf } from '../identity/csrf.js';
import type { StepUp } from '../identity/step-up.js';
import type { Webauthn } from '../identity/webauthn.js';
import { judge, type Right } from '../route.js';
import { askPage, challengeAsk, sendAsk } from './ask.js';
import { auditPage, exportAudit } from './audit.js';
import { answerProblemPages, noSuchPage } from './failures.js';
import { challengeApproval, collectCredential, decideOn, grantPageOf } from './grant.js';
import { accessPage, allGrantsPage, approvalsPage, homePage } from './lists.js';
import { enrolPasskey, passkeysPage, removePasskey, renamePasskey, sendStepUp, stepUpPage } from './passkeys.js';
import { assetsDir, assetsPath, fontFile, webauthnFile } from './render.js';
import { formActions } from './happened.js';
import { visitor } from './visit.js';
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

interface Page {
  method: 'get' | 'post';
  path: string;
  /** As of a call of the API: a grant's action is judged against the grant itself, by the same handlers. */
  may: Right;
  make: (desk: Desk) => RequestHandler;
}

const page = (path: string, may: Right, make: Page['make']): Page => ({ method: 'get', path, may, make });
const form = (path: string, may: Right, make: Page['make']): Page => ({ method: 'post', path, may, make });

/** Every page and every form. */
export const allPages: readonly Page[] = [
  page('/', 'anyone', homePage),
  page('/ask', 'signed-in', askPage),
  form('/ask', 'signed-in', sendAsk),
  form('/ask/challenge', 'signed-in', challengeAsk),
  page('/access', 'signed-in', accessPage),
  page('/approvals', 'signed-in', approvalsPage),
  page('/approvals/:id', 'signed-in', toDecision),
  page('/grants', 'see-all', allGrantsPage),
  page('/grants/:id', 'see', grantPageOf),
  ...formActions.map((action) => form(`/grants/:id/${action}`, rightTo[action], (desk) => decideOn(desk, action))),
  form('/grants/:id/approve/challenge', 'decide', challengeApproval),
  form('/grants/:id/credential', 'collect', collectCredential),
  page('/audit', 'search-audit', auditPage),
  page('/audit/export', 'search-audit', exportAudit),
  page('/passkeys', 'person', passkeysPage),
  form('/passkeys', 'person', enrolPasskey),
  form('/passkeys/rename', 'person', renamePasskey),
  form('/passkeys/remove', 'person', removePasskey),
  page('/step-up', 'person', stepUpPage),
  form('/step-up', 'person', sendStepUp),
];

/** Mounted after the identity middleware, and last: what no page knows is answered as a page, except below `/v1`. */
export function pages({ nameOf, now = Date.now, ...parts }: PageParts): Router {
  const desk: Desk = { ...parts, name: names(nameOf), now };
  const router = Router();
  const typed = formBody(usualMost, 50);

  router.use(assetsPath, assets({ immutable: true, maxAge: '365d' }));
  // Asked for by a page of another release, while both run: what is here, but not to be kept.
  router.use(/^\/assets\/[0-9a-f]{12}/, assets({ maxAge: 0 }));
  for (const { method, path, may, make } of allPages) {
    // The caller is judged before anything that they sent is read.
    router[method](path, admit(may), ...(method === 'post' ? [typed] : []), make(desk));
  }
  router.use(noSuchPage);
  router.use(answerProblemPages(desk, desk.report));
  return router;
}

function admit(may: Right): RequestHandler {
  return (_request, response, next) => {
    if (may !== 'anyone') judge(visitor(response), may);
    next();
  };
}

/** The address in mails that were sent once. */
function toDecision(): RequestHandler {
  return (request, response) =>
    response.redirect(303, `/grants/${encodeURIComponent(String(request.params['id']))}#decide`);
}

/** Under a path that changes with its content, so that browsers may keep it for ever. */
function assets(keep: { immutable?: boolean; maxAge: string | number }): RequestHandler {
  const router = Router();
  router.get('/inter.woff2', (_request, response) => response.sendFile(fontFile, keep));
  router.get('/simplewebauthn.js', (_request, response) => response.sendFile(webauthnFile, keep));
  router.use(express.static(assetsDir, { ...keep, index: false, redirect: false }));
  return router;
}
