/** Deciding on a grant, and collecting its credential. */
import type { z } from 'zod';
import type { FailureCode } from '../../workflows/domain/failure.js';
import type { GrantAction } from '../../workflows/domain/rights.js';
import type { Decided, Handlers } from '../handlers.js';
import type { Actor } from '../identity/actor.js';
import { goneWith, route, type Answer, type Route } from '../route.js';
import { CredentialBody, DecisionApplied, DecisionRecorded } from '../schemas/answers.js';
import { Approve, CollectCredential, Deny, End, Extend, Review } from '../schemas/decisions.js';
import { GrantRef } from '../schemas/names.js';

const refusals: FailureCode[] = ['already-over', 'already-decided', 'not-now', 'not-judged', 'idempotency-conflict'];
const widening: FailureCode[] = ['fresh-sign-in-required', 'too-many-decisions', 'bad-evidence'];

const passkeys: FailureCode[] = [
  'passkey-required',
  'passkey-unknown',
  'passkey-refused',
  'passkey-replayed',
  'passkey-counter',
  'passkey-unverified-user',
];

export function decisionRoutes(handlers: Handlers): Route[] {
  return [
    decision('approve', 'decide', 'Approve what is being decided', Approve, handlers.approve, [
      ...widening,
      'own-request',
      'not-an-approver',
      'same-human',
      'duration-not-shorter',
      ...passkeys,
    ]),
    decision('deny', 'decide', 'Deny what is being decided: the request, or only the extension', Deny, handlers.deny, [
      'not-an-approver',
    ]),
    decision('withdraw', 'withdraw', 'Take the request back, or give the access back', End, handlers.withdraw, [
      'forbidden',
    ]),
    decision('revoke', 'revoke', 'End it now', End, handlers.revoke, ['forbidden']),
    decision('extend', 'extend', 'Ask for more time', Extend, handlers.extend, [
      ...widening,
      'forbidden',
      'extension-refused',
      'extension-too-long',
    ]),
    decision('review', 'review', 'Look back at an emergency: was it justified?', Review, handlers.review, [
      ...widening,
      'own-request',
      'not-an-approver',
    ]),
    route(
      {
        method: 'post',
        path: '/v1/grants/:id/credential',
        may: 'collect',
        summary:
          'Collect the credential: once, by the subject, while the access is active; with `wait`, as soon as it is; a lost one is renewed',
        params: GrantRef,
        body: CollectCredential,
        answer: { 200: CredentialBody },
        refusals: [
          'not-the-subject',
          'not-active',
          'already-collected',
          'collect-window-closed',
          'step-up-required',
          'not-now',
          'already-over',
          'not-judged',
          'bad-evidence',
          'not-eligible',
          'target-unavailable',
          'fresh-sign-in-required',
        ],
      },
      async ({ params, body }, actor, { response }) => ({
        status: 200,
        body: await handlers.collect(params.id, body, actor, goneWith(response)),
      }),
    ),
  ];
}

function decision<Body>(
  name: string,
  may: GrantAction,
  summary: string,
  body: z.ZodType<Body>,
  decide: (id: string, body: Body, actor: Actor) => Promise<Decided>,
  more: FailureCode[],
): Route {
  return route(
    {
      method: 'post',
      path: `/v1/grants/:id/${name}`,
      may,
      summary,
      params: GrantRef,
      body,
      answer: { 200: DecisionApplied, 202: DecisionRecorded },
      refusals: [...refusals, ...more],
    },
    async ({ params, body: given }, actor): Promise<Answer> => {
      const decided = await decide(params.id, given, actor);
      return 'recorded' in decided
        ? { status: 202, body: decided, headers: { Location: `/v1/grants/${params.id}` } }
        : { status: 200, body: decided };
    },
  );
}
