/** One grant's own page, the forms on it, and the page that shows a credential once. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Request, RequestHandler, Response } from 'express';
import { failureCodes, type FailureCode } from '../../workflows/domain/failure.js';
import type { Actor } from '../identity/actor.js';
import { answerProblems, Problem } from '../problem.js';
import { readPart } from '../route.js';
import type { RecordBody } from '../schemas/answers.js';
import { Approve, CollectCredential, Deny, End, Extend, Review } from '../schemas/decisions.js';
import type { GrantBody } from '../schemas/grant.js';
import { decisionId as decisionIdShape, GrantRef } from '../schemas/names.js';
import { ApprovalChallenge } from '../schemas/passkeys.js';
import {
  errorSummary,
  readApproval,
  readDenial,
  readEnding,
  readExtension,
  readReview,
  readTyped,
  wrongFrom,
  type Typed,
  type Wrong,
} from './forms.js';
import { grantPage } from './grant-page.js';
import { formActions, isCancelled, isOver, whatHappened, type Click, type FormAction } from './happened.js';
import type { Desk } from './pages.js';
import { typedAssertion } from './passkeys.js';
import { secretsOf } from './secrets.js';
import { sender, show, visitor } from './visit.js';

export function grantPageOf(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = visitor(response);
    const { id } = readPart(GrantRef, request.params, 'params');
    const extendOpen = request.query['extend'] !== undefined;
    await showGrant(response, desk, { id, actor, click: clickIn(request, desk, { id, actor }), extendOpen });
  };
}

interface Shown {
  id: string;
  actor: Actor;
  click?: Click;
  /** The form for more time was asked for. */
  extendOpen?: boolean;
  typed?: Typed;
  wrong?: Wrong;
}

async function showGrant(
  response: Response,
  desk: Desk,
  { id, actor, click, extendOpen, typed, wrong }: Shown,
): Promise<void> {
  const grant = await seeAfter(desk, id, actor, click);
  // A click that nobody has judged by now means that no worker would answer for the record either.
  const isOpen = click !== undefined && click.refused === undefined && !isSettled(grant, click);
  const records = isOpen ? undefined : await recordOf(desk, id, actor);
  const now = desk.now();
  const telling = { viewerRef: actor.ref, name: desk.name, now };
  await show(response, desk, 'grant', {
    ...grantPage({ grant, records, ...telling }),
    status: wrong ? 422 : 200,
    title: `${grant.entitlementTitle ?? grant.entitlement} for ${grant.subjectName}`,
    happened: click && whatHappened(click, grant, telling),
    extendOpen,
    typed,
    wrong,
    problems: wrong && errorSummary(wrong),
    decisionIds: Object.fromEntries([...formActions, 'collect'].map((action) => [action, randomUUID()])),
  });
}

/** The answer to a click can be ahead of what the grant shows of itself; this is how long the page waits for both to agree. */
const agreeWithinMs = 2_000;

async function seeAfter({ handlers }: Desk, id: string, actor: Actor, click: Click | undefined): Promise<GrantBody> {
  const deadline = Date.now() + agreeWithinMs;
  let grant = await handlers.see(id, {}, actor);
  if (click === undefined || click.refused !== undefined) return grant;
  while (!isSettled(grant, click) && Date.now() < deadline) {
    grant = await handlers.see(id, { wait: Math.max(1, deadline - Date.now()), after: grant.changes }, actor);
  }
  return grant;
}

function isSettled(grant: GrantBody, click: Click): boolean {
  return (
    isOver(click, grant) ||
    isCancelled(grant) ||
    grant.outcomes.some(({ decisionId }) => decisionId === click.decisionId)
  );
}

/** Nobody waits longer than this for a page because no worker is there. */
const recordWithinMs = 2_000;

/** The record needs a worker; without one the page shows what the grant itself last said. */
async function recordOf(desk: Desk, id: string, actor: Actor): Promise<RecordBody['records'] | undefined> {
  try {
    const late = pause(recordWithinMs, undefined, { ref: false });
    return (await Promise.race([desk.handlers.record(id, actor), late]))?.records;
  } catch (error) {
    if (error instanceof Problem && (error.status === 503 || error.status === 403)) return undefined;
    throw error;
  }
}

/** The address names the click, so that a reload shows what became of it and sends nothing again. A link made up tells nothing. */
function clickIn(request: Request, desk: Desk, whose: { id: string; actor: Actor }): Click | undefined {
  const { click, decision, refused, mark } = readTyped(request.query);
  const action = formActions.find((known) => known === click);
  const sent = decisionIdShape.safeParse(decision);
  if (action === undefined || !sent.success) return undefined;
  const found = { action, decisionId: sent.data, refused: failureCodes.find((code) => code === refused) };
  return desk.csrf.holds(markOf(found, whose), mark) ? found : undefined;
}

/** Whose click on which grant it was: what a token of this portal is made over. */
function markOf({ action, decisionId, refused }: Click, { id, actor }: { id: string; actor: Actor }): string {
  return ['click', actor.sessionId ?? '', id, action, decisionId, refused ?? 'judged'].join(' ');
}

