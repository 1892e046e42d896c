/**
 * The record of one grant: what happened, in order, chained by hash, so that a changed, dropped or inserted line shows.
 *
 * hash = SHA-256 over the RFC 8785 form of the record without `hash`, as lower-case hex; `previous` of the first is 64 zeros.
 */
import type { Ref } from './actor.js';
import type { Instant } from './time.js';

export interface AuditRecord {
  grantId: string;
  /** From 1, without gaps. */
  sequence: number;
  at: Instant;
  /** Kebab-case, from the closed union of events. */
  type: string;
  by: Ref;
  /** What an auditor needs to follow this event. Never a secret. */
  detail: { [key: string]: unknown };
  previous: string;
  hash: string;
}
