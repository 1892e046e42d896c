/** Asking: the list to pick from, the form, and what comes of sending it. */
import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { Actor } from '../identity/actor.js';
import { isFresh } from '../identity/identify.js';
import { answerProblems, Problem } from '../problem.js';
import { readPart } from '../route.js';
import type { EntitlementBody } from '../schemas/answers.js';
import { AskGrant } from '../schemas/ask.js';
import { isoInstant } from '../schemas/time.js';
import { askCodes, askFields, readAskForm, shownEntitlement } from './ask-form.js';
import { errorSummary, readTyped, wrongFrom, type Typed, type Wrong } from './forms.js';
import type { Desk } from './pages.js';
import { typedAssertion } from './passkeys.js';
import { sender, show, visitor } from './visit.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** How long the answer to a new request waits for its check. */
const checkedWithinMs = 1_500;

export function askPage(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = visitor(response);
    const { entitlements } = await desk.handlers.entitlements(actor);
    const asked = readTyped(request.query);
    if (asked['entitlement'] !== undefined) {
      const entitlement = entitlements.find(({ id }) => id === asked['entitlement']);
      if (!entitlement) throw new Problem('not-found', 'There is no such entitlement, or you may not ask for it.');
      const typed = { key: randomUUID(), duration: entitlement.defaultDuration };
      const shown = shownEntitlement(entitlement, desk.name);
      // A default that is no preset would leave nothing chosen.
      const presets = shown.presets.includes(typed.duration) ? shown.presets : [typed.duration, ...shown.presets];
      return show(response, desk, 'ask', {
        title: `Ask: ${entitlement.title}`,
        here: 'ask',
        entitlement: { ...shown, presets },
        stepUp: stepUpPath(entitlement, actor),
        typed,
        wrong: {},
      });
    }
    const query = (asked['q'] ?? '').trim().slice(0, 100);
    const words = query.toLowerCase().split(/\s+/);
    const found = entitlements
      .map((entitlement) => shownEntitlement(entitlement, desk.name))
      .filter((entitlement) => words.every((word) => entitlement.words.includes(word)));
    await show(response, desk, 'ask-list', { title: 'Ask for access', here: 'ask', entitlements: found, query });
  };
}

export function sendAsk(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = sender(request, response, desk);
    const typed = readTyped(request.body);
    const { entitlements } = await desk.handlers.entitlements(actor);
    const entitlement = entitlements.find(({ id }) => id === typed['entitlement']);
    if (!entitlement) throw new Problem('not-found', 'There is no such entitlement, or you may not ask for it.');
    const key = uuid.test(typed['key'] ?? '') ? typed['key'] : undefined;
    const again = (wrong: Wrong, status: number) =>
      showAgain(response, desk, { typed: { ...typed, key: key ?? randomUUID() }, wrong, status, entitlement });
    const { draft, wrong } = readAskForm(typed, entitlement);
    if (Object.keys(wrong).length > 0) return again(wrong, 422);
    try {
      const assertion = typedAssertion(typed);
      const proof = assertion === undefined ? {} : { assertion, requestTime: typed['requestTime'] };
      const body = readPart(AskGrant, { ...draft, ...proof }, 'body');
      const { grant } = await desk.handlers.ask(body, actor, key);
      // Those without script see what the check said, and not that it is going on.
      await desk.handlers
        .see(grant.grantId, { wait: checkedWithinMs, after: grant.changes }, actor)
        .catch(() => undefined); // It is asked; a page that cannot be had yet says so itself.
      response.redirect(303, `/grants/${grant.grantId}`);
    } catch (error) {
      // What was typed is kept, whatever went wrong; only a missing sign-in cannot be mended from this form.
      if (!(error instanceof Problem) || error.status === 401) throw error;
      await again(wrongFrom(error, askFields, askCodes), error.status);
    }
  };
}

/** What a passkey must sign for the request that is typed now, as JSON for the page's script. */
export function challengeAsk(desk: Desk): RequestHandler {
  return async (request, response, next) => {
    try {
      const actor = sender(request, response, desk);
      const typed = readTyped(request.body);
      const { entitlements } = await desk.handlers.entitlements(actor);
      const entitlement = entitlements.find(({ id }) => id === typed['entitlement']);
      const key = typed['key'] ?? '';
      const read = entitlement && uuid.test(key) ? readAskForm(typed, entitlement) : undefined;
      if (!read || Object.keys(read.wrong).length > 0) throw new Problem('invalid', 'Some fields need another look.');
      const body = readPart(AskGrant, read.draft, 'body');
      const { challenged, requestTime } = await desk.handlers.challengedByAsk(body, actor, key);
      const asked = await desk.passkeys.askDecision(actor, challenged);
      response.set('Cache-Control', 'no-store').json({ ...asked, requestTime: isoInstant(requestTime) });
    } catch (error) {
      // A script asks, so it is told as calls are.
      answerProblems(desk.report)(error, request, response, next);
    }
  };
}

/** Where a passkey is proven before this is asked for; undefined where none is needed, or one was proven just now. */
function stepUpPath({ id, stepUp }: EntitlementBody, { signIn }: Actor): string | undefined {
  if (stepUp !== 'request' || isFresh(signIn.stepUp)) return undefined;
  return `/step-up?returnTo=${encodeURIComponent(`/ask?entitlement=${id}`)}`;
}

interface Again {
  typed: Typed;
  wrong: Wrong;
  status: number;
  entitlement: Parameters<typeof shownEntitlement>[0];
}

async function showAgain(response: Response, desk: Desk, { typed, wrong, status, entitlement }: Again): Promise<void> {
  await show(response, desk, 'ask', {
    status,
    title: `Ask: ${entitlement.title}`,
    here: 'ask',
    entitlement: shownEntitlement(entitlement, desk.name),
    typed,
    wrong,
    problems: errorSummary(wrong),
  });
}
