/** What an actor is to a grant, and so what they may know and do. Who may not know gets the same answer as for no grant at all. */
import type { Policy } from '../../activities/policy/policy.js';
import { grantActions, grantRoles, may, type GrantAction, type Role } from '../../workflows/domain/rights.js';
import type { GrantView } from '../../workflows/domain/view.js';
import type { Found } from '../grants.js';
import type { Actor } from '../identity/actor.js';
import { notFound } from '../problem.js';
import { grantBody, type GrantBody } from '../schemas/grant.js';
import type { HandlerDeps } from './deps.js';

export interface Standing {
  found: Found;
  roles: Role[];
}

/** Throws `not-found` unless the actor may see this grant. */
export async function standingOf(deps: Pick<HandlerDeps, 'grants'>, id: string, actor: Actor): Promise<Standing> {
  const found = await deps.grants.find(id);
  if (!found) throw notFound();
  const roles = rolesIn(actor, found.view);
  if (!may('see', roles, found.view.state)) throw notFound();
  return { found, roles };
}

export function rolesIn(actor: Actor, view: GrantView): Role[] {
  return [...grantRoles(actor, view), ...actor.roles];
}

export function bodyOf(
  deps: Pick<HandlerDeps, 'policy' | 'temporalUi'>,
  { view, request }: Pick<Found, 'view' | 'request'>,
  actor: Actor,
): GrantBody {
  return grantBody({
    view,
    request,
    may: actionsNow(deps.policy(), view, actor),
    temporalUi: actor.roles.includes('operator') ? deps.temporalUi(view.grantId) : undefined,
  });
}

/** What a page should offer: what the table allows, without what the grant's own state makes pointless. */
export function actionsNow(policy: Pick<Policy, 'barred' | 'human'>, view: GrantView, actor: Actor): GrantAction[] {
  const roles = rolesIn(actor, view);
  const makesSense: Partial<Record<GrantAction, () => boolean>> = {
    decide: () => isAskedNow(policy, view, actor),
    extend: () => view.extension === undefined,
    collect: () => view.credential === 'waiting',
  };
  return grantActions.filter((action) => may(action, roles, view.state) && (makesSense[action]?.() ?? true));
}

/** Asked in the open step, not barred, and no vote given yet. The workflow judges again; this only spares people a refusal. */
function isAskedNow(policy: Pick<Policy, 'barred' | 'human'>, view: GrantView, actor: Actor): boolean {
  const { step } = view;
  if (!step || !actor.ref.startsWith('person:')) return false;
  const mine = selectorsOf(actor);
  const human = policy.human(actor.ref);
  const isBarred = policy.barred(view).some((ref) => policy.human(ref) === human);
  // Votes of earlier steps come first; whoever gave one of those may well be asked again here.
  const here = step.votes.slice(step.votes.length - (step.given ?? step.votes.length));
  const hasVoted = here.some((vote) => policy.human(vote.by) === human);
  return step.asked.some((selector) => mine.includes(selector)) && !isBarred && !hasVoted;
}

/** How flows name this actor. */
export function selectorsOf(actor: Pick<Actor, 'ref' | 'groups'>): string[] {
  return [actor.ref, ...actor.groups.map((group) => `group:${group}`)];
}
