/** The closed union of records: nothing is written that it does not name, and collectors get a whole event for each of it. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { eventOf } from '../../../activities/audit/ocsf.js';
import { apply } from '../../../workflows/domain/apply.js';
import { chained, recordDetails, type AuditRecord, type RecordType } from '../../../workflows/domain/record.js';
import { life } from '../../support/arbitrary.js';
import { asked, hour, start } from '../../support/histories.js';
import { seeded } from '../../support/seed.js';

const types = Object.keys(recordDetails) as RecordType[];

describe('records', () => {
  it('hold no field that the table of all records does not name, whatever happens to a grant', () => {
    const unknown = new Set<string>();
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        life,
        fc.constantFrom({}, { emergency: true as const }, { scheduledActivationTime: start + hour }),
        (happenings, more) => {
          let now = start;
          let state = asked(more);
          for (const { waitMs, event } of happenings) {
            now += waitMs;
            state = apply(state, event(state), now);
          }
          for (const { type, detail } of state.records) {
            seen.add(type);
            const known: readonly string[] = recordDetails[type];
            for (const field of Object.keys(detail)) if (!known.includes(field)) unknown.add(`${type}: ${field}`);
          }
        },
      ),
      seeded({ numRuns: 500 }),
    );
    assert.deepEqual([...unknown], []);
    assert.ok(seen.size > 15, [...seen].join(', '));
  });

  it('are written, each type of the table by some code that does more than read it', async () => {
    const code = await writingCode();
    const unwritten = types.filter((type) => !new RegExp(`(?:\\(\\s*|[:,?] )'${type}'`).test(code));
    assert.deepEqual(unwritten, []);
  });

  // https://schema.ocsf.io/1.3.0: what the base event and each of these classes require.
  for (const type of types) {
    it(`become whole OCSF events: ${type}`, () => {
      const chain = type.startsWith('passkey') ? 'person/p7' : 'journal';
      const [record] = chained([], { chain, at: 1_700_000_000_000, type, by: 'person:p7', detail: { target: 't' } });
      assert.ok(record);
      const event = eventOf(record, 'test');
      assert.ok(event);
      assert.equal(event.type_uid, event.class_uid * 100 + event.activity_id);
      assert.equal(event.category_uid, Math.floor(event.class_uid / 1_000));
      assert.ok([1, 2].includes(Number(event.status_id)) && [1, 2, 3, 4].includes(Number(event.severity_id)));
      assert.equal(event.time, record.at);
      assert.equal(event.metadata.version, '1.3.0');
      assert.equal(event.metadata.uid, `${chain}/1`);
      assert.deepEqual(event.unmapped, { record });
      for (const field of required[event.class_uid] ?? ['a class of its own']) assert.ok(event[field], field);
    });
  }

  it('of a type that a later release writes are sent too, and what is no record is not', () => {
    const [record] = chained([], { chain: 'journal', at: 1, type: 'requested', by: 'person:p7', detail: {} });
    const later = { ...record, type: 'invented-later' as RecordType } as AuditRecord;
    assert.deepEqual(eventOf(later, 'test')?.unmapped, { record: later });
    for (const none of [undefined, null, 7, 'text', [], {}, { seal: 7 }, { chain: 'journal' }]) {
      assert.equal(eventOf(none, 'test'), undefined);
    }
    assert.equal(eventOf({ seal: 'no.seal' }, 'test')?.metadata.uid, 'seals/0');
  });
});

/** What only tells of records, or names types of other things. */
const readers = /domain[/](?:record|event|tells|states|failure)[.]ts|audit[/](?:verify|ocsf)|(?:web|mail|schemas)[/]/;

async function writingCode(): Promise<string> {
  const texts: string[] = [];
  for (const folder of ['workflows', 'activities', 'api']) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile() && file.endsWith('.ts') && !readers.test(file)) texts.push(await readFile(file, 'utf8'));
    }
  }
  return texts.join('\n');
}

const required: Record<number, string[]> = {
  3001: ['user'],
  3002: ['user', 'service'],
  3004: ['entity'],
  3005: ['user', 'privileges'],
};
