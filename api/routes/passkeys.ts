/** A person's own passkeys, and the challenges that they answer. */
import type { FailureCode } from '../../workflows/domain/failure.js';
import type { Handlers } from '../handlers.js';
import type { StepUp } from '../identity/step-up.js';
import type { Webauthn } from '../identity/webauthn.js';
import { Problem } from '../problem.js';
import { route, type Route } from '../route.js';
import { AssertionBody } from '../schemas/assertion.js';
import { AskGrant } from '../schemas/ask.js';
import { GrantRef, idempotencyKey } from '../schemas/names.js';
import {
  ApprovalChallenge,
  Challenge,
  EnrolPasskey,
  passkeyBody,
  PasskeyBody,
  passkeyList,
  PasskeyList,
  RemovePasskey,
  RenamePasskey,
} from '../schemas/passkeys.js';
import { isoInstant } from '../schemas/time.js';

export interface PasskeyRouteOptions {
  handlers: Pick<Handlers, 'challengedByAsk' | 'challengedByApproval'>;
  webauthn: Webauthn;
  stepUp: StepUp;
}

const enrolling: FailureCode[] = ['forbidden', 'fresh-sign-in-required', 'step-up-required', 'too-many-passkeys'];
export const proving: FailureCode[] = [
  'passkey-unknown',
  'passkey-refused',
  'passkey-replayed',
  'passkey-counter',
  'passkey-unverified-user',
];

export function passkeyRoutes({ handlers, webauthn, stepUp }: PasskeyRouteOptions): Route[] {
  return [
    route(
      {
        method: 'get',
        path: '/v1/me/passkeys',
        may: 'person',
        summary: 'My passkeys, and how strong this sign-in is',
        answer: { 200: PasskeyList },
        refusals: ['forbidden'],
      },
      async (_input, actor) => ({
        status: 200,
        body: passkeyList(actor.signIn, await webauthn.passkeysOf(actor)),
      }),
    ),
    route(
      {
        method: 'post',
        path: '/v1/me/passkeys/challenge',
        may: 'person',
        summary: 'Begin to enrol a passkey: in a browser, within five minutes of a sign-in',
        answer: { 200: Challenge },
        refusals: enrolling,
      },
      async (_input, actor) => ({ status: 200, body: await webauthn.askEnrolment(actor) }),
    ),
    route(
      {
        method: 'post',
        path: '/v1/me/passkeys',
        may: 'person',
        summary: 'Enrol a passkey',
        body: EnrolPasskey,
        answer: { 201: PasskeyBody },
        refusals: [...enrolling, 'passkey-refused', 'passkey-unverified-user', 'passkey-exists'],
      },
      async ({ body }, actor) => ({ status: 201, body: passkeyBody(await webauthn.enrol(actor, body)) }),
    ),
    route(
      {
        method: 'post',
        path: '/v1/me/passkeys/rename',
        may: 'person',
        summary: 'Call a passkey something else',
        body: RenamePasskey,
        answer: { 200: PasskeyList },
        refusals: ['forbidden', 'passkey-unknown'],
      },
      async ({ body }, actor) => {
        await webauthn.rename(actor, body);
        return { status: 200, body: passkeyList(actor.signIn, await webauthn.passkeysOf(actor)) };
      },
    ),
    route(
      {
        method: 'post',
        path: '/v1/me/passkeys/remove',
        may: 'person',
        summary: 'Remove a passkey: it counts for nothing from now on, and does not come back',
        body: RemovePasskey,
        answer: { 200: PasskeyList },
        refusals: ['forbidden', 'passkey-unknown'],
      },
      async ({ body }, actor) => {
        await webauthn.remove(actor, body);
        return { status: 200, body: passkeyList(actor.signIn, await webauthn.passkeysOf(actor)) };
      },
    ),
    route(
      {
        method: 'post',
        path: '/v1/me/step-up/challenge',
        may: 'person',
        summary: 'Begin to prove a passkey in this sign-in',
        answer: { 200: Challenge },
        refusals: ['forbidden', 'passkey-unknown'],
      },
      async (_input, actor) => ({ status: 200, body: await webauthn.askStepUp(actor) }),
    ),
    route(
      {
        method: 'post',
        path: '/v1/me/step-up',
        may: 'person',
        summary: 'Prove a passkey in this sign-in: it goes on under a new session, as a stronger one',
        body: AssertionBody,
        answer: { 200: PasskeyList.shape.signIn },
        refusals: ['forbidden', ...proving],
      },
      async ({ body }, actor, { request }) => {
        const cookie = await stepUp(actor, body, request.headers.cookie);
        const { signIn } = passkeyList({ ...actor.signIn, stepUp: Date.now() }, []);
        return { status: 200, body: signIn, headers: { 'Set-Cookie': cookie } };
      },
    ),
    route(
      {
        method: 'post',
        path: '/v1/grants/:id/approve/challenge',
        may: 'decide',
        summary: 'What a passkey must sign, so that exactly this approval can carry its proof',
        params: GrantRef,
        body: ApprovalChallenge,
        answer: { 200: Challenge },
        refusals: ['not-an-approver', 'own-request', 'already-decided', 'already-over', 'not-now', 'passkey-unknown'],
      },
      async ({ params, body }, actor) => {
        const decided = await handlers.challengedByApproval(params.id, body, actor);
        return { status: 200, body: await webauthn.askDecision(actor, decided) };
      },
    ),
    route(
      {
        method: 'post',
        path: '/v1/grants/challenge',
        may: 'signed-in',
        summary: 'What a passkey must sign, so that exactly this request can carry its proof',
        body: AskGrant,
        idempotent: true,
        answer: { 200: Challenge },
        refusals: ['not-eligible', 'passkey-unknown'],
      },
      async ({ body }, actor, { request }) => {
        const key = idempotencyKey.safeParse(request.headers['idempotency-key']);
        if (!key.success) {
          throw new Problem('invalid', 'Send an Idempotency-Key: the request that the passkey signs is made from it.');
        }
        const { challenged, requestTime } = await handlers.challengedByAsk(body, actor, key.data);
        const asked = await webauthn.askDecision(actor, challenged);
        return { status: 200, body: { ...asked, requestTime: isoInstant(requestTime) } };
      },
    ),
  ];
}
