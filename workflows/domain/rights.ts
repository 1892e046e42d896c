/**
 * Who may do what to a grant in which state: one table, action by role by state; and who may do what everywhere.
 * Who may ask, and for whom, each entitlement says itself.
 */
import type { Ref, Selector } from './actor.js';
import { liveStates, type GrantState } from './states.js';
import type { GrantView } from './view.js';

/** What someone is to a grant, or to the whole installation (`operator`, `security`, `auditor`, `maintainer`). */
export const roles = ['requester', 'subject', 'approver', 'operator', 'security', 'auditor', 'maintainer'] as const;
export type Role = (typeof roles)[number];

export const grantActions = [
  'see',
  'see-record',
  'decide',
  'withdraw',
  'revoke',
  'extend',
  'collect',
  'renew',
  'review',
] as const;
export type GrantAction = (typeof grantActions)[number];

const always = 'always';
const undecided: GrantState[] = ['REQUESTED', 'APPROVAL_AWAITED', 'SCHEDULED'];
const standing: GrantState[] = ['ACTIVATING', 'ACTIVE'];

/** A row without a role: that role may never do it. Live states only, where the list says so. */
const table: Record<GrantAction, Partial<Record<Role, readonly GrantState[] | typeof always>>> = {
  see: {
    requester: always,
    subject: always,
    approver: always,
    operator: always,
    security: always,
    auditor: always,
  },
  'see-record': {
    requester: always,
    subject: always,
    approver: always,
    operator: always,
    security: always,
    auditor: always,
  },
  // ACTIVE: an extension may be waiting for its approval.
  decide: { approver: ['APPROVAL_AWAITED', 'ACTIVE'] },
  withdraw: { requester: [...undecided, ...standing], subject: [...undecided, ...standing] },
  revoke: { approver: liveStates, operator: liveStates, security: liveStates },
  extend: { requester: ['ACTIVE'], subject: ['ACTIVE'] },
  collect: { subject: ['ACTIVE'] },
  renew: { subject: ['ACTIVE'] },
  // An emergency, also while it is still used; who of them may, the grant's own rule says.
  review: { approver: always, security: always },
};

/** Rights over the whole installation. */
const everywhere = {
  'see-all': ['operator', 'security', 'auditor'],
  'open-payloads': ['operator', 'maintainer'],
  'see-temporal': ['operator', 'maintainer'],
  /** Signal, terminate, reset and the like by hand, in the Temporal UI. */
  'change-temporal': ['maintainer'],
  'search-audit': ['auditor', 'security'],
} as const satisfies Record<string, readonly Role[]>;

export type InstallationAction = keyof typeof everywhere;

export function mayEverywhere(action: InstallationAction, as: readonly Role[]): boolean {
  return everywhere[action].some((role) => as.includes(role));
}

export function may(action: GrantAction, as: readonly Role[], state: GrantState): boolean {
  return as.some((role) => {
    const states = table[action][role];
    return states === always || (states?.includes(state) ?? false);
  });
}

/** Could these roles do it in some state? Tells "too late" (409) from "not you" (403). */
export function mayEver(action: GrantAction, as: readonly Role[]): boolean {
  return as.some((role) => table[action][role] !== undefined);
}

/** What `actor` is to this grant, by the view alone; `groups` are the actor's groups of today's directory. */
export function grantRoles(actor: { ref: Ref; groups: readonly string[] }, view: GrantView): Role[] {
  const mine = new Set<Selector>([actor.ref, ...actor.groups.map((group) => `group:${group}`)]);
  const found: Role[] = [];
  if (view.requester === actor.ref) found.push('requester');
  if (view.subject === actor.ref) found.push('subject');
  const isAsked = view.asked.some((selector) => mine.has(selector));
  if (isAsked) found.push('approver');
  return found;
}
