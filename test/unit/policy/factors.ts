/** Every factor of risk: at, below and beyond its bounds, always with its evidence. */
import assert from 'node:assert/strict';
import { factors, type Facts } from '../../../activities/policy/risk/factors.js';
import type { PastGrant } from '../../../activities/policy/risk/past.js';
import { score } from '../../../activities/policy/risk/score.js';
import { span } from '../../../activities/policy/risk/span.js';
import { examplePolicy } from '../../support/policy.js';

const rules = examplePolicy().risk;
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
// A Wednesday, noon in Berlin.
const askedAt = Date.parse('2026-09-16T10:00:00Z');

const calmFacts: Facts = {
  entitlement: 'orders-db/read',
  sensitivity: 'low',
  durationMs: 15 * minute,
  defaultMs: 15 * minute,
  askedAt,
  startsAt: askedAt,
  signInTime: askedAt - minute,
  hasTicket: true,
  byService: false,
  person: { timeZone: 'Europe/Berlin', hours: { days: [1, 2, 3, 4, 5], from: 8 * 60, to: 18 * 60 } },
  requester: [],
  subject: [],
};

function past(count: number, changes: Partial<PastGrant> = {}): PastGrant[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `g${index}`,
    entitlement: 'orders-db/read',
    at: askedAt - day - index,
    ms: hour,
    result: 'used',
    ...changes,
  }));
}

const night = Date.parse('2026-09-16T01:30:00Z');
const recent = { at: askedAt - minute, result: 'asked' } as const;

type Row = [factor: string, what: string, facts: Partial<Facts>, points: number, evidence: RegExp];

