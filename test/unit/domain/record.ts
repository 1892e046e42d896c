/** The record of a grant: a line that was changed, dropped, inserted or moved shows. */
import assert from 'node:assert/strict';
import { chained, firstBroken, firstPrevious, pageOf, type AuditRecord } from '../../../workflows/domain/record.js';
import { grantStates } from '../../../workflows/domain/states.js';
import { inState } from '../../support/histories.js';

const whole = inState.ENDED().records;

/** The chain, with the line at `index` replaced by these. */
const spliced = (index: number, ...lines: AuditRecord[]): AuditRecord[] => whole.toSpliced(index, 1, ...lines);

function line(index: number): AuditRecord {
  const found = whole[index];
  assert.ok(found);
  return found;
}

/** What a forger would seal anew. */
function entry(index: number): Pick<AuditRecord, 'chain' | 'at' | 'type' | 'by' | 'detail'> {
  const { chain, at, type, by, detail } = line(index);
  return { chain, at, type, by, detail };
}

describe('the record of a grant', () => {
  it('is whole in every state', () => {
    for (const state of grantStates) assert.equal(firstBroken(inState[state]().records), undefined, state);
    assert.equal(firstBroken([]), undefined);
    assert.ok(whole.length > 8);
    assert.equal(line(0).previous, firstPrevious);
  });

  it('is whole after a trip through JSON', () => {
    assert.equal(firstBroken(JSON.parse(JSON.stringify(whole)) as AuditRecord[]), undefined);
  });

  for (const [name, change] of [
    ['who', { by: 'person:other' }],
    ['when', { at: 1 }],
    ['what', { type: 'denied' }],
    ['a detail', { detail: { other: true } }],
    ['which grant', { chain: 'grant/other' }],
    ['its number', { sequence: 7 }],
    ['its hash', { hash: '0'.repeat(64) }],
    ['what came before', { previous: '0'.repeat(64) }],
  ] as [string, Partial<AuditRecord>][]) {
    it(`shows a changed line: ${name}`, () => {
      const changed = { ...line(3), ...change };
      assert.equal(firstBroken(spliced(3, changed)), changed);
    });
  }

  it('shows a dropped, a repeated, an inserted and a moved line', () => {
    assert.equal(firstBroken(spliced(3)), whole[4]);
    assert.equal(firstBroken(spliced(0)), whole[1]);
    assert.equal(firstBroken(spliced(3, line(3), line(3))), whole[3]);
    const inserted = chained(whole.slice(0, 4), entry(3)).at(-1);
    assert.ok(inserted);
    assert.equal(firstBroken(spliced(3, line(3), inserted)), whole[4]);
    assert.equal(firstBroken([line(1), line(0), ...whole.slice(2)]), whole[1]);
  });

  it('shows a line that was changed and sealed anew, by the one after it', () => {
    const forged = chained(whole.slice(0, 3), { ...entry(3), by: 'person:other' });
    assert.equal(firstBroken([...forged, ...whole.slice(4)]), whole[4]);
  });
});

describe('a page of a record', () => {
  it('holds as much as fits, in bytes of UTF-8, and the pages together hold all', () => {
    let chain: AuditRecord[] = [];
    for (let count = 0; count < 100; count += 1) {
      const detail = { comment: '\u6f22'.repeat(count * 7) };
      chain = chained(chain, { chain: 'grant/g', at: count, type: 'approved', by: 'person:x', detail });
    }
    const found: AuditRecord[] = [];
    while (found.length < chain.length) {
      const page = pageOf(chain.slice(found.length), 5_000);
      assert.ok(page.length > 0 && Buffer.byteLength(JSON.stringify(page)) < 5_500);
      found.push(...page);
    }
    assert.deepEqual(found, chain);
  });

  it('holds one line at least, and none of nothing', () => {
    assert.deepEqual(pageOf(whole, 1), [whole[0]]);
    assert.deepEqual(pageOf([], 1), []);
  });
});
