/** What was asked: the facts that never change after the start of a grant. Plain JSON. */
import type { Ref } from './actor.js';
import type { Instant, Ms } from './time.js';

export interface Ticket {
  system: string;
  number: string;
}

export interface Request {
  grantId: string;
  requester: Ref;
  subject: Ref;
  /** For people's eyes; the refs decide. */
  requesterName: string;
  subjectName: string;
  /** `orders-db/read` */
  entitlement: string;
  /** `orders-db` */
  target: string;
  justification: string;
  ticket?: Ticket;
  requestedDurationMs: Ms;
  scheduledActivationTime?: Instant;
  requestTime: Instant;
  /** Break-glass: nobody is waited for, security is told at once, and a review is owed. `justification` says why. */
  emergency?: true;
}

/** What starts the workflow: the facts, and the API's signature over them. */
export interface SignedRequest {
  request: Request;
  /** Compact JWS over a `RequestStatement`. */
  evidence: string;
}
