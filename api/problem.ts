/** Every way in which a call can be refused, and the one table that gives each its status. */
import type { ErrorRequestHandler } from 'express';
import type { FailureCode, Refusal } from '../workflows/domain/failure.js';
import type { GrantState } from '../workflows/domain/states.js';
import type { ProblemBody } from './schemas/problem.js';

export const statusOf: Record<FailureCode, number> = {
  'unknown-entitlement': 422,
  'not-eligible': 403,
  'may-not-request-for': 403,
  'inactive-subject': 422,
  'duration-too-long': 422,
  'justification-too-short': 422,
  'ticket-required': 422,
  'risk-refused': 403,
  'ceiling-refused': 403,
  'bad-evidence': 403,
  'idempotency-conflict': 422,
  'emergency-refused': 403,
  'step-up-required': 401,
  blocked: 403,

  'own-request': 403,
  'not-an-approver': 403,
  'same-human': 403,
  'already-decided': 409,
  'already-over': 409,
  'not-now': 409,
  'not-judged': 503,
  'duration-not-shorter': 422,
  'extension-refused': 403,
  'extension-too-long': 422,
  'too-many-decisions': 429,
  unreadable: 422,

  'passkey-required': 403,
  'passkey-unknown': 403,
  'passkey-refused': 403,
  'passkey-replayed': 409,
  'passkey-counter': 403,
  'passkey-unverified-user': 403,
  'passkey-exists': 409,
  'too-many-passkeys': 409,

  'not-the-subject': 403,
  'not-active': 409,
  'already-collected': 409,
  'collect-window-closed': 409,

  'target-refused': 502,
  'target-unavailable': 503,
  tombstone: 409,
  'clock-skew': 503,
  'bad-receipt': 503,

  unauthenticated: 401,
  'fresh-sign-in-required': 401,
  forbidden: 403,
  'cross-site': 403,
  'not-found': 404,
  invalid: 422,
  malformed: 400,
  'too-large': 413,
  'unsupported-media-type': 415,
  'rate-limited': 429,
  'temporal-unavailable': 503,
  'identity-unavailable': 503,
  internal: 500,
};

const titles: Record<FailureCode, string> = {
  'unknown-entitlement': 'There is no such entitlement',
  'not-eligible': 'Not eligible',
  'may-not-request-for': 'May not ask for someone else',
  'inactive-subject': 'The subject is not active',
  'duration-too-long': 'The duration is too long',
  'justification-too-short': 'The justification is too short',
  'ticket-required': 'A ticket is required',
  'risk-refused': 'Refused because of its risk',
  'ceiling-refused': 'Refused by the limit of the target',
  'bad-evidence': 'The evidence does not hold',
  'idempotency-conflict': 'The key was used for something else',
  'emergency-refused': 'No emergency access here',
  'step-up-required': 'Prove your passkey first',
  blocked: 'Blocked by the policy',
  'own-request': 'Nobody decides on their own request',
  'not-an-approver': 'Not asked to decide',
  'same-human': 'The same person decided before',
  'already-decided': 'Already decided',
  'already-over': 'Already over',
  'not-now': 'Not in this state',
  'not-judged': 'The decision could not be judged',
  'duration-not-shorter': 'The duration is not shorter',
  'extension-refused': 'The extension is refused',
  'extension-too-long': 'The extension is too long',
  'too-many-decisions': 'Too many decisions',
  unreadable: 'The message could not be read',
  'passkey-required': 'A passkey is required',
  'passkey-unknown': 'This passkey is not enrolled',
  'passkey-refused': 'The passkey proves something else',
  'passkey-replayed': 'This proof was used before',
  'passkey-counter': 'The passkey may have been copied',
  'passkey-unverified-user': 'The passkey did not check who you are',
  'passkey-exists': 'This passkey is enrolled already',
  'too-many-passkeys': 'Too many passkeys',
  'not-the-subject': 'Only for the subject',
  'not-active': 'Not active',
  'already-collected': 'Already collected',
  'collect-window-closed': 'Collected too long ago',
  'target-refused': 'The target refused',
  'target-unavailable': 'The target cannot be reached',
  tombstone: 'The grant is over at the target',
  'clock-skew': 'Clocks differ too much',
  'bad-receipt': 'Answer of the target not proved',
  unauthenticated: 'Sign in first',
  'fresh-sign-in-required': 'Sign in again',
  forbidden: 'Not allowed',
  'cross-site': 'Refused from another site',
  'not-found': 'Not found',
  invalid: 'Some fields are wrong',
  malformed: 'The request cannot be read',
  'too-large': 'Too large',
  'unsupported-media-type': 'Wrong content type',
  'rate-limited': 'Too many requests',
  'temporal-unavailable': 'Temporal cannot be reached',
  'identity-unavailable': 'The identity provider cannot be reached',
  internal: 'Something went wrong here',
};

