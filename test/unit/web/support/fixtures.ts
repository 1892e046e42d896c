/** Grants in every state, as the API answers them, around one fixed instant. */
import type { EntitlementBody, RecordBody } from '../../../../api/schemas/answers.js';
import type { GrantBody } from '../../../../api/schemas/grant.js';
import type { GrantRecordType } from '../../../../workflows/domain/record.js';

export const now = Date.parse('2026-11-22T14:30:00Z');

/** RFC 3339, minutes from `now`. */
export function at(minutes: number): string {
  return new Date(now + minutes * 60_000).toISOString();
}

const risk: GrantBody['risk'] = {
  score: 34,
  band: 'elevated',
  factors: [
    { id: 'sensitivity', points: 15, evidence: 'The entitlement has medium sensitivity.' },
    { id: 'first-use', points: 10, evidence: 'First use of this entitlement by this person.' },
    { id: 'missing-ticket', points: 9, evidence: 'No ticket was given.' },
  ],
  missing: [],
};

let made = 0;

/** A grant that waits for the manager; `change` makes it another one. */
export function grantBody(change: Partial<GrantBody> = {}): GrantBody {
  made += 1;
  return {
    grantId: String(made).padStart(26, '0'),
    changes: 3,
    changeTime: at(-3),
    state: 'APPROVAL_AWAITED',
    conditions: [],
    requester: 'person:engineer',
    requesterName: 'Enno Engineer',
    subject: 'person:engineer',
    subjectName: 'Enno Engineer',
    entitlement: 'orders-db/write',
    entitlementTitle: 'Change orders',
    target: 'orders-db',
    justification: 'Correct the shipping address of 14 orders that the importer mangled last night.',
    requestedDuration: 'PT2H',
    maximumDuration: 'PT4H',
    requestTime: at(-4),
    decisionDeadline: at(476),
    flow: 'manager-then-owners',
    automatic: false,
    policyVersion: '3f2a',
    risk,
    step: {
      about: 'request',
      index: 0,
      of: 2,
      name: 'manager',
      needed: 1,
      asked: ['person:manager'],
      votes: [],
      escalated: false,
      expireTime: at(476),
    },
    credential: 'none',
    outcomes: [],
    may: ['see', 'see-record'],
    ...change,
  };
}

export function activeGrant(change: Partial<GrantBody> = {}): GrantBody {
  return grantBody({
    state: 'ACTIVE',
    entitlement: 'orders-db/read',
    entitlementTitle: 'Read orders',
    requestedDuration: 'PT1H',
    grantedDuration: 'PT1H',
    accessGrantTime: at(-23),
    expireTime: at(37),
    requestTime: at(-25),
    decisionDeadline: undefined,
    step: undefined,
    account: 'daypass_0000000000000000000000000a',
    credential: 'waiting',
    automatic: true,
    may: ['see', 'see-record', 'withdraw', 'extend', 'collect'],
    ...change,
  });
}

export function endedGrant(change: Partial<GrantBody> = {}): GrantBody {
  return activeGrant({
    state: 'ENDED',
    accessGrantTime: at(-1500),
    expireTime: at(-1440),
    requestTime: at(-1505),
    removalVerifiedTime: at(-1440),
    accessRemoveTime: at(-1440),
    credential: 'collected',
    ending: { code: 'time-up', by: 'system:daypass', reason: 'Its time was up.', time: at(-1440) },
    may: ['see', 'see-record'],
    ...change,
  });
}

