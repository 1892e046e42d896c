/** What is remembered of one human: each grant once, only so much, and denials longest. */
import assert from 'node:assert/strict';
import { keptMs, noted, type Past, type PastGrant } from '../../../activities/policy/risk/past.js';

const now = Date.parse('2026-09-16T10:00:00Z');
const empty: Past = { sequence: 0, grants: [] };

function grant(id: string, changes: Partial<PastGrant> = {}): PastGrant {
  return { id, entitlement: 'orders-db/read', at: now, ms: 1000, result: 'asked', ...changes };
}

describe('a past', () => {
  it('counts a grant once, however often it is noted', () => {
    const once = noted(empty, grant('a'), now);
    assert.equal(once.grants.length, 1);
    assert.equal(noted(once, grant('a'), now), once);
  });

  it('learns what became of it, and does not unlearn it from a late repetition', () => {
    const used = noted(noted(empty, grant('a'), now), grant('a', { result: 'used' }), now);
    assert.equal(used.grants[0]?.result, 'used');
    assert.equal(noted(used, grant('a'), now), used);
    assert.equal(used.sequence, 2);
  });

  it('forgets after 90 days', () => {
    const old = noted(empty, grant('a', { at: now - keptMs }), now - keptMs);
    assert.deepEqual(
      noted(old, grant('b'), now).grants.map(({ id }) => id),
      ['b'],
    );
  });

  it('stays small under a flood, and keeps denials through it', () => {
    let past = noted(empty, grant('no', { result: 'denied' }), now);
    for (let count = 0; count < 500; count += 1) past = noted(past, grant(`g${count}`, { at: now + count }), now);
    assert.ok(past.grants.length <= 230);
    assert.ok(past.grants.some(({ id }) => id === 'no'));
    assert.ok(past.grants.some(({ id }) => id === 'g499'));
    assert.ok(JSON.stringify(past).length < 30_000);
  });
});
