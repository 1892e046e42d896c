/**
 * What every call does, independent of how it came: JSON routes and HTML forms call the same functions.
 *
 * Input is parsed before (the schemas of `api/schemas/`), the actor comes from the sign-in. A refusal is a thrown `Problem`.
 */
import { askHandlers } from './handlers/ask.js';
import { collectHandler } from './handlers/credential.js';
import { decisionHandlers } from './handlers/decide.js';
import type { HandlerDeps } from './handlers/deps.js';
import { entitlementsHandler } from './handlers/entitlements.js';
import { seeHandlers } from './handlers/see.js';
import { createWaits } from './handlers/waits.js';
import type { Actor } from './identity/actor.js';
import type { CredentialBody, EntitlementList, GrantPage, RecordBody } from './schemas/answers.js';
import type { AskGrant } from './schemas/ask.js';
import type { Approve, CollectCredential, Deny, End, Extend, Review } from './schemas/decisions.js';
import type { GrantBody, OutcomeBody } from './schemas/grant.js';
import type { ListApprovals, ListGrants, SeeGrant } from './schemas/lists.js';
import type { Challenged } from '../workflows/domain/challenge.js';
import type { GrantState } from '../workflows/domain/states.js';
import type { Instant } from '../workflows/domain/time.js';

/** Judged and applied; or durably recorded while no worker was there to judge it. */
export type Decided =
  { decisionId: string; outcome: OutcomeBody; state: GrantState } | { decisionId: string; recorded: true };

export interface Handlers {
  /** Starts a grant. The same key with the same body finds the grant of the first call (`isNew: false`). */
  ask(body: AskGrant, actor: Actor, idempotencyKey?: string): Promise<{ grant: GrantBody; isNew: boolean }>;
  /** What a passkey has to sign, so that `ask` with the same body, key and this `requestTime` can carry its assertion. */
  challengedByAsk(
    body: AskGrant,
    actor: Actor,
    idempotencyKey: string,
  ): Promise<{ challenged: Challenged; requestTime: Instant }>;
  /** What a passkey has to sign, so that `approve` with the same body can carry its assertion. */
  challengedByApproval(id: string, body: Approve & { decisionId: string }, actor: Actor): Promise<Challenged>;
  list(query: ListGrants, actor: Actor): Promise<GrantPage>;
  /** What waits for this actor's decision. */
  approvals(query: ListApprovals, actor: Actor): Promise<GrantPage>;
  /** With `wait`, answers when the grant changes or the time is up. */
  see(id: string, query: SeeGrant, actor: Actor, gone?: AbortSignal): Promise<GrantBody>;
  /** The grant's audit chain; `temporal-unavailable` when no worker answers. */
  record(id: string, actor: Actor): Promise<RecordBody>;
  approve(id: string, body: Approve, actor: Actor): Promise<Decided>;
  deny(id: string, body: Deny, actor: Actor): Promise<Decided>;
  withdraw(id: string, body: End, actor: Actor): Promise<Decided>;
  revoke(id: string, body: End, actor: Actor): Promise<Decided>;
  extend(id: string, body: Extend, actor: Actor): Promise<Decided>;
  review(id: string, body: Review, actor: Actor): Promise<Decided>;
  /** With `wait`, as soon as the access is active; with `renew`, another credential is made first. */
  collect(id: string, body: CollectCredential, actor: Actor, gone?: AbortSignal): Promise<CredentialBody>;
  entitlements(actor: Actor): Promise<EntitlementList>;
}

export function createHandlers(deps: HandlerDeps): Handlers {
  const waits = createWaits(deps);
  return {
    ...askHandlers(deps),
    ...seeHandlers(deps, waits),
    ...decisionHandlers(deps),
    collect: collectHandler(deps, waits, createWaits(deps)),
    entitlements: entitlementsHandler(deps),
  };
}