export function entitlement(change: Partial<EntitlementBody> = {}): EntitlementBody {
  return {
    id: 'orders-db/write',
    title: 'Change orders',
    description: 'Read and change the rows of the orders database. Makes and drops nothing.',
    target: 'orders-db',
    sensitivity: 'medium',
    defaultDuration: 'PT30M',
    maximumDuration: 'PT4H',
    minimumDuration: 'PT5S',
    presets: ['PT15M', 'PT30M', 'PT2H'],
    ticketRequired: false,
    justificationLeast: 20,
    forSelf: true,
    mayAskForOthers: true,
    others: [{ subject: 'service:deploy-bot', name: 'Deploy bot' }],
    automatic: false,
    flows: [
      {
        name: 'manager-then-owners',
        bands: ['low', 'elevated'],
        steps: [
          { name: 'manager', approvers: ['manager'], needed: 1 },
          { name: 'database owner', approvers: ['group:db-owners'], needed: 1 },
        ],
      },
      {
        name: 'manager-then-two-owners',
        bands: ['high'],
        steps: [
          { name: 'manager', approvers: ['manager'], needed: 1 },
          { name: 'two database owners', approvers: ['group:db-owners'], needed: 2 },
        ],
      },
    ],
    usualWait: 'PT6M',
    ...change,
  };
}

export const entitlements = [
  entitlement({
    id: 'orders-db/read',
    title: 'Read orders',
    sensitivity: 'low',
    automatic: true,
    maximumDuration: 'PT8H',
    presets: ['PT15M', 'PT1H', 'PT4H'],
    defaultDuration: 'PT15M',
    justificationLeast: 10,
    flows: [
      { name: 'manager', bands: ['elevated', 'high'], steps: [{ name: 'manager', approvers: ['manager'], needed: 1 }] },
    ],
    usualWait: 'PT40S',
  }),
  entitlement(),
  entitlement({
    id: 'orders-db/administer',
    title: 'Administer the orders database',
    sensitivity: 'critical',
    ticketRequired: true,
    mayAskForOthers: false,
    others: [],
    maximumDuration: 'PT1H',
    presets: ['PT15M', 'PT30M', 'PT1H'],
    defaultDuration: 'PT15M',
    usualWait: undefined,
    flows: [
      {
        name: 'two-of-owners-and-security',
        bands: ['low', 'elevated', 'high'],
        steps: [{ name: 'two', approvers: ['group:db-owners', 'group:security'], needed: 2 }],
      },
    ],
  }),
];

type Entry = RecordBody['records'][number];

export function recordOf(lines: [GrantRecordType, number, string, Entry['detail']?][]): Entry[] {
  return lines.map(([type, minutes, by, detail = {}], index) => ({
    chain: `grant/${'0'.repeat(26)}`,
    sequence: index + 1,
    at: now + minutes * 60_000,
    time: at(minutes),
    type,
    by,
    detail,
    previous: '0'.repeat(64),
    hash: '0'.repeat(64),
  }));
}

export const waitingRecord = recordOf([
  ['requested', -4, 'person:engineer', { requestedDurationMs: 7_200_000 }],
  ['assessed', -4, 'system:daypass', { verdict: 'pass', score: 34, band: 'elevated', flow: 'manager-then-owners' }],
  ['step-opened', -4, 'system:daypass', { about: 'request', asked: ['person:manager'], needed: 1 }],
]);

export const endedRecord = recordOf([
  ['requested', -1505, 'person:engineer', { requestedDurationMs: 3_600_000 }],
  ['assessed', -1505, 'system:daypass', { verdict: 'pass', score: 12, band: 'low', automatic: true, flow: 'manager' }],
  [
    'step-opened',
    -1504,
    'system:daypass',
    { about: 'request', asked: ['person:manager', 'group:db-owners'], needed: 2 },
  ],
  ['approved', -1503, 'person:manager', { comment: 'Fine, go ahead.', durationMs: 1_800_000 }],
  ['activation-started', -1500, 'system:daypass', { account: 'daypass_x' }],
  ['activated', -1500, 'system:daypass', { account: 'daypass_x' }],
  ['credential-collected', -1499, 'person:engineer'],
  [
    'decision-refused',
    -1480,
    'person:owner',
    { action: 'approve', code: 'already-decided', because: 'It was decided.' },
  ],
  ['time-up', -1440, 'system:daypass'],
  ['removal-started', -1440, 'system:daypass'],
  ['removed', -1440, 'system:daypass', { wasPresent: true, sessionsEnded: 2, remarks: [] }],
  ['closed', -1440, 'system:daypass', { state: 'ENDED' }],
]);
