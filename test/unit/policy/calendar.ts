/** Clocks follow people's hours, also on the days when clocks change. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { after, onCall, until, within } from '../../../activities/policy/calendar.js';
import type { Calendar } from '../../../activities/policy/schema/flows.js';

const hour = 3_600_000;
const office: Calendar = {
  id: 'office-hours',
  timeZone: 'Europe/Berlin',
  days: [1, 2, 3, 4, 5],
  from: 9 * 60,
  to: 17 * 60,
  holidays: ['2026-12-24', '2026-12-25'],
};

function endsAt(from: string, ms: number, calendar: Calendar | undefined): string {
  return new Date(after(calendar, Date.parse(from), ms)).toISOString();
}

describe('a business calendar', () => {
  const table: [what: string, from: string, hours: number, ends: string][] = [
    ['ends within the same day', '2026-09-16T08:00:00Z', 2, '2026-09-16T10:00:00.000Z'],
    ['may end exactly when the office closes', '2026-09-16T13:00:00Z', 2, '2026-09-16T15:00:00.000Z'],
    ['carries the rest over to the next morning', '2026-09-16T14:00:00Z', 2, '2026-09-17T08:00:00.000Z'],
    ['starts in the morning when asked at night', '2026-09-16T01:00:00Z', 1, '2026-09-16T08:00:00.000Z'],
    ['starts the next day when asked after hours', '2026-09-16T20:00:00Z', 1, '2026-09-17T08:00:00.000Z'],
    ['skips the weekend', '2026-09-18T14:00:00Z', 3, '2026-09-21T09:00:00.000Z'],
    ['skips holidays and the weekend after them', '2026-12-23T15:00:00Z', 2, '2026-12-28T09:00:00.000Z'],
    // Clocks go forward on Sunday 29 March 2026: 09:00 is 08:00Z before and 07:00Z after.
    [
      'knows that Monday is an hour earlier when summer time begins',
      '2026-03-27T15:30:00Z',
      1,
      '2026-03-30T07:30:00.000Z',
    ],
    // Clocks go back on Sunday 25 October 2026.
    ['knows that Monday is an hour later when summer time ends', '2026-10-23T14:30:00Z', 1, '2026-10-26T08:30:00.000Z'],
    ['goes on in the next month', '2026-07-31T14:30:00Z', 1, '2026-08-03T07:30:00.000Z'],
    ['goes on in the next year', '2026-12-31T15:30:00Z', 1, '2027-01-01T08:30:00.000Z'],
    ['has a 29 February in a leap year', '2028-02-28T15:00:00Z', 2, '2028-02-29T09:00:00.000Z'],
    ['has none in other years', '2027-02-26T15:00:00Z', 2, '2027-03-01T09:00:00.000Z'],
  ];
  for (const [what, from, hours, ends] of table) {
    it(what, () => assert.equal(endsAt(from, hours * hour, office), ends));
  }

  it('counts the real hours of a day on which clocks change', () => {
    const nights: Calendar = { ...office, days: [7], from: 0, to: 6 * 60, holidays: [] };
    // The night of 29 March has five hours between 00:00 and 06:00, the night of 25 October has seven.
    assert.equal(endsAt('2026-03-28T12:00:00Z', 5 * hour, nights), '2026-03-29T04:00:00.000Z');
    assert.equal(endsAt('2026-10-24T12:00:00Z', 7 * hour, nights), '2026-10-25T05:00:00.000Z');
  });

  it('takes a time that a clock change skips as the first moment after it', () => {
    const skipped: Calendar = { ...office, days: [7], from: 2 * 60 + 30, to: 6 * 60, holidays: [] };
    assert.equal(endsAt('2026-03-28T12:00:00Z', hour, skipped), '2026-03-29T02:30:00.000Z');
  });

  it('counts to the end of the day for 24:00', () => {
    const whole: Calendar = { ...office, from: 0, to: 24 * 60, holidays: [] };
    assert.equal(endsAt('2026-09-18T21:00:00Z', 2 * hour, whole), '2026-09-20T23:00:00.000Z');
  });

  it('counts every hour where there is no calendar', () => {
    assert.equal(endsAt('2026-09-18T21:00:00Z', 2 * hour, undefined), '2026-09-18T23:00:00.000Z');
  });

  it('says so when it has no hours left to count', () => {
    const never: Calendar = { ...office, days: [] };
    assert.throws(() => endsAt('2026-09-18T21:00:00Z', hour, never), /too few hours/);
  });
});

describe('any business calendar, at any time', () => {
  const step = 5 * 60_000;
  const calendars = fc.record({
    timeZone: fc.constantFrom('Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC'),
    from: fc.integer({ min: 0, max: 12 }).map((hours) => hours * 60),
    length: fc.integer({ min: 2, max: 11 }).map((hours) => hours * 60),
    days: fc.constantFrom([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7], [6, 7]),
  });
  const starts = fc
    .integer({ min: 0, max: 365 * 24 * 12 })
    .map((steps) => Date.parse('2026-01-01T00:00:00Z') + steps * step);
  const spans = fc.integer({ min: 1, max: 120 }).map((steps) => steps * step);

  it('ends when exactly that much of its hours has gone by', () => {
    fc.assert(
      fc.property(calendars, starts, spans, ({ length, ...hours }, from, spanMs) => {
        const calendar: Calendar = {
          ...hours,
          id: 'any',
          days: [...hours.days],
          to: hours.from + length,
          holidays: [],
        };
        const end = after(calendar, from, spanMs);
        let open = 0;
        for (let at = from; at < end; at += step) if (within(calendar, calendar.timeZone, at)) open += step;
        assert.equal(open, spanMs);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a person's own hours", () => {
  const day = { days: [1, 2, 3, 4, 5], from: 8 * 60, to: 18 * 60 };
  const night = { days: [5], from: 22 * 60, to: 6 * 60 };
  const table: [what: string, hours: typeof day, zone: string, at: string, inside: boolean][] = [
    ['begin at their first minute', day, 'Europe/Berlin', '2026-09-16T06:00:00Z', true],
    ['have not begun a minute before', day, 'Europe/Berlin', '2026-09-16T05:59:00Z', false],
    ['are over at their last minute', day, 'Europe/Berlin', '2026-09-16T16:00:00Z', false],
    ['are those of the person’s own time zone', day, 'Asia/Kolkata', '2026-09-16T03:00:00Z', true],
    ['follow the clock change', day, 'Europe/Berlin', '2026-12-16T06:30:00Z', false],
    ['leave out other days', day, 'Europe/Berlin', '2026-09-19T10:00:00Z', false],
    ['over midnight belong to the day they begin on', night, 'UTC', '2026-09-19T05:00:00Z', true],
    ['over midnight are over in the morning', night, 'UTC', '2026-09-19T06:00:00Z', false],
    ['over midnight have not begun the night before', night, 'UTC', '2026-09-18T05:00:00Z', false],
  ];
  for (const [what, hours, zone, at, inside] of table) {
    it(what, () => assert.equal(within(hours, zone, Date.parse(at)), inside));
  }
});

describe('a rotation', () => {
  const rotation = {
    id: 'r',
    people: ['a', 'b', 'c'],
    since: '2026-01-05',
    at: 9 * 60,
    days: 7,
    timeZone: 'Europe/Berlin',
  };
  const table: [what: string, at: string, who: string][] = [
    ['begins with the first person', '2026-01-05T08:00:00Z', 'a'],
    ['is the first person’s also before it began', '2025-06-01T08:00:00Z', 'a'],
    ['keeps the turn until the hour of handing over', '2026-01-12T07:59:00Z', 'a'],
    ['hands over at that hour', '2026-01-12T08:00:00Z', 'b'],
    ['comes round', '2026-01-26T08:00:00Z', 'a'],
    // 09:00 in summer time is 07:00Z.
    ['hands over at the local hour in summer', '2026-06-29T07:00:00Z', 'b'],
    ['and not before', '2026-06-29T06:59:00Z', 'a'],
  ];
  for (const [what, at, who] of table) {
    it(what, () => assert.equal(onCall(rotation, Date.parse(at)), who));
  }
});

describe('being away', () => {
  it('lasts to the end of the day in one’s own time zone', () => {
    assert.equal(until('2026-09-16', 'America/New_York', Date.parse('2026-09-17T03:59:00Z')), true);
    assert.equal(until('2026-09-16', 'America/New_York', Date.parse('2026-09-17T04:00:00Z')), false);
  });
});
