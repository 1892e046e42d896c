/** Words: everything in the closed lists has its sentence, and times read as people say them. */
import assert from 'node:assert/strict';
import { grantPage, path } from '../../../api/web/grant-page.js';
import { formActions, whatHappened, type Click } from '../../../api/web/happened.js';
import { secretsOf } from '../../../api/web/secrets.js';
import { absolute, relative, timeTag } from '../../../api/web/time.js';
import { timeline } from '../../../api/web/timeline.js';
import { names } from '../../../api/web/words.js';
import type { GrantBody } from '../../../api/schemas/grant.js';
import { failureCodes } from '../../../workflows/domain/failure.js';
import { grantRecordTypes } from '../../../workflows/domain/record.js';
import { grantStates } from '../../../workflows/domain/states.js';
import { activeGrant, at, grantBody, now, recordOf } from './support/fixtures.js';

const name = names((ref) => (ref === 'person:manager' ? 'Mara Manager' : undefined));
const telling = { viewerRef: 'person:manager', name, now };
const mine = '11111111-1111-4111-8111-111111111111';
const other = '22222222-2222-4222-8222-222222222222';
const click: Click = { action: 'approve', decisionId: mine };

function outcome(change: Partial<GrantBody['outcomes'][number]> = {}): GrantBody['outcomes'][number] {
  return { decisionId: mine, action: 'approve', by: 'person:manager', at: at(-1), result: 'applied', ...change };
}

describe('words of the pages', () => {
  const distances: [minutes: number, words: string][] = [
    [4, 'in 4 minutes'],
    [90, 'in 1 hour 30 minutes'],
    [-0.5, '30 seconds ago'],
    [-1.9, '1 minute ago'],
    [-1505, '1 day 1 hour ago'],
    [0, 'now'],
  ];
  for (const [minutes, words] of distances) {
    it(`says "${words}"`, () => assert.equal(relative(now + minutes * 60_000, now), words));
  }

  it('states instants in UTC where no script can know better, and for machines', () => {
    assert.match(absolute(now), /^Sun,? 22 Nov,? 14:30 UTC$/);
    assert.match(timeTag(now), /^<time datetime="2026-11-22T14:30:00\.000Z"/);
    assert.equal(timeTag(undefined), '');
  });

  it('names people, groups and the engine itself', () => {
    const refs = [
      'person:manager',
      'person:gone',
      'group:db-owners',
      'oncall:database',
      'system:daypass',
      'unverified:signal',
    ];
    assert.deepEqual(refs.map(name), [
      'Mara Manager',
      'gone',
      'anyone in db-owners',
      'whoever is on call for database',
      'Daypass',
      'Someone unverified',
    ]);
  });

  it('tells every kind of record, also with nothing in its detail', () => {
    const lines = timeline(recordOf(grantRecordTypes.map((type) => [type, 0, 'system:daypass'])), name);
    assert.equal(lines.length, grantRecordTypes.length);
    for (const [index, line] of lines.entries()) {
      assert.ok(line.title.length > 3, grantRecordTypes[index]);
      assert.doesNotMatch(
        `${line.title}${line.notes.join('')}`,
        /undefined|null|NaN|\[object/,
        grantRecordTypes[index],
      );
    }
  });

  it('tells a record of a later release by its own name', () => {
    const [entry] = recordOf([['requested', 0, 'person:x']]);
    assert.ok(entry);
    assert.equal(timeline([{ ...entry, type: 'review-signed' }], name)[0]?.title, 'review signed');
  });

  for (const state of grantStates) {
    it(`shows how far a grant is that is ${state}`, () => {
      const marks = path(grantBody({ state }));
      assert.equal(marks.length, 4);
      assert.ok(marks.filter(({ is }) => is === 'now' || is === 'stopped').length <= 1);
    });
  }

  it('counts the time that is used, from 0 to 100', () => {
    const used = (from: number, to: number) =>
      grantPage({ grant: activeGrant({ accessGrantTime: at(from), expireTime: at(to) }), records: [], ...telling })
        .used;
    assert.deepEqual([used(-30, 30), used(-60, -1), used(1, 60)], [50, 100, 0]);
  });
});

describe('what happened to a click', () => {
  it('tells an approval that counted and still needs others', () => {
    const grant = grantBody({ outcomes: [outcome()] });
    const told = whatHappened(click, grant, telling);
    assert.equal(told.heading, 'You approved');
    assert.match(told.sentence, /still needs 1 approval from Mara Manager/);
  });

  it('tells who was quicker, and how it stands now', () => {
    const grant = grantBody({
      state: 'DENIED',
      outcomes: [
        outcome({ decisionId: other, action: 'deny', by: 'person:owner' }),
        outcome({ result: 'already-over' }),
      ],
    });
    const told = whatHappened(click, grant, telling);
    assert.equal(told.heading, 'Someone else was quicker');
    assert.match(told.sentence, /owner denied 1 minute ago.*now: denied/);
  });

  it('tells the same when the grant was closed before the click could reach it', () => {
    const grant = grantBody({
      state: 'DENIED',
      outcomes: [outcome({ decisionId: other, action: 'deny', by: 'person:owner' })],
    });
    for (const refused of ['already-over', undefined] as const) {
      assert.equal(whatHappened({ ...click, refused }, grant, telling).heading, 'Someone else was quicker');
    }
  });

  it('tells people of their own earlier decision', () => {
    const grant = grantBody({ outcomes: [outcome({ decisionId: other }), outcome({ result: 'already-decided' })] });
    assert.equal(whatHappened(click, grant, telling).heading, 'You had already decided');
  });

  it('tells that it was over where nobody decided', () => {
    const grant = grantBody({ state: 'EXPIRED', outcomes: [] });
    assert.equal(whatHappened(click, grant, telling).heading, 'It was already over');
  });

  it('tells a repeated click what the first one did', () => {
    const grant = activeGrant({ outcomes: [outcome(), outcome({ decisionId: other, result: 'already-decided' })] });
    assert.equal(whatHappened(click, grant, telling).heading, 'You approved');
  });

  it('tells that it is recorded while no worker answers', () => {
    const told = whatHappened(click, grantBody(), telling);
    assert.equal(told.heading, 'Recorded');
    assert.equal(told.open, true);
  });

  it('has a sentence for every refusal and every action in every state', () => {
    for (const result of [...failureCodes, 'applied'] as const) {
      for (const state of grantStates) {
        for (const action of formActions) {
          const grant = grantBody({ state, outcomes: [outcome({ result, action })] });
          const told = whatHappened({ ...click, action }, grant, telling);
          assert.ok(told.heading && told.sentence, `${result} ${state} ${action}`);
          assert.doesNotMatch(told.sentence, /undefined|null/);
        }
      }
    }
  });
});

describe('the line that logs in', () => {
  const credential = {
    kind: 'postgres' as const,
    host: 'localhost',
    port: 7432,
    database: 'orders',
    username: 'u',
    password: 'p',
  };

  it('keeps the password out of the shell', () => {
    const [psql] = secretsOf({ ...credential, password: 'swordfish' });
    assert.equal(psql?.value, 'psql "host=localhost port=7432 dbname=orders user=u"');
  });

  it('quotes names that a shell or the client library would take apart', () => {
    const [psql] = secretsOf({ ...credential, database: `o'r $(id)` });
    assert.equal(psql?.value, String.raw`psql 'host=localhost port=7432 dbname='\''o\'\''r $(id)'\'' user=u'`);
  });
});
