/** One right call of every operation: where fuzzing starts from, and the proof that it reaches what lies behind the guards. */
import { randomUUID } from 'node:crypto';
import { readOrders, writeOrders } from '../../support/api-world.js';

export interface Case {
  /** Who may make it. */
  as: string;
  body?: () => unknown;
  query?: string;
  /** The grant that it is about. */
  on?: 'awaited' | 'active' | 'emergency';
  /** With an `Idempotency-Key`. */
  keyed?: true;
  gives: number;
  /** It waits for others before it answers, at most so long beyond what every call may take. */
  waitsMs?: number;
  /** It never ends by itself. */
  isStream?: true;
}

const assertion = {
  credentialId: 'AAAA',
  authenticatorData: 'AAAA',
  clientDataJSON: 'AAAA',
  signature: 'AAAA',
  nonce: 'A'.repeat(22),
};
const enrolment = {
  name: 'Key',
  nonce: 'A'.repeat(22),
  credentialId: 'AAAA',
  clientDataJSON: 'AAAA',
  attestationObject: 'AAAA',
};

/** A signal to a workflow, and then the question for its outcome. */
const decided = { waitsMs: 2_000 };

export const cases: Record<string, Case> = {
  'post /v1/grants': { as: 'engineer', body: () => readOrders, keyed: true, gives: 201 },
  'get /v1/grants': { as: 'engineer', query: 'limit=5', gives: 200 },
  'get /v1/grants/{id}': { as: 'engineer', on: 'active', gives: 200 },
  'get /v1/grants/{id}/record': { as: 'engineer', on: 'active', gives: 200, waitsMs: 2_000 },
  'get /v1/grants/{id}/events': { as: 'engineer', on: 'active', gives: 200, isStream: true },
  'post /v1/grants/{id}/approve': { as: 'manager', on: 'awaited', body: () => ({}), gives: 200, ...decided },
  'post /v1/grants/{id}/deny': {
    as: 'manager',
    on: 'awaited',
    body: () => ({ reason: 'No.' }),
    gives: 200,
    ...decided,
  },
  'post /v1/grants/{id}/withdraw': { as: 'engineer', on: 'active', body: () => ({}), gives: 200, ...decided },
  'post /v1/grants/{id}/revoke': { as: 'operator', on: 'active', body: () => ({}), gives: 200, ...decided },
  'post /v1/grants/{id}/extend': {
    as: 'engineer',
    on: 'active',
    body: () => ({ reason: 'It takes longer.', duration: 'PT5M' }),
    gives: 200,
    ...decided,
  },
  'post /v1/grants/{id}/review': {
    as: 'security',
    on: 'emergency',
    body: () => ({ verdict: 'justified', comment: 'It was.' }),
    gives: 200,
    ...decided,
  },
  'post /v1/grants/{id}/credential': {
    as: 'engineer',
    on: 'active',
    body: () => ({ collectId: randomUUID() }),
    gives: 200,
    waitsMs: 65_000,
  },
  'get /v1/approvals': { as: 'manager', gives: 200 },
  'get /v1/entitlements': { as: 'engineer', gives: 200 },
  'get /v1/audit/records': { as: 'auditor', query: 'limit=5', gives: 200, waitsMs: 5_000 },
  'get /v1/audit/export': { as: 'auditor', query: 'format=jsonl', gives: 200, waitsMs: 20_000 },
  'post /v1/codec/decode': { as: 'maintainer', body: () => ({ payloads: [{ data: 'AAAA' }] }), gives: 200 },
  'post /v1/codec/encode': { as: 'maintainer', body: () => ({ payloads: [] }), gives: 403 },
  'get /v1/keys': { as: 'nobody', gives: 200 },
  'get /v1/me/passkeys': { as: 'engineer', gives: 200 },
  // What no browser answered proves nothing: `test/integration/api-passkeys.ts` has a device.
  'post /v1/me/passkeys/challenge': { as: 'engineer by cookie', gives: 200 },
  'post /v1/me/passkeys': { as: 'engineer by cookie', body: () => enrolment, gives: 403 },
  'post /v1/me/passkeys/rename': { as: 'engineer', body: () => ({ credentialId: 'AAAA', name: 'Key' }), gives: 403 },
  'post /v1/me/passkeys/remove': { as: 'engineer', body: () => ({ credentialId: 'AAAA' }), gives: 403 },
  'post /v1/me/step-up/challenge': { as: 'engineer', gives: 403 },
  'post /v1/me/step-up': { as: 'engineer by cookie', body: () => assertion, gives: 403 },
  'post /v1/grants/challenge': { as: 'engineer', body: () => writeOrders, keyed: true, gives: 403 },
  'post /v1/grants/{id}/approve/challenge': {
    as: 'manager',
    on: 'awaited',
    body: () => ({ decisionId: randomUUID() }),
    gives: 403,
  },
  'get /health/live': { as: 'nobody', gives: 200 },
  'get /health/ready': { as: 'nobody', gives: 200 },
  'get /metrics': { as: 'nobody', gives: 200 },
  'get /openapi.json': { as: 'nobody', gives: 200 },
};
