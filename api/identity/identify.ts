/** Finds out who calls, once per request, before any route. Not finding anyone is no error here: the route decides. */
import type { RequestHandler } from 'express';
import type { Directory } from '../../activities/policy/directory.js';
import type { SignIn } from '../../workflows/domain/evidence.js';
import type { Instant } from '../../workflows/domain/time.js';
import { Problem } from '../problem.js';
import type { Actor } from './actor.js';
import type { Bearer } from './bearer.js';
import { sessionIdleMs, sessionLongestMs, type Session, type Sessions } from './session.js';
import type { SignOuts } from './sign-outs.js';

/** How recent a sign-in must be to widen anything while sign-outs cannot be read, and to enrol a passkey. */
const freshMs = 5 * 60_000;

export type People = Pick<
  Directory,
  'isActive' | 'isBlocked' | 'nameOf' | 'groupsOf' | 'rolesOf' | 'person' | 'service' | 'serviceOfClient'
>;

export interface IdentityOptions {
  /** Today's directory. */
  people: () => People;
  sessions: Sessions;
  readBearer: (token: string) => Promise<Bearer>;
  signOuts: Pick<SignOuts, 'isOut'>;
}

export function identify(options: IdentityOptions): RequestHandler {
  return async (request, response, next) => {
    try {
      const { authorization, cookie } = request.headers;
      if (authorization !== undefined) {
        // A token that does not hold is not rescued by a cookie: the caller said who they want to be.
        response.locals['actor'] = await byBearer(options, authorization);
      } else {
        const session = await options.sessions.read(cookie);
        if (session) {
          response.locals['actor'] = await bySession(options, session);
          const renewed = await options.sessions.renew(session);
          if (renewed) response.append('Set-Cookie', renewed);
        }
      }
    } catch (error) {
      if (!(error instanceof Problem)) return next(error);
      response.locals['identityProblem'] = error;
    }
    next();
  };
}

export async function byBearer(options: IdentityOptions, authorization: string): Promise<Actor> {
  const [, token] = /^Bearer ([A-Za-z0-9._~+/=-]{1,8000})$/i.exec(authorization) ?? [];
  if (token === undefined) {
    throw new Problem('unauthenticated', 'The Authorization header must be "Bearer" and one token.');
  }
  const bearer = await options.readBearer(token);
  const people = options.people();
  const ref = bearer.kind === 'client' ? people.serviceOfClient(bearer.id)?.ref : `person:${bearer.id}`;
  if (ref === undefined) {
    throw new Problem('unauthenticated', 'The client of this token is no service of the directory.');
  }
  const signIn: SignIn = {
    time: bearer.signInTime,
    methods: bearer.kind === 'client' ? ['client'] : bearer.methods,
    groups: bearer.groups,
  };
  return known(options, { ref, signIn, by: 'bearer', until: bearer.until, madeAt: bearer.issuedAt });
}

async function bySession(options: IdentityOptions, session: Session): Promise<Actor> {
  const until = Math.min(session.startedAt + sessionLongestMs, session.seenAt + sessionIdleMs);
  const { ref, signIn, id: sessionId, startedAt: madeAt } = session;
  return known(options, { ref, signIn, by: 'session', until, madeAt, sessionId });
}

type Claim = Pick<Actor, 'ref' | 'signIn' | 'by' | 'madeAt' | 'until' | 'sessionId'>;

/**
 * The provider says who signed in; today's directory says whether that is still somebody here, and what they are. Asked again
 * where a call has waited. Throws the `Problem` that says why it is nobody any more.
 */
export async function known(
  { people, signOuts }: Pick<IdentityOptions, 'people' | 'signOuts'>,
  claim: Claim,
): Promise<Actor> {
  const { ref, signIn, by, until, sessionId, madeAt } = claim;
  const today = people();
  if (today.isBlocked(ref)) {
    throw new Problem('blocked', 'This account is blocked by the policy of this installation; ask security.');
  }
  if (!today.isActive(ref)) {
    throw new Problem('unauthenticated', 'This account is not active in the directory of Daypass.');
  }
  const out = await signOuts.isOut({ ref, madeAt, sessionId });
  if (out === true) throw new Problem('unauthenticated', 'This sign-in was ended; sign in again.');
  return {
    ref,
    name: today.nameOf(ref),
    signIn,
    groups: today.groupsOf(ref),
    roles: today.rolesOf(ref),
    by,
    madeAt,
    until,
    sessionId,
    signOutsKnown: out !== 'unknown',
  };
}

/** Widening with a sign-in that may have been ended needs a fresh one; narrowing and looking do not. */
export function requireKnownSignIn(actor: Actor, now: Instant = Date.now()): void {
  if (actor.signOutsKnown || isFresh(actor.signIn.time, now)) return;
  throw new Problem(
    'fresh-sign-in-required',
    'Sign-outs cannot be checked just now, so this needs a sign-in of the last five minutes; sign in again.',
  );
}

/** `because` says what this is for, and the way out. */
export function requireFreshSignIn(actor: Actor, because: string, now: Instant = Date.now()): void {
  if (!isFresh(actor.signIn.time, now)) throw new Problem('fresh-sign-in-required', because);
}

/** `what` says what the passkey is for. */
export function requireStepUp(actor: Actor, what: string, now: Instant = Date.now()): void {
  if (isFresh(actor.signIn.stepUp, now)) return;
  const because = `${what} with a passkey that was proved in the last five minutes; prove yours and try again.`;
  throw new Problem('step-up-required', because);
}

/** Was this within the last five minutes? */
export function isFresh(at: Instant | undefined, now: Instant = Date.now()): boolean {
  return at !== undefined && now - at < freshMs;
}
