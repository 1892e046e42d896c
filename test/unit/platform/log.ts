/** A log line is one line and holds no secret, however it came in. */
import assert from 'node:assert/strict';
import { createLog } from '../../../activities/platform/log.js';

function written(say: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  say(createLog('test', 'info', (line) => lines.push(line)));
  assert.equal(lines.length, 1);
  const [line = ''] = lines;
  assert.equal(line.indexOf('\n'), line.length - 1);
  return line;
}

describe('the log', () => {
  it('writes one JSON line per event', () => {
    const line: unknown = JSON.parse(written((log) => log.info({ grantId: 'g' }, 'removed')));
    assert.ok(typeof line === 'object' && line !== null && 'grantId' in line && 'msg' in line && 'level' in line);
    assert.deepEqual([line.grantId, line.msg, line.level], ['g', 'removed', 'info']);
  });

  // What a terminal or a reader of lines would take for an end, a new line or a command.
  const breaks = 'a\n{"level":"fatal","msg":"forged"}\r\n\u001b[2J\u001b]0;x\u0007\u0000\u0008"\\b';

  it('stays one line of JSON, whatever a value, a name or a message holds', () => {
    const line = written((log) =>
      log.warn({ note: breaks, [breaks]: 1, err: new Error(breaks), deep: [{ note: breaks }] }, breaks),
    );
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f]/);
    const said = JSON.parse(line);
    assert.deepEqual(
      [said.level, said.msg, said.note, said[breaks], said.err.message, said.deep[0].note],
      ['warn', breaks, breaks, 1, breaks, breaks],
    );
  });

  const jws = 'eyJhbGciOiJFZERTQSJ9.eyJ0eXBlIjoicmVxdWVzdCJ9.c2lnbmF0dXJl';
  const secrets: [name: string, fields: object][] = [
    ['a field', { password: 'hunter2' }],
    ['a field deep inside', { a: [{ b: { clientSecret: 'hunter2' } }] }],
    ['a private key', { jwk: { kty: 'OKP', d: 'hunter2' } }],
    ['a header', { headers: { Authorization: 'Bearer hunter2', cookie: 'hunter2' } }],
    [
      'what a driver hangs on its error',
      { err: Object.assign(new Error('no'), { query: 'hunter2', detail: 'hunter2' }) },
    ],
    [
      'the cause of an error',
      { err: new Error('no', { cause: Object.assign(new Error('why'), { password: 'hunter2' }) }) },
    ],
    ['a URL', { at: 'redis://user:hunter2@localhost:6379' }],
    ['a URL in a message', { err: new Error('cannot reach postgres://app:hunter2@db/orders') }],
    ['something very deep', { a: { b: { c: { d2: { e: { f: { g: { h: 'hunter2' } } } } } } } }],
  ];
  for (const [name, fields] of secrets) {
    it(`strikes out ${name}`, () => {
      assert.ok(!written((log) => log.error(fields, 'event')).includes('hunter2'));
    });
  }

  it('strikes out tokens in any text', () => {
    assert.ok(!written((log) => log.info({ note: `got ${jws}` }, 'event')).includes('eyJ'));
    assert.ok(!written((log) => log.info(`got ${jws}`)).includes('eyJ'));
  });

  it('says of an error what it is, and what caused it', () => {
    const line = JSON.parse(
      written((log) => log.error({ err: new TypeError('no', { cause: new Error('why') }) }, 'event')),
    );
    assert.deepEqual([line.err.type, line.err.message, line.err.cause.message], ['TypeError', 'no', 'why']);
    assert.match(line.err.stack, /log\.ts/);
  });

  it('keeps what is no secret', () => {
    const line = written((log) => log.info({ target: 'orders-db', url: 'http://localhost:7300/x' }, 'event'));
    assert.ok(line.includes('orders-db') && line.includes('http://localhost:7300/x'));
  });
});
