/** One visit of a page: who looks, and the frame around what they see. */
import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { mayEverywhere } from '../../workflows/domain/rights.js';
import type { Actor } from '../identity/actor.js';
import { Problem } from '../problem.js';
import { currentActor } from '../route.js';
import type { Desk } from './pages.js';
import { render } from './render.js';
import type { Frame } from './render.js';

/** Who looks. Throws the reason why nobody is signed in, where there is one. */
export function visitor(response: Response): Actor {
  const actor = currentActor(response);
  if (actor) return actor;
  const because = response.locals['identityProblem'];
  throw because instanceof Problem ? because : new Problem('unauthenticated', 'Sign in to see this page.');
}

/** As `visitor`, for a form that changes something: it must carry the token of this sign-in. */
export function sender(request: Request, response: Response, desk: Desk): Actor {
  const actor = visitor(response);
  const body = request.body as Record<string, unknown> | undefined;
  if (!desk.csrf.holds(actor.sessionId ?? '', body?.['csrf'])) {
    throw new Problem(
      'cross-site',
      'This form belongs to an earlier sign-in. Go back, load the page again, and send it once more.',
    );
  }
  return actor;
}

type Shown = Omit<Frame, 'now' | 'viewer' | 'waiting'> & { status?: number; [shown: string]: unknown };

/** Answers with a page. What waits for the viewer is counted for the navigation; a count that cannot be had is left out. */
export async function show(response: Response, desk: Desk, template: string, shown: Shown): Promise<void> {
  const actor = currentActor(response);
  const waiting = actor && shown['waiting'] === undefined ? await countWaiting(desk, actor) : shown['waiting'];
  const { status = 200, ...page } = shown;
  const html = render(template, {
    ...page,
    now: desk.now(),
    waiting: waiting as string | undefined,
    viewer: actor && {
      name: actor.name,
      seesAll: mayEverywhere('see-all', actor.roles),
      searchesAudit: mayEverywhere('search-audit', actor.roles),
    },
    csrf: actor ? desk.csrf.token(actor.sessionId ?? '') : '',
    nonce: () => randomUUID(),
  });
  response.status(status).set('Cache-Control', 'no-store').type('html').send(html);
}

const counted = 20;

async function countWaiting({ handlers }: Desk, actor: Actor): Promise<string | undefined> {
  try {
    const page = await handlers.approvals({ limit: counted }, actor);
    return shownCount(page.grants.length, page.next !== undefined);
  } catch {
    // The number is a help beside the page; the page itself says what cannot be reached.
    return undefined;
  }
}

export function shownCount(count: number, more: boolean): string {
  return count === 0 ? '' : `${count}${more ? '+' : ''}`;
}
