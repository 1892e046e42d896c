/** The pages that list: what I have, what waits for me, and everything for those who may see it. */
import type { RequestHandler } from 'express';
import { isTerminal } from '../../workflows/domain/states.js';
import { Problem } from '../problem.js';
import { currentActor, readPart } from '../route.js';
import type { GrantBody } from '../schemas/grant.js';
import { ListApprovals, ListGrants } from '../schemas/lists.js';
import { errorSummary, readTyped, wrongFrom, type Wrong } from './forms.js';
import { shownGrant, usedPercent } from './grant-page.js';
import type { Desk } from './pages.js';
import { show, shownCount, visitor } from './visit.js';

/** More than anyone holds at a time; what is over is cut to the newest. */
const mine = 100;
const overShown = 20;

export function homePage(desk: Desk): RequestHandler {
  const access = accessPage(desk);
  return async (request, response, next) => {
    if (currentActor(response)) return access(request, response, next);
    await show(response, desk, 'welcome', { title: 'Access that ends by itself' });
  };
}

export function accessPage(desk: Desk): RequestHandler {
  return async (_request, response) => {
    const actor = visitor(response);
    // Live ones by themselves: however many are over, none of them hides what is held now.
    const [live, over, asked] = await Promise.all([
      desk.handlers.list({ subject: actor.ref, live: true, limit: mine }, actor),
      desk.handlers.list({ subject: actor.ref, live: false, limit: overShown }, actor),
      desk.handlers.list({ requester: actor.ref, limit: mine }, actor),
    ]);
    const now = desk.now();
    // Lists come a moment behind the grants in them.
    const held = live.grants.filter((grant) => !isTerminal(grant.state)).map((grant) => accessRow(grant, desk, now));
    const ended = [...live.grants.filter((grant) => isTerminal(grant.state)), ...over.grants];
    const isHeld = (grant: GrantBody) => ['ACTIVE', 'REVOKING', 'WITHDRAWING'].includes(grant.state);
    await show(response, desk, 'access', {
      title: 'My access',
      here: 'access',
      active: held.filter((grant) => isHeld(grant)),
      coming: held.filter((grant) => !isHeld(grant)),
      over: ended.map((grant) => accessRow(grant, desk, now)).slice(0, overShown),
      forOthers: asked.grants
        .filter((grant) => grant.subject !== actor.ref)
        .slice(0, overShown)
        .map((grant) => shownGrant(grant, desk.name)),
    });
  };
}

function accessRow(grant: GrantBody, desk: Desk, now: number) {
  return {
    ...shownGrant(grant, desk.name),
    used: usedPercent(grant, now),
    mayCollect: grant.may.includes('collect') && grant.credential === 'waiting',
    mayWithdraw: grant.may.includes('withdraw'),
    mayExtend: grant.may.includes('extend') && !grant.conditions.includes('extensionPending'),
  };
}

export function approvalsPage(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = visitor(response);
    const query = readPart(ListApprovals, request.query, 'query');
    const page = await desk.handlers.approvals(query, actor);
    await show(response, desk, 'approvals', {
      title: 'Approvals',
      here: 'approvals',
      next: page.next,
      waiting: query.cursor === undefined ? shownCount(page.grants.length, page.next !== undefined) : undefined,
      grants: page.grants.map((grant) => ({
        ...shownGrant(grant, desk.name),
        // Who may still decide does that first.
        toReview: grant.may.includes('review') && !grant.may.includes('decide'),
        topFactors: (grant.risk?.factors ?? [])
          .filter(({ points }) => points > 0)
          .toSorted((a, b) => b.points - a.points)
          .slice(0, 3),
      })),
    });
  };
}

export function allGrantsPage(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = visitor(response);
    const { cursor, ...filter } = given(readTyped(request.query));
    const { page, wrong } = await listed(desk, actor, filter, cursor);
    const address = (more: Record<string, string>) =>
      `/grants?${new URLSearchParams({ ...filter, ...more }).toString()}`;
    await show(response, desk, 'grants', {
      title: 'All grants',
      here: 'grants',
      status: Object.keys(wrong).length > 0 ? 422 : 200,
      filter: readTyped(request.query),
      filtered: Object.keys(filter).length > 0,
      problems: errorSummary(wrong),
      grants: page.grants.map((grant) => shownGrant(grant, desk.name)),
      next: page.next === undefined ? undefined : address({ cursor: page.next }),
      first: address({}),
      paged: cursor !== undefined,
    });
  };
}

/** Fields left empty are no filter; a person may be named without the kind. */
function given(typed: ReturnType<typeof readTyped>): Record<string, string> {
  const filter: Record<string, string> = {};
  for (const field of ['state', 'target', 'entitlement', 'subject', 'cursor']) {
    const value = (typed[field] ?? '').trim();
    if (value !== '') filter[field] = field === 'subject' && !value.includes(':') ? `person:${value}` : value;
  }
  return filter;
}

async function listed(desk: Desk, actor: ReturnType<typeof visitor>, filter: object, cursor: string | undefined) {
  try {
    const query = readPart(ListGrants, { ...filter, ...(cursor === undefined ? {} : { cursor }) }, 'query');
    return { page: await desk.handlers.list(query, actor), wrong: {} };
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'invalid') throw error;
    const wrong: Wrong = {};
    for (const { parameter, detail } of error.errors ?? []) wrong[parameter ?? ''] = detail;
    return {
      page: { grants: [], next: undefined },
      wrong: Object.keys(wrong).length > 0 ? wrong : wrongFrom(error, {}, {}),
    };
  }
}
