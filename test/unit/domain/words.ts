/** Digests, durations in words, text of others, and the names that cross processes. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { digest } from '../../../workflows/domain/digest.js';
import { inWords } from '../../../workflows/domain/durations.js';
import { plainText } from '../../../workflows/domain/text.js';
import {
  grantIdFrom,
  grantIdOf,
  grantWorkflowId,
  isGrantId,
  reconcileTarget,
  reconcileWorkflowId,
} from '../../../workflows/ids.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('a digest', () => {
  it('is SHA-256 over the canonical form, as anyone else would compute it', () => {
    assert.equal(digest({ b: 1, a: ['x', 1.5, true, null] }), sha256('{"a":["x",1.5,true,null],"b":1}'));
    assert.equal(digest({ text: '\u6f22 \u{1f600} "' }), sha256('{"text":"\u6f22 \u{1f600} \\""}'));
  });

  it('does not depend on the order of members, nor on those that are undefined', () => {
    assert.equal(digest({ a: 1, b: 2 }), digest({ b: 2, c: undefined, a: 1 }));
  });

  it('depends on every value, and on where it stands', () => {
    const base = digest({ a: { b: 1 } });
    for (const other of [{ a: { b: 2 } }, { a: { b: '1' } }, { b: { a: 1 } }, { a: [1] }, { a: { b: null } }]) {
      assert.notEqual(digest(other), base);
    }
  });
});

describe('a duration in words', () => {
  for (const [ms, words] of [
    [0, 'less than a second'],
    [-5, 'less than a second'],
    [999, 'less than a second'],
    [1_000, '1 second'],
    [59_999, '59 seconds'],
    [60_000, '1 minute'],
    [61_000, '1 minute 1 second'],
    [5_400_000, '1 hour 30 minutes'],
    [3_661_000, '1 hour 1 minute'],
    [86_400_000, '1 day'],
    [7 * 86_400_000 + 1_000, '7 days 1 second'],
  ] as const) {
    it(`of ${ms} ms is "${words}"`, () => assert.equal(inWords(ms), words));
  }
});

describe('text of others', () => {
  for (const [name, text, plain] of [
    [
      'keeps what people write',
      "Robert'); DROP TABLE grants;-- <b>\u6f22\u{1f600}</b>",
      "Robert'); DROP TABLE grants;-- <b>\u6f22\u{1f600}</b>",
    ],
    ['is on one line', 'one\r\ntwo\u2028three\tfour', 'one two three four'],
    ['has no control characters', 'a\u0000\u001b[31mb\u007f', 'a [31mb'],
    ['has no bidirectional or hidden characters', 'a\u202egnp.exe\u2066\u200b\ufeffb', 'a gnp.exe b'],
    ['has no halved characters', 'a\ud83d', 'a'],
    ['is blank when it is', ' \u0007 ', ''],
  ] as const) {
    it(name, () => assert.equal(plainText(text, 1_000), plain));
  }

  it('is bounded, also in the middle of a character', () => {
    assert.equal(plainText('x'.repeat(2_000), 1_000).length, 1_000);
    assert.equal(plainText('x\u{1f600}', 2), 'x');
  });
});

describe('a grant id', () => {
  it('is 26 characters of Crockford base32, the same for the same bits', () => {
    assert.equal(grantIdFrom(new Uint8Array(17)), '0'.repeat(26));
    assert.equal(grantIdFrom(new Uint8Array(17).fill(255)), 'z'.repeat(26));
    assert.equal(grantIdFrom(Uint8Array.from([0x08, 0x42, ...new Uint8Array(15)])), `111${'0'.repeat(23)}`);
    for (let made = 0; made < 1_000; made += 1) assert.ok(isGrantId(grantIdFrom(randomBytes(17))));
  });

  it('takes the first 130 bits of more, and is not made of fewer', () => {
    const bytes = randomBytes(32);
    assert.equal(grantIdFrom(bytes), grantIdFrom(bytes.subarray(0, 17)));
    assert.throws(() => grantIdFrom(new Uint8Array(16)), RangeError);
  });

  it('differs with every one of its bits', () => {
    const base = new Uint8Array(17);
    const ids = new Set([grantIdFrom(base)]);
    for (let bit = 0; bit < 130; bit += 1) {
      const bytes = Uint8Array.from(base);
      bytes[bit >> 3] = 0x80 >> (bit & 7);
      ids.add(grantIdFrom(bytes));
    }
    assert.equal(ids.size, 131);
  });

  it('is nothing that only looks like one', () => {
    const good = '0123456789abcdefghjkmnpqrs';
    assert.ok(isGrantId(good));
    const bad = ['', good.slice(1), `${good}0`, good.toUpperCase(), `${good}\n`, good.replace('a', 'i')];
    for (const text of [...bad, good.replace('a', 'u'), good.replace('a', '/'), ` ${good.slice(1)}`]) {
      assert.ok(!isGrantId(text), JSON.stringify(text));
    }
  });

  it('is found again in the id of its workflow, and in no other id', () => {
    const id = grantIdFrom(randomBytes(17));
    assert.equal(grantIdOf(grantWorkflowId(id)), id);
    for (const other of [id, `grants/${id}`, `grant/${id}/x`, `x/grant/${id}`, 'grant/', reconcileWorkflowId('db')]) {
      assert.equal(grantIdOf(other), undefined, other);
    }
  });
});

describe('the id of a reconcile', () => {
  it('names its target, with and without the time that a schedule adds', () => {
    assert.equal(reconcileTarget(reconcileWorkflowId('orders-db')), 'orders-db');
    assert.equal(reconcileTarget('reconcile/orders-db-2026-01-05T09:00:00Z'), 'orders-db');
    assert.equal(reconcileTarget('grant/orders-db'), undefined);
  });
});
