/** What an actor is to a grant, and so what they may know and do. Who may not know gets the same answer as for no grant at all. */
import type { Policy } from '../../activities/policy/policy.js';
import {
  grantActions,
  grantRoles,
  may,
  mayEverywhere,
  type GrantAction,
  type Role,
} from '../../workflows/domain/rights.js';
import type { GrantView } from '../../workflows/domain/view.js';
import type { Found } from '../memo.js';
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

/** The actor as today's directory has them; undefined once they left it. */
export function today(policy: Pick<Policy, 'isActive' | 'groupsOf' | 'rolesOf'>, actor: Actor): Actor | undefined {
  const { ref } = actor;
  return policy.isActive(ref) ? { ...actor, groups: policy.groupsOf(ref), roles: policy.rolesOf(ref) } : undefined;
}

export function rolesIn(actor: Actor, view: GrantView): Role[] {
  return [...grantRoles(actor, view), ...actor.roles];
}

export function bodyOf(
  deps: { policy: () => Pick<Policy, 'barred' | 'human' | 'entitlement'> } & Pick<HandlerDeps, 'temporalUi'>,
  { view, request }: Pick<Found, 'view' | 'request'>,
  actor: Actor,
): GrantBody {
  const policy = deps.policy();
  // The title of what the request names, in this process's own policy: it stands for it on every page.
  const entitlementTitle = policy.entitlement(request.entitlement)?.title;
  return grantBody({
    view: { ...view, entitlementTitle },
    request,
    may: actionsNow(policy, { view, request }, actor),
    temporalUi: mayEverywhere('see-temporal', actor.roles) ? deps.temporalUi(request.grantId) : undefined,
  });
}

type Humans = Pick<Policy, 'barred' | 'human'>;

/** What a page should offer: what the table allows, without what the grant's own state makes pointless. */
export function actionsNow(policy: Humans, found: Pick<Found, 'view' | 'request'>, actor: Actor): GrantAction[] {
  const { view } = found;
  const roles = rolesIn(actor, view);
  const makesSense: Partial<Record<GrantAction, () => boolean>> = {
    decide: () => view.step !== undefined && whyNotAsked(policy, found, actor) === undefined,
    extend: () => view.extension === undefined,
    collect: () => view.credential === 'waiting',
    renew: () => view.credential === 'collected' && (view.renewal === undefined || view.renewal.failed !== undefined),
    review: () => view.conditions.includes('reviewPending') && whyNotReviewer(policy, found, actor) === undefined,
  };
  return grantActions.filter((action) => may(action, roles, view.state) && (makesSense[action]?.() ?? true));
}

/**
 * Why this actor cannot approve in the open step, as the workflow would say too: barred by who they are, not asked, or counted
 * already. The same words for the page that offers, and for the approval that this API would have to sign.
 */
export function whyNotAsked(
  policy: Humans,
  { view, request }: Pick<Found, 'view' | 'request'>,
  actor: Actor,
): 'own-request' | 'not-an-approver' | 'already-decided' | 'same-human' | undefined {
  const human = policy.human(actor.ref);
  if (policy.barred(request).some((ref) => policy.human(ref) === human)) return 'own-request';
  const mine = selectorsOf(actor);
  const isAsked = view.step?.asked.some((selector) => mine.includes(selector)) ?? false;
  if (!isAsked || !actor.ref.startsWith('person:')) return 'not-an-approver';
  // Those of earlier steps too: nobody is counted twice in one flow.
  const votes = view.step?.votes ?? [];
  if (votes.some((vote) => vote.by === actor.ref)) return 'already-decided';
  return votes.some((vote) => policy.human(vote.by) === human) ? 'same-human' : undefined;
}

/** Why this actor cannot review this emergency: barred by who they are, or nobody whom its entitlement named. */
export function whyNotReviewer(
  policy: Humans,
  { view, request }: Pick<Found, 'view' | 'request'>,
  actor: Actor,
): 'own-request' | 'not-an-approver' | undefined {
  const human = policy.human(actor.ref);
  if (policy.barred(request).some((ref) => policy.human(ref) === human)) return 'own-request';
  const mine = selectorsOf(actor);
  const isNamed = view.review?.reviewers.some((selector) => mine.includes(selector)) ?? false;
  return isNamed && actor.ref.startsWith('person:') ? undefined : 'not-an-approver';
}

/** How flows name this actor. */
export function selectorsOf(actor: Pick<Actor, 'ref' | 'groups'>): string[] {
  return [actor.ref, ...actor.groups.map((group) => `group:${group}`)];
}