export interface FieldError {
  /** JSON pointer into the body. */
  pointer?: string;
  /** Name of a query parameter or header. */
  parameter?: string;
  detail: string;
}

interface ProblemExtras {
  state?: GrantState;
  errors?: FieldError[];
  retryAfterSeconds?: number;
  /** For the operator's log alone. */
  cause?: unknown;
}

/** Thrown by handlers and guards. `message` is shown to the caller, `cause` only logged. */
export class Problem extends Error {
  readonly code: FailureCode;
  readonly state?: GrantState;
  readonly errors?: FieldError[];
  readonly retryAfterSeconds?: number;

  constructor(code: FailureCode, detail: string, extras: ProblemExtras = {}) {
    super(detail, { cause: extras.cause });
    this.name = 'Problem';
    this.code = code;
    this.state = extras.state;
    this.errors = extras.errors;
    this.retryAfterSeconds = extras.retryAfterSeconds;
  }

  get status(): number {
    return statusOf[this.code];
  }

  get title(): string {
    return titles[this.code];
  }
}

export function refused(refusal: Refusal, extras?: ProblemExtras): Problem {
  return new Problem(refusal.refused, refusal.because, extras);
}

/** The same sentence whether a grant does not exist or may not be known, so that neither can be told from the other. */
export function notFound(): Problem {
  return new Problem('not-found', 'There is no such grant, or it is not yours to see.');
}

/** Turns whatever was thrown into a problem. What nobody expected becomes `internal`, with no word of what it was. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const type = bodyParserType(error);
  if (type === 'entity.too.large') {
    return new Problem('too-large', 'The body is larger than 32 kB; send less.', { cause: error });
  }
  if (type === 'parameters.too.many') {
    return new Problem('too-large', 'The form has more fields than any form here; send only its own.', {
      cause: error,
    });
  }
  if (type === 'entity.parse.failed') {
    return new Problem('malformed', 'The body is not JSON; send one JSON object in UTF-8.', { cause: error });
  }
  if (type === 'encoding.unsupported' || type === 'charset.unsupported') {
    return new Problem('unsupported-media-type', 'Send the body uncompressed, in UTF-8.', { cause: error });
  }
  if (type !== undefined || error instanceof URIError) {
    return new Problem('malformed', 'The request cannot be read; check its address and body.', { cause: error });
  }
  return new Problem('internal', 'Something went wrong here. The request id names it in the log.', { cause: error });
}

/** The body parser of express marks its errors with a `type` and a 4xx `status`. */
function bodyParserType(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  if (error.status < 400 || error.status > 499) return undefined;
  return 'type' in error && typeof error.type === 'string' ? error.type : 'request';
}

export function problemBody(problem: Problem, requestId: string): ProblemBody {
  return {
    type: problem.code,
    title: problem.title,
    status: problem.status,
    detail: problem.message,
    requestId,
    state: problem.state,
    errors: problem.errors,
  };
}

/** The last middleware of the API: answers every error as `application/problem+json`. */
export function answerProblems(report: (error: unknown, requestId: string) => void): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const problem = problemOf(error);
    const requestId = String(response.locals['requestId'] ?? '');
    if (problem.status >= 500) report(error, requestId);
    // Part of an answer is out already: only express can end it now.
    if (response.headersSent) return next(error);
    if (problem.retryAfterSeconds !== undefined) response.set('Retry-After', String(problem.retryAfterSeconds));
    if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer');
    response
      .status(problem.status)
      .set('Cache-Control', 'no-store')
      .type('application/problem+json')
      .send(JSON.stringify(problemBody(problem, requestId)));
    void request;
  };
}
