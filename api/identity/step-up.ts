/** A passkey proven in a sign-in that goes on: from then on it counts as stronger, under a new session; the old one is ended. */
import type { Log } from '../../activities/platform/log.js';
import type { Assertion } from '../../workflows/domain/evidence.js';
import { Problem } from '../problem.js';
import type { Actor } from './actor.js';
import type { Sessions } from './session.js';
import type { SignOuts } from './sign-outs.js';
import type { Webauthn } from './webauthn.js';

export interface StepUpOptions {
  webauthn: Pick<Webauthn, 'stepUp'>;
  sessions: Pick<Sessions, 'read' | 'stepUp'>;
  signOuts: Pick<SignOuts, 'signOut'>;
  log: Log;
}

/** Answers the cookie of the new session. */
export type StepUp = (actor: Actor, assertion: Assertion, cookieHeader: string | undefined) => Promise<string>;

export function createStepUp({ webauthn, sessions, signOuts, log }: StepUpOptions): StepUp {
  return async (actor, assertion, cookieHeader) => {
    await webauthn.stepUp(actor, assertion);
    const before = await sessions.read(cookieHeader);
    if (before?.id !== actor.sessionId || before?.ref !== actor.ref) {
      throw new Problem('unauthenticated', 'This sign-in is over; sign in again.');
    }
    const { session, cookie } = await sessions.stepUp(before);
    // Where nobody can be told now, the old session lives on as what it was: one without a step-up.
    const isKnown = await signOuts.signOut({ ref: before.ref, madeAt: before.startedAt, sessionId: before.id });
    log.info({ by: actor.ref, sessionId: session.id, before: before.id, isKnown }, 'stepped up');
    return cookie;
  };
}
