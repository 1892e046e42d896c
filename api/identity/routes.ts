/** Signing in and out in a browser. */
import { parse, serialize } from 'cookie';
import { Router } from 'express';
import type { Log } from '../../activities/platform/log.js';
import { formBody } from '../body.js';
import type { Journal } from '../journal.js';
import { Problem } from '../problem.js';
import { currentActor, type Declaration } from '../route.js';
import type { Csrf } from './csrf.js';
import { signInLongestMs, type Oidc } from './oidc.js';
import { safeReturnPath } from './return-path.js';
import type { Sessions } from './session.js';
import type { SignOuts } from './sign-outs.js';

export interface SignInOptions {
  oidc: Oidc;
  sessions: Sessions;
  signOuts: SignOuts;
  journal: Journal;
  csrf: Csrf;
  portalUrl: string;
  /** Is this person active in today's directory? */
  isActive: (ref: string) => boolean;
  log: Log;
}

type Declared = Pick<Declaration<unknown, unknown, unknown>, 'method' | 'path' | 'may'>;

/** Strangers sign in, and who is signed out already signs out without an error. */
export const signIns = {
  begin: { method: 'get', path: '/sign-in', may: 'anyone' },
  callback: { method: 'get', path: '/sign-in/callback', may: 'anyone' },
  end: { method: 'post', path: '/sign-out', may: 'anyone' },
  endAll: { method: 'post', path: '/sign-out/everywhere', may: 'anyone' },
} as const satisfies Record<string, Declared>;

export function signInRoutes(options: SignInOptions): Router {
  const { oidc, sessions, signOuts, journal, csrf, portalUrl, isActive, log } = options;
  const router = Router();
  const secure = portalUrl.startsWith('https:');
  const pendingName = secure ? '__Host-daypass-sign-in' : 'daypass-sign-in';
  const pendingCookie = (value: string, maxAge: number) =>
    serialize(pendingName, value, { httpOnly: true, sameSite: 'lax', path: '/', secure, maxAge });

  router.get(signIns.begin.path, async (request, response) => {
    const { url, sealed } = await oidc.begin(safeReturnPath(request.query['returnTo'], portalUrl));
    response.append('Set-Cookie', pendingCookie(sealed, signInLongestMs / 1_000));
    response.set('Cache-Control', 'no-store').redirect(303, url);
  });

  router.get(signIns.callback.path, async (request, response) => {
    // Used up, whatever comes of it: a code or a state serves once.
    response.append('Set-Cookie', pendingCookie('', 0));
    const callback = new URL(request.originalUrl, portalUrl);
    const { person, signIn, returnTo } = await oidc.finish(callback, parse(request.headers.cookie ?? '')[pendingName]);
    const ref = `person:${person}`;
    if (!isActive(ref)) {
      throw new Problem('forbidden', 'This account is not active in the directory of Daypass; ask who keeps it.');
    }
    // Always a new session: one that was planted in this browser before ends here.
    const { session, cookie } = await sessions.start(ref, signIn);
    log.info({ by: ref, sessionId: session.id, methods: signIn.methods }, 'signed in');
    response.append('Set-Cookie', cookie);
    response.set('Cache-Control', 'no-store').redirect(303, returnTo);
  });

  const form = formBody(4_096, 10);
  router.post([signIns.end.path, signIns.endAll.path], form, async (request, response) => {
    const actor = currentActor(response);
    response.append('Set-Cookie', sessions.clear());
    response.set('Cache-Control', 'no-store');
    if (actor?.sessionId !== undefined) {
      if (!csrf.holds(actor.sessionId, (request.body as Record<string, unknown> | undefined)?.['csrf'])) {
        response.removeHeader('Set-Cookie');
        throw new Problem(
          'cross-site',
          'This form belongs to an earlier sign-in. Load the page again and send it once more.',
        );
      }
      const everywhere = request.path.endsWith('/everywhere');
      const proof = { ref: actor.ref, madeAt: 0, sessionId: actor.sessionId };
      const isKnown = everywhere ? await signOuts.signOutEverywhere(actor.ref) : await signOuts.signOut(proof);
      log.info({ by: actor.ref, everywhere, isKnown }, 'signed out');
      if (everywhere && !isKnown) {
        throw new Problem(
          'internal',
          'You are signed out here, but other sign-ins could not be ended just now; try again.',
        );
      }
      if (everywhere) {
        // It only narrows, so it never waits for its line.
        void journal
          .note('signed-out-everywhere', actor.ref, { person: actor.ref })
          .catch((error: unknown) =>
            log.error({ err: error, by: actor.ref }, 'a sign-out everywhere is not on record'),
          );
      }
    }
    response.redirect(303, '/');
  });

  return router;
}
