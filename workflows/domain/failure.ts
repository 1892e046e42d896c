/** The closed list of reasons for which something is refused, in the caller's words. */

export const failureCodes = [
  // asking
  'unknown-entitlement',
  'not-eligible',
  'may-not-request-for',
  'inactive-subject',
  'duration-too-long',
  'justification-too-short',
  'ticket-required',
  'risk-refused',
  'ceiling-refused',
  'bad-evidence',
  'idempotency-conflict',
  'emergency-refused',
  'step-up-required',
  'blocked',
  // deciding
  'own-request',
  'not-an-approver',
  'same-human',
  'already-decided',
  'already-over',
  'not-now',
  'not-judged',
  'duration-not-shorter',
  'extension-refused',
  'extension-too-long',
  'too-many-decisions',
  'unreadable',
  // passkeys
  'passkey-required',
  'passkey-unknown',
  'passkey-refused',
  'passkey-replayed',
  'passkey-counter',
  'passkey-unverified-user',
  'passkey-exists',
  'too-many-passkeys',
  // the credential
  'not-the-subject',
  'not-active',
  'already-collected',
  'collect-window-closed',
  // the target
  'target-refused',
  'target-unavailable',
  'tombstone',
  'clock-skew',
  'bad-receipt',
  // the API
  'unauthenticated',
  'fresh-sign-in-required',
  'forbidden',
  'cross-site',
  'not-found',
  'invalid',
  'malformed',
  'too-large',
  'unsupported-media-type',
  'rate-limited',
  'temporal-unavailable',
  'identity-unavailable',
  'internal',
] as const;

export type FailureCode = (typeof failureCodes)[number];

/** An expected no: a code to switch on and a sentence that is safe to show to whoever asked. */
export interface Refusal {
  refused: FailureCode;
  because: string;
}

export function refuse(refused: FailureCode, because: string): Refusal {
  return { refused, because };
}

export function isRefusal(value: object): value is Refusal {
  return 'refused' in value;
}
