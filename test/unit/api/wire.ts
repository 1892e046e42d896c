/** Words on the wire: durations, texts, filters, ids, problems. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { all, concerns, is, isOneOf } from '../../../api/filter.js';
import { derivedGrantId, randomGrantId } from '../../../api/grant-id.js';
import { Problem, problemBody, problemOf, statusOf } from '../../../api/problem.js';
import { ProblemBody } from '../../../api/schemas/problem.js';
import { text } from '../../../api/schemas/text.js';
import { durationMs, isoDuration } from '../../../api/schemas/time.js';
import { decisionWindowMs } from '../../../api/sign.js';
import { failureCodes } from '../../../workflows/domain/failure.js';
import { isGrantId } from '../../../workflows/ids.js';

describe('durations on the wire', () => {
  const cases: [string, number | undefined][] = [
    ['PT1H30M', 5_400_000],
    ['PT30S', 30_000],
    ['P1D', 86_400_000],
    ['P1DT1S', 86_401_000],
    ['PT90M', 5_400_000],
    ['PT0S', undefined],
    ['P0D', undefined],
    ['-PT1H', undefined],
    ['+PT1H', undefined],
    ['P', undefined],
    ['PT', undefined],
    ['P1DT', undefined],
    ['P1M', undefined],
    ['P1Y', undefined],
    ['P1W', undefined],
    ['PT1.5H', undefined],
    ['pt1h', undefined],
    [' PT1H', undefined],
    ['PT1H\n', undefined],
    ['PT1H1H', undefined],
    ['PT99999999999999999999H', undefined],
    ['', undefined],
  ];
  for (const [given, expected] of cases) {
    it(`${JSON.stringify(given)} is ${expected ?? 'refused'}`, () => assert.equal(durationMs(given), expected));
  }

  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 * 86_400 }), (seconds) => {
        assert.equal(durationMs(isoDuration(seconds * 1_000)), seconds * 1_000);
      }),
    );
  });

  it('are written as ISO 8601 has them, with hours as the largest unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 * 86_400_000 }), fc.constantFrom(1, 1_000, 60_000), (ms, unit) => {
        const whole = ms - (ms % unit);
        const byLibrary = Temporal.Duration.from({ milliseconds: whole }).round({ largestUnit: 'hour' });
        assert.equal(isoDuration(whole), byLibrary.toString());
      }),
    );
    assert.equal(isoDuration(36 * 3_600_000), 'PT36H');
    assert.equal(isoDuration(0), 'PT0S');
  });
});

describe('texts on the wire', () => {
  const reason = text(100, 'reason');
  const accepts = (given: string, kept: string) => assert.equal(reason.parse(given), kept);
  const refuses = (given: unknown, because: RegExp) => {
    const found = reason.safeParse(given);
    assert.equal(found.success, false, JSON.stringify(given));
    assert.match(found.error?.issues[0]?.message ?? '', because);
  };

  it('are trimmed, and lines become one', () => {
    accepts('  Look into it. ', 'Look into it.');
    accepts('Look\r\ninto\tit.', 'Look into it.');
    accepts('Zürich, 東京, 👩‍💻', 'Zürich, 東京, 👩‍💻');
  });

  it('are refused when blank, in whatever way', () => {
    for (const blank of ['', ' ', '\n\t', '\u00a0', '\u200b\u200d', '\u3164', '\u2800 ', '\u00ad']) {
      refuses(blank, /must not be blank|control/);
    }
  });

  it('are refused with characters that disguise others', () => {
    for (const code of [
      0, 7, 8, 0x1b, 0x7f, 0x85, 0x9b, 0x61c, 0x200e, 0x202a, 0x202e, 0x2028, 0x2066, 0x2069, 0xfeff,
    ]) {
      refuses(`a${String.fromCodePoint(code)}b`, /control or bidirectional/);
    }
    refuses('a\ud800b', /control or bidirectional/);
  });

  it('are bounded after trimming', () => {
    accepts(` ${'x'.repeat(100)} `, 'x'.repeat(100));
    refuses('x'.repeat(101), /at most 100/);
  });

  it('keep no control character, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (given) => {
        const found = reason.safeParse(given);
        // eslint-disable-next-line no-control-regex
        if (found.success) assert.doesNotMatch(found.data, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });
});

describe('filters', () => {
  it('quote what they look for', () => {
    assert.equal(is('Subject', 'person:engineer'), `Subject = 'person:engineer'`);
    assert.equal(
      all(isOneOf('Approvers', ['group:db-owners', 'person:p7']), undefined, is('Entitlement', 'orders-db/read')),
      `Approvers IN ('group:db-owners', 'person:p7') AND Entitlement = 'orders-db/read'`,
    );
    assert.equal(
      concerns('person:p', ['person:p']),
      `(Requester = 'person:p' OR Subject = 'person:p' OR Approvers IN ('person:p'))`,
    );
  });

  it('look for nothing that could say more', () => {
    for (const value of [
      `x' OR Requester = 'y`,
      `x\\`,
      'x"',
      'x y',
      'x\n',
      '',
      '`',
      '%',
      "''",
      'x;',
      'x'.repeat(101),
    ]) {
      assert.throws(() => is('Subject', value), /unusual/);
    }
  });
});

describe('ids of grants', () => {
  it('are the same for the same caller and key, and for no other', () => {
    const id = derivedGrantId('person:engineer', 'key');
    assert.ok(isGrantId(id));
    assert.equal(derivedGrantId('person:engineer', 'key'), id);
    assert.notEqual(derivedGrantId('person:manager', 'key'), id);
    assert.notEqual(derivedGrantId('person:engineer', 'key2'), id);
    // The parts cannot be shifted into each other.
    assert.notEqual(derivedGrantId('a', 'b\nc'), derivedGrantId('a\nb', 'c'));
  });

  it('are random otherwise', () => {
    const ids = Array.from({ length: 100 }, randomGrantId);
    assert.ok(ids.every(isGrantId));
    assert.equal(new Set(ids).size, 100);
  });
});

describe('problems', () => {
  for (const code of failureCodes) {
    it(`${code} has a status and words of its own`, () => {
      const problem = new Problem(code, 'A sentence.');
      assert.ok(statusOf[code] >= 400 && statusOf[code] < 600);
      const body = ProblemBody.parse(JSON.parse(JSON.stringify(problemBody(problem, 'r1'))));
      assert.equal(body.type, code);
      assert.notEqual(body.title, '');
    });
  }

  it('say nothing of what nobody expected', () => {
    const problem = problemOf(new Error('password=hunter2 at /srv/secret.ts:1:1'));
    assert.equal(problem.status, 500);
    assert.doesNotMatch(JSON.stringify(problemBody(problem, 'r1')), /hunter2|secret/);
    for (const thrown of [undefined, null, 'text', 5, { status: 200 }]) assert.equal(problemOf(thrown).status, 500);
  });
});

describe('the signed window to decide', () => {
  const step = { name: 's', approvers: [], needed: 1, escalateTo: [], fallback: [], clock: 'always' };
  const day = 86_400_000;

  it('is that of the longest flow, and never more than 14 days', () => {
    const flow = (...days: number[]) => ({ name: 'f', steps: days.map((n) => ({ ...step, expireAfterMs: n * day })) });
    assert.equal(decisionWindowMs([flow(1, 2), flow(4)]), 4 * day);
    assert.equal(decisionWindowMs([flow(10, 10)]), 14 * day);
    assert.equal(decisionWindowMs([]), 0);
  });

  it('allows for business calendars', () => {
    const steps = [{ ...step, expireAfterMs: 3_600_000, clock: 'office-hours' }];
    assert.equal(decisionWindowMs([{ name: 'f', steps }]), 14 * day);
  });
});
