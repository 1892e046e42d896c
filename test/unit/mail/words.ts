/** Times, lengths and foreign text in mails. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { escapeHtml, lengthOf, oneLine, quoted, timeIn } from '../../../activities/mail/words.js';

describe('the words of a mail', () => {
  it('says times in the reader’s own zone', () => {
    const at = Date.UTC(2026, 10, 22, 14, 30);
    assert.equal(timeIn('Europe/Berlin', at), 'Sun, 22 Nov 2026, 15:30 CET');
    assert.equal(timeIn('Asia/Kolkata', at), 'Sun, 22 Nov 2026, 20:00 GMT+5:30');
    assert.equal(timeIn(undefined, at), 'Sun, 22 Nov 2026, 14:30 UTC');
  });

  it('falls back to UTC for a zone that nobody knows', () => {
    assert.equal(timeIn('Mars/Olympus', Date.UTC(2026, 0, 1)), 'Thu, 1 Jan 2026, 00:00 UTC');
  });

  for (const [ms, words] of [
    [0, '0 seconds'],
    [-5, '0 seconds'],
    [1000, '1 second'],
    [90 * 60_000, '1 hour 30 minutes'],
    [86_400_000 + 2 * 3_600_000 + 60_000, '1 day 2 hours'],
  ] as const) {
    it(`calls ${ms} ms "${words}"`, () => assert.equal(lengthOf(ms), words));
  }

  it('keeps a single value on one line, without characters that hide or turn text', () => {
    assert.equal(oneLine('Erin\r\nBcc: all@example.org'), 'Erin Bcc: all@example.org');
    assert.equal(oneLine('a\u202Egnp.exe\u2028b\u0000c\u200Dd'), 'a gnp.exe b c d');
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(oneLine(text))));
  });

  it('keeps the lines of a reason, and cuts a long one', () => {
    assert.equal(quoted('one\r\ntwo\u2028three\u0007'), 'one\ntwo\nthree');
    assert.equal(Array.from(quoted('x'.repeat(4000))).length, 1002);
  });

  it('leaves no markup alive', () => {
    fc.assert(fc.property(fc.string(), (text) => !/[<>"']/.test(escapeHtml(text))));
  });
});