const rows: Row[] = [
  ['sensitivity', 'low', {}, 0, /sensitivity is low/],
  ['sensitivity', 'medium', { sensitivity: 'medium' }, 20, /is medium/],
  ['sensitivity', 'high', { sensitivity: 'high' }, 40, /is high/],
  ['sensitivity', 'critical', { sensitivity: 'critical' }, 50, /is critical/],

  [
    'duration',
    'three times the default',
    { durationMs: 45 * minute },
    0,
    /Asked for 45 min, within 3 times what is the default \(15 min\)/,
  ],
  ['duration', 'a moment more than that', { durationMs: 45 * minute + 1 }, 15, /more than 3 times what is the default/],
  ['duration', 'three times the usual', { durationMs: 3 * hour, subject: past(3) }, 0, /usual over 3 grants \(1 h\)/],
  [
    'duration',
    'more than three times the usual',
    { durationMs: 4 * hour, subject: past(3) },
    15,
    /Asked for 4 h, more than/,
  ],
  ['duration', 'two grants are no habit', { durationMs: 2 * hour, subject: past(2) }, 15, /the default/],
  [
    'duration',
    'other entitlements say nothing',
    { durationMs: 2 * hour, subject: past(9, { entitlement: 'x/y' }) },
    15,
    /the default/,
  ],
  [
    'duration',
    'denied and unused requests say nothing',
    { durationMs: 2 * hour, subject: past(9, { result: 'denied' }) },
    15,
    /the default/,
  ],

  ['hour', 'within own hours', {}, 0, /It is 12:00 in Europe\/Berlin, within/],
  ['hour', 'at night', { startsAt: night }, 10, /It is 03:30 in Europe\/Berlin, outside the person's own hours/],
  [
    'hour',
    'at night, as so often',
    { startsAt: night, subject: past(3, { at: night - day }) },
    0,
    /as in 3 earlier grants/,
  ],
  ['hour', 'at night, twice before', { startsAt: night, subject: past(2, { at: night - day }) }, 10, /outside/],
  ['hour', 'a service', { startsAt: night, person: undefined }, 0, /A service keeps no hours/],
  ['hour', 'at night with an unreadable past', { startsAt: night, subject: undefined }, 10, /outside/],

  ['first-use', 'never had', {}, 10, /First use of this entitlement in 90 days/],
  ['first-use', 'had once', { subject: past(1) }, 0, /Had this entitlement once/],
  ['first-use', 'asked for and never had', { subject: past(4, { result: 'asked' }) }, 10, /First use/],
  ['first-use', 'had another one', { subject: past(4, { entitlement: 'x/y' }) }, 10, /First use/],

  ['burst', 'the only request', {}, 0, /One request within 10 min/],
  ['burst', 'the tenth', { requester: past(9, recent) }, 0, /10 requests within 10 min/],
  ['burst', 'the eleventh', { requester: past(10, recent) }, 20, /11 requests within 10 min/],
  ['burst', 'the twentieth', { requester: past(19, recent) }, 40, /20 requests/],
  ['burst', 'ever so many', { requester: past(90, recent) }, 40, /91 requests/],
  ['burst', 'the hundredth of a service', { requester: past(99, recent), byService: true }, 0, /100 requests/],
  ['burst', 'one more of a service', { requester: past(100, recent), byService: true }, 20, /101 requests/],
  ['burst', 'long ago', { requester: past(30, { at: askedAt - 10 * minute }) }, 0, /One request/],

  ['denials', 'none', {}, 0, /Nothing denied within 7 d/],
  ['denials', 'one', { requester: past(1, { result: 'denied' }) }, 10, /Denied once within 7 d/],
  ['denials', 'many', { requester: past(5, { result: 'denied' }) }, 20, /Denied 5 times/],
  [
    'denials',
    'more than a week ago',
    { requester: past(5, { result: 'denied', at: askedAt - 7 * day }) },
    0,
    /Nothing/,
  ],

  ['ticket', 'named', {}, 0, /A ticket is named/],
  ['ticket', 'not named', { hasTicket: false }, 5, /No ticket is named/],

  ['sign-in', 'a minute ago', {}, 0, /Signed in 1 min before asking/],
  ['sign-in', 'an hour ago', { signInTime: askedAt - hour }, 0, /1 h before/],
  ['sign-in', 'longer ago', { signInTime: askedAt - hour - 1 }, 15, /1 h before/],
  ['sign-in', 'by a clock a little ahead', { signInTime: askedAt + 30_000 }, 0, /just now/],
];

describe('the factor', () => {
  for (const [factor, what, facts, points, evidence] of rows) {
    it(`${factor} gives ${points} for: ${what}`, () => {
      const weight = factors[factor]?.({ ...calmFacts, ...facts }, rules.factors);
      assert.equal(weight?.points, points, weight?.evidence);
      assert.match(weight?.evidence ?? '', evidence);
      assert.ok((weight?.evidence.length ?? 0) <= 120);
    });
  }
});

describe('the score', () => {
  const risk = (facts: Partial<Facts>, bands = rules.bands) => score({ ...calmFacts, ...facts }, { ...rules, bands });

  it('shows every factor with its points and evidence, also those that add nothing', () => {
    const { score: points, band, factors: found, missing } = risk({});
    assert.equal(points, 10);
    assert.equal(band, 'low');
    assert.deepEqual(missing, []);
    assert.deepEqual(
      found.map(({ id }) => id),
      Object.keys(factors),
    );
    assert.equal(
      found.reduce((sum, factor) => sum + factor.points, 0),
      points,
    );
  });

  it('stays within 0 and 100', () => {
    const all = { sensitivity: 'critical', durationMs: day, startsAt: night, hasTicket: false, signInTime: 0 } as const;
    assert.equal(risk({ ...all, requester: past(60, recent) }).score, 100);
  });

  it('finds the band at its bounds', () => {
    const bandAt = (elevated: number, high: number, refuse: number) => risk({}, { elevated, high, refuse }).band;
    assert.equal(bandAt(11, 12, 13), 'low');
    assert.equal(bandAt(10, 12, 13), 'elevated');
    assert.equal(bandAt(5, 10, 13), 'high');
    assert.equal(bandAt(5, 6, 10), 'refuse');
  });

  it('rises and says so when the past cannot be read', () => {
    const without = risk({ requester: undefined, subject: undefined });
    assert.deepEqual(without.missing, ['duration', 'first-use', 'burst', 'denials']);
    const factor = without.factors.find(({ id }) => id === 'missing-signals');
    assert.equal(factor?.points, 20);
    assert.equal(factor?.evidence, 'Signals that could not be read: duration, first-use, burst, denials.');
    assert.ok(without.score > risk({}).score);
  });

  it('takes a sign-in that is yet to come as no sign-in', () => {
    assert.deepEqual(risk({ signInTime: askedAt + 2 * minute }).missing, ['sign-in']);
  });

  it('never falls when something bad is added', () => {
    const bad: Partial<Facts>[] = [
      { sensitivity: 'critical' },
      { durationMs: day },
      { startsAt: night },
      { requester: past(30, recent) },
      { requester: past(3, { result: 'denied' }) },
      { hasTicket: false },
      { signInTime: askedAt - day },
      { requester: undefined, subject: undefined },
    ];
    for (const one of bad) for (const more of bad) assert.ok(risk({ ...one, ...more }).score >= risk({}).score);
  });
});

describe('a span of time', () => {
  const table: [ms: number, says: string][] = [
    [500, '500 ms'],
    [10_000, '10 s'],
    [90 * minute, '1 h 30 min'],
    [day, '1 d'],
    [day + hour + minute, '1 d 1 h'],
  ];
  for (const [ms, says] of table) it(`of ${ms} ms is ${says}`, () => assert.equal(span(ms), says));
});
