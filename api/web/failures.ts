/** Every failure as a page: a sentence, and the way out. */
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { FailureCode } from '../../workflows/domain/failure.js';
import { Problem, problemOf } from '../problem.js';
import type { Desk } from './pages.js';
import { show } from './visit.js';

interface Way {
  href: string;
  text: string;
  main?: true;
}

const home: Way = { href: '/access', text: 'To my access' };

/** Headings for failures that a page can meet; the rest share one by status. */
const headings: Partial<Record<FailureCode, string>> = {
  'not-found': 'There is nothing here for you',
  unauthenticated: 'Please sign in',
  'fresh-sign-in-required': 'Please sign in again',
  'step-up-required': 'Please prove a passkey',
  forbidden: 'Not for you to do',
  'cross-site': 'This form is too old',
  'temporal-unavailable': 'The engine cannot be reached',
  'rate-limited': 'A little slower, please',
  'already-collected': 'Already handed over',
  'collect-window-closed': 'Already handed over',
  'not-active': 'The access is not active',
  'not-the-subject': 'Not yours to collect',
  'too-large': 'That was too much',
};

/** The page that a form was sent from. */
function formOf(path: string): string {
  return /^\/(grants\/[0-9a-z]{26}|ask|passkeys)(?=\/|$)/.exec(path)?.[0] ?? '/';
}

/** Calls of the API keep their own answers; express matches paths in any case. */
const calls = /^\/(v1|health|metrics|openapi\.json)(?=\/|$)/i;

export const noSuchPage: RequestHandler = (request, _response, next) => {
  if (calls.test(request.path)) return next();
  next(new Problem('not-found', 'This page does not exist, or it is not yours to see.'));
};

export function answerProblemPages(
  desk: Desk,
  report: (error: unknown, requestId: string) => void,
): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const problem = problemOf(error);
    if (calls.test(request.path) || response.headersSent) return next(error);
    const asked = request.method === 'GET' ? request.originalUrl : formOf(request.path);
    const signIn: Way = { href: `/sign-in?returnTo=${encodeURIComponent(asked)}`, text: 'Sign in', main: true };
    // Whoever follows a link signs in and lands on it; a form that was sent cannot be sent again for them.
    if (problem.code === 'unauthenticated' && request.method === 'GET' && request.path !== '/sign-in/callback') {
      return response.redirect(303, signIn.href);
    }
    const stepUp: Way = { href: `/step-up?returnTo=${encodeURIComponent(asked)}`, text: 'Prove a passkey', main: true };
    const requestId = String(response.locals['requestId'] ?? '');
    if (problem.status >= 500) report(error, requestId);
    if (problem.retryAfterSeconds !== undefined) response.set('Retry-After', String(problem.retryAfterSeconds));
    const again: Way = { href: asked, text: request.method === 'GET' ? 'Try again' : 'Back to the page', main: true };
    const isWorthAgain = request.method !== 'GET' || problem.status >= 500;
    const prove = problem.code === 'step-up-required' ? stepUp : signIn;
    const ways = problem.status === 401 ? [prove] : isWorthAgain ? [again, home] : [home];
    show(response, desk, 'message', {
      status: problem.status,
      title: headings[problem.code] ?? problem.title,
      heading: headings[problem.code] ?? problem.title,
      sentence: problem.message,
      drawing:
        problem.status === 404 ? 'lost' : problem.status === 401 ? 'pass' : problem.status >= 500 ? 'clock' : 'cross',
      ways,
      reference: problem.status >= 500 ? requestId : undefined,
      // The count would ask what has just failed.
      waiting: '',
    }).catch(next);
  };
}