/** What a passkey must sign for the approval that is typed now, as JSON for the page's script. */
export function challengeApproval(desk: Desk): RequestHandler {
  return async (request, response, next) => {
    try {
      const actor = sender(request, response, desk);
      const { id } = readPart(GrantRef, request.params, 'params');
      const typed = readTyped(request.body);
      const { body, wrong } = readApproval(typed, await desk.handlers.see(id, {}, actor));
      if (Object.keys(wrong).length > 0) throw new Problem('invalid', 'Some fields need another look.');
      const { comment: _comment, ...signed } = body;
      const read = readPart(ApprovalChallenge, { ...signed, decisionId: typed['decisionId'] }, 'body');
      const decided = await desk.handlers.challengedByApproval(id, read, actor);
      response.set('Cache-Control', 'no-store').json(await desk.passkeys.askDecision(actor, decided));
    } catch (error) {
      // A script asks, so it is told as calls are.
      answerProblems(desk.report)(error, request, response, next);
    }
  };
}

export function decideOn(desk: Desk, action: FormAction): RequestHandler {
  return async (request, response) => {
    const actor = sender(request, response, desk);
    const { id } = readPart(GrantRef, request.params, 'params');
    const typed = readTyped(request.body);
    // A double click sends the same id twice, and the grant answers both alike.
    const sent = decisionIdShape.safeParse(typed['decisionId']);
    const decisionId = sent.success ? sent.data : randomUUID();
    const again = (wrong: Wrong) => showGrant(response, desk, { id, actor, typed: keptFor(action, typed), wrong });
    const over = (refused?: FailureCode) => {
      const mark = desk.csrf.token(markOf({ action, decisionId, refused }, { id, actor }));
      const query = new URLSearchParams({ click: action, decision: decisionId, ...(refused ? { refused } : {}), mark });
      response.redirect(303, `/grants/${id}?${query.toString()}`);
    };
    try {
      const wrong = await decide(desk, { action, id, actor, typed, decisionId });
      return wrong ? await again(wrong) : over();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.code === 'invalid') return again(wrongFrom(error, fieldsOf[action], {}));
      if (error.status === 401 || error.status === 404 || isOutage(error.code)) throw error;
      over(error.code);
    }
  };
}

/** Nothing was judged: the page must not sound as if something had been. */
function isOutage(code: FailureCode): boolean {
  return code === 'temporal-unavailable' || code === 'internal' || code === 'rate-limited' || code === 'cross-site';
}

interface Sent {
  action: FormAction;
  id: string;
  actor: Actor;
  typed: Typed;
  decisionId: string;
}

/** Calls the handler of this action; answers the fields that are wrong, if any, and then called nothing. */
async function decide({ handlers }: Desk, { action, id, actor, typed, decisionId }: Sent): Promise<Wrong | undefined> {
  switch (action) {
    case 'approve': {
      const { body, wrong } = readApproval(typed, await handlers.see(id, {}, actor));
      if (Object.keys(wrong).length > 0) return wrong;
      const assertion = typedAssertion(typed);
      const proof = assertion === undefined ? {} : { assertion };
      await handlers.approve(id, readPart(Approve, { ...body, ...proof, decisionId }, 'body'), actor);
      return undefined;
    }
    case 'deny': {
      const { body, wrong } = readDenial(typed);
      if (Object.keys(wrong).length > 0) return wrong;
      await handlers.deny(id, readPart(Deny, { ...body, decisionId }, 'body'), actor);
      return undefined;
    }
    case 'extend': {
      const { body, wrong } = readExtension(typed);
      if (Object.keys(wrong).length > 0) return wrong;
      await handlers.extend(id, readPart(Extend, { ...body, decisionId }, 'body'), actor);
      return undefined;
    }
    case 'review': {
      const { body, wrong } = readReview(typed);
      if (Object.keys(wrong).length > 0) return wrong;
      await handlers.review(id, readPart(Review, { ...body, decisionId }, 'body'), actor);
      return undefined;
    }
    case 'withdraw':
    case 'revoke': {
      const body = readPart(End, { ...readEnding(typed), decisionId }, 'body');
      await (action === 'withdraw' ? handlers.withdraw(id, body, actor) : handlers.revoke(id, body, actor));
      return undefined;
    }
  }
}

const fieldsOf: Record<FormAction, Record<string, string>> = {
  approve: { '/comment': 'comment', '/duration': 'duration' },
  deny: { '/reason': 'reason' },
  extend: { '/reason': 'extend-reason', '/duration': 'extend-duration' },
  withdraw: {},
  revoke: { '/reason': 'revoke-reason' },
  review: { '/verdict': 'review-verdict', '/comment': 'review-comment' },
};

/** Several forms of this page have fields of the same name; what was typed goes back to the form that it came from. */
function keptFor(action: FormAction, typed: Typed): Typed {
  switch (action) {
    case 'extend':
      return { 'extend-reason': typed['reason'], 'extend-hours': typed['hours'], 'extend-minutes': typed['minutes'] };
    case 'revoke':
      return { 'revoke-reason': typed['reason'] };
    case 'review':
      return { 'review-verdict': typed['verdict'], 'review-comment': typed['comment'] };
    default:
      return typed;
  }
}

/** Answered directly and kept nowhere. Loading it again sends the same id, which the API answers for two minutes. */
export function collectCredential(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = sender(request, response, desk);
    const { id } = readPart(GrantRef, request.params, 'params');
    const { collectId, renew } = readTyped(request.body);
    const body = readPart(CollectCredential, { collectId, ...(renew === 'yes' ? { renew: true } : {}) }, 'body');
    const grant = await desk.handlers.see(id, {}, actor);
    const { credential, sealed, expireTime } = await desk.handlers.collect(id, body, actor);
    await show(response, desk, 'credential', {
      title: 'Your credential',
      here: 'access',
      grantId: id,
      heading: `${grant.entitlementTitle ?? grant.entitlement} at ${grant.target}`,
      expireTime,
      secrets: credential ? secretsOf(credential) : [],
      sealed,
    });
  };
}
