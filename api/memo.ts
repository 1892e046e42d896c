/**
 * What the memo of a workflow says of its grant. `request` is what every signature binds; `view` is what the workflow last said
 * of itself, and is believed only where it speaks of exactly that request: nobody is shown one request and signs another.
 */
import type { PublicJwk } from '../workflows/domain/evidence.js';
import type { Request } from '../workflows/domain/request.js';
import { viewOf } from '../workflows/domain/shown.js';
import { opened } from '../workflows/domain/state.js';
import { isTerminal } from '../workflows/domain/states.js';
import type { Instant } from '../workflows/domain/time.js';
import type { GrantView } from '../workflows/domain/view.js';

/** The memo `request`: what was asked, and what a repeated call is compared with. At most 24 kB. */
export interface RequestMemo extends Request {
  /** SHA-256 of the body as it was sent. */
  bodyDigest: string;
  /** Where the credential is sealed to; absent: to this API. */
  recipientKey?: PublicJwk;
}

export interface Found {
  /** Exactly what was asked and signed: its digest ties every decision to it. */
  request: Request;
  view: GrantView;
  bodyDigest: string;
  recipientKey?: PublicJwk;
  /** Events so far: what a decision costs is bounded by it. */
  historyLength: number;
}

export interface Described {
  grantId: string;
  memo: { request?: unknown; view?: unknown };
  isOpen: boolean;
  historyLength: number;
}

/** Undefined where the memo is not that of this grant, or its view is of another request. */
export function foundOf({ grantId, memo, isOpen, historyLength }: Described): Found | undefined {
  if (memo.request === undefined) return undefined;
  const { bodyDigest, recipientKey, ...request } = memo.request as RequestMemo;
  if (request.grantId !== grantId) return undefined;
  const view = (memo.view as GrantView | undefined) ?? initialView(request);
  if (bound.some((field) => view[field] !== request[field])) return undefined;
  const shown = undecidedView(view);
  return { request, bodyDigest, recipientKey, view: isOpen ? shown : closedView(shown), historyLength };
}

/** What the digest of the request binds and the view repeats. */
const bound = [
  'grantId',
  'requester',
  'subject',
  'requesterName',
  'subjectName',
  'entitlement',
  'target',
  'requestedDurationMs',
  'scheduledActivationTime',
  'requestTime',
] as const satisfies (keyof Request & keyof GrantView)[];

/** Before the workflow's first turn there is no view yet. */
export function initialView(request: Request): GrantView {
  return viewOf(opened({ request, evidence: '' }, request.requestTime));
}

/** While a request is decided nothing is granted: whoever signs "as asked" must be shown what was asked. */
function undecidedView(view: GrantView): GrantView {
  return view.step?.about === 'request' ? { ...view, grantedDurationMs: undefined } : view;
}

/**
 * Someone terminated the workflow under a grant that was not over: nobody drives its removal but the connector's sweep and
 * the reconcile of its target, and no page may say that it is active.
 */
function closedView(view: GrantView): GrantView {
  if (isTerminal(view.state)) return view;
  const reason = 'Its workflow was ended from outside; what it left at the target is being removed by reconciliation.';
  const conditions = view.conditions.includes('externallyModified')
    ? view.conditions
    : [...view.conditions, 'externallyModified' as const];
  const ending = view.ending ?? { code: 'cancelled', by: 'system:daypass', reason, at: view.changedAt as Instant };
  return { ...view, state: 'REVOKING', conditions, step: undefined, credential: 'none', ending };
}
