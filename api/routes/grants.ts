/** Asking, listing and looking at grants. */
import type { Handlers } from '../handlers.js';
import { Problem } from '../problem.js';
import { goneWith, route, type Route } from '../route.js';
import { EntitlementList, GrantPage, RecordBody } from '../schemas/answers.js';
import { AskGrant } from '../schemas/ask.js';
import { GrantBody } from '../schemas/grant.js';
import { ListApprovals, ListGrants, SeeGrant } from '../schemas/lists.js';
import { GrantRef, idempotencyKey } from '../schemas/names.js';

const grantPath = '/v1/grants/:id';

export function grantRoutes(handlers: Handlers): Route[] {
  return [
    route(
      {
        method: 'post',
        path: '/v1/grants',
        may: 'signed-in',
        summary: 'Ask for access',
        body: AskGrant,
        idempotent: true,
        answer: { 201: GrantBody, 200: GrantBody },
        refusals: [
          'unknown-entitlement',
          'not-eligible',
          'may-not-request-for',
          'inactive-subject',
          'duration-too-long',
          'justification-too-short',
          'ticket-required',
          'idempotency-conflict',
          'fresh-sign-in-required',
          'emergency-refused',
          'step-up-required',
          'blocked',
          'passkey-required',
          'passkey-unknown',
          'passkey-refused',
          'passkey-replayed',
          'passkey-counter',
          'passkey-unverified-user',
        ],
      },
      async ({ body }, actor, { request }) => {
        const { grant, isNew } = await handlers.ask(body, actor, keyOf(request.headers['idempotency-key']));
        return {
          status: isNew ? 201 : 200,
          body: grant,
          headers: { Location: `/v1/grants/${grant.grantId}` },
        };
      },
    ),
    route(
      {
        method: 'get',
        path: '/v1/grants',
        may: 'signed-in',
        summary: 'List grants that concern the caller; every grant for operators, security and auditors',
        query: ListGrants,
        answer: { 200: GrantPage },
      },
      async ({ query }, actor) => ({ status: 200, body: await handlers.list(query, actor) }),
    ),
    route(
      {
        method: 'get',
        path: grantPath,
        may: 'see',
        summary: 'See a grant; with `wait`, when it changes or the time is up',
        params: GrantRef,
        query: SeeGrant,
        answer: { 200: GrantBody },
      },
      async ({ params, query }, actor, { response }) => ({
        status: 200,
        body: await handlers.see(params.id, query, actor, goneWith(response)),
      }),
    ),
    route(
      {
        method: 'get',
        path: `${grantPath}/record`,
        may: 'see-record',
        summary: 'The grant’s own audit chain, oldest first',
        params: GrantRef,
        answer: { 200: RecordBody },
      },
      async ({ params }, actor) => ({ status: 200, body: await handlers.record(params.id, actor) }),
    ),
    route(
      {
        method: 'get',
        path: '/v1/approvals',
        may: 'signed-in',
        summary: 'What waits for the caller’s decision or review',
        query: ListApprovals,
        answer: { 200: GrantPage },
      },
      async ({ query }, actor) => ({ status: 200, body: await handlers.approvals(query, actor) }),
    ),
    route(
      {
        method: 'get',
        path: '/v1/entitlements',
        may: 'signed-in',
        summary: 'What the caller may ask for, with presets and what it will take',
        answer: { 200: EntitlementList },
      },
      async (_input, actor) => ({ status: 200, body: await handlers.entitlements(actor) }),
    ),
  ];
}

function keyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const found = idempotencyKey.safeParse(header);
  if (found.success) return found.data;
  const detail = found.error.issues[0]?.message ?? 'The Idempotency-Key is wrong';
  throw new Problem('invalid', `${detail}.`, { errors: [{ parameter: 'Idempotency-Key', detail }] });
}
