/**
 * What is no HTTP, or only nearly: requests that two readers would read differently, floods, and senders who never end. Each is
 * refused or let go, never answered twice, and the API goes on answering others from bounded memory.
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { ApiWorld } from '../support/api-world.js';
import { exchange, requestBytes, type Exchange } from './support/raw-http.js';

const crlf = '\r\n';
const lines = (...all: string[]): string => [...all, '', ''].join(crlf);
const post = (...headers: string[]): string[] => [
  'POST /v1/grants HTTP/1.1',
  'Host: localhost:7300',
  'Content-Type: application/json',
  ...headers,
];
/** Another request, hidden where only one of two readers would see it. */
const hidden = lines('GET /v1/keys HTTP/1.1', 'Host: localhost:7300');
const chunk = (text: string): string => `${text.length.toString(16)}${crlf}${text}${crlf}`;
const chunked = 'Transfer-Encoding: chunked';

/** None of these may be answered with a success, or with more than one answer. */
const broken: Record<string, string | Buffer> = {
  'two lengths': lines(...post('Content-Length: 2', 'Content-Length: 40')) + `{}${hidden}`,
  'the same length twice': lines(...post('Content-Length: 2', 'Content-Length: 2')) + '{}',
  'a list of lengths': lines(...post('Content-Length: 2, 2')) + '{}',
  'a length with a sign': lines(...post('Content-Length: +2')) + '{}',
  'a negative length': lines(...post('Content-Length: -1')) + '{}',
  'a length in hexadecimal': lines(...post('Content-Length: 0x2')) + '{}',
  'a length beyond numbers': lines(...post(`Content-Length: ${'9'.repeat(30)}`)) + '{}',
  'length and chunks': lines(...post('Content-Length: 4', chunked)) + `0${crlf}${crlf}${hidden}`,
  'chunks and length': lines(...post(chunked, 'Content-Length: 4')) + `0${crlf}${crlf}${hidden}`,
  'chunks twice': lines(...post(chunked, chunked)) + `0${crlf}${crlf}${hidden}`,
  'chunks that are not the last coding': lines(...post('Transfer-Encoding: chunked, identity')) + hidden,
  'an unknown coding': lines(...post('Transfer-Encoding: xchunked')) + hidden,
  'a coding behind a tab': lines(...post('Transfer-Encoding:\tchunked\u000b')) + `0${crlf}${crlf}`,
  'a blank before the colon': lines(...post('Content-Length : 2')) + '{}',
  'a folded header': lines(...post('X-Fold: a', ' b: c', 'Content-Length: 2')) + '{}',
  'a bare return in a header': lines(...post('X-Bare: a\rContent-Length: 40', 'Content-Length: 2')) + '{}',
  'a NUL in a header': lines(...post('X-Nul: a\u0000b', 'Content-Length: 2')) + '{}',
  'a NUL in the target': lines('GET /v1/keys\u0000 HTTP/1.1', 'Host: localhost:7300'),
  'a blank in the target': lines('GET /v1/ke ys HTTP/1.1', 'Host: localhost:7300'),
  'no host': lines('GET /v1/keys HTTP/1.1'),
  'no name of a header': lines(...post(': empty', 'Content-Length: 2')) + '{}',
  'another protocol': lines('GET /v1/keys HTTP/9.9', 'Host: localhost:7300'),
  'HTTP/2 without asking': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a tunnel': lines('CONNECT evil.example:443 HTTP/1.1', 'Host: evil.example:443'),
  'an unknown method': lines('BREW /v1/keys HTTP/1.1', 'Host: localhost:7300'),
  'a method in small letters': lines('get /v1/keys HTTP/1.1', 'Host: localhost:7300'),
  'an expectation that nobody meets':
    lines(...post('Expect: miracles', 'Content-Length: 2', 'Connection: close')) + '{}',
  TLS: Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
  'bytes of nothing': Buffer.alloc(4_096, 0xff),
  'a target of 100 kB': lines(`GET /${'a'.repeat(100_000)} HTTP/1.1`, 'Host: localhost:7300'),
  'a header of 100 kB': lines('GET /v1/keys HTTP/1.1', 'Host: localhost:7300', `X-Much: ${'a'.repeat(100_000)}`),
  'ten thousand headers': lines(
    'GET /v1/keys HTTP/1.1',
    'Host: localhost:7300',
    ...Array.from({ length: 10_000 }, (_, index) => `X-${index}: 1`),
  ),
  'a chunk that says it is larger than numbers': lines(...post(chunked)) + `${'F'.repeat(20)}${crlf}{}`,
  'a chunk of a negative length': lines(...post(chunked)) + `-1${crlf}{}${crlf}`,
  'a chunk that is longer than it says': lines(...post(chunked)) + `2${crlf}{} and more${crlf}0${crlf}${crlf}`,
  'a chunk extension of 1 MB': lines(...post(chunked)) + `2;${'a'.repeat(1_000_000)}${crlf}{}${crlf}`,
  'trailers of 1 MB': lines(...post(chunked)) + `${chunk('{}')}0${crlf}X: ${'a'.repeat(1_000_000)}${crlf}${crlf}`,
};

/** Unusual, and right all the same: answered once, as their equals are. */
const allowed: Record<string, [bytes: string, status: number]> = {
  'HTTP/0.9': ['GET /v1/keys\r\n\r\n', 200],
  'HTTP/1.0': [lines('GET /v1/keys HTTP/1.0'), 200],
  'a header name in capitals': [lines('GET /v1/keys HTTP/1.1', 'HOST: localhost:7300', 'CONNECTION: close'), 200],
  'a chunked body of single bytes': [
    lines(...post(chunked, 'Connection: close')) + `${chunk('{')}${chunk('}')}0${crlf}${crlf}`,
    401,
  ],
  'a question before the body': [
    lines(...post('Expect: 100-continue', 'Content-Length: 2', 'Connection: close')) + '{}',
    401,
  ],
  'another protocol, offered': [
    lines('GET /v1/keys HTTP/1.1', 'Host: localhost:7300', 'Upgrade: h2c', 'Connection: close, Upgrade'),
    200,
  ],
};

/** A minute of fuzzing must not add up. Of this process, workers and all. */
const growthMostBytes = 256 * 1_048_576;
/** `requestTimeout` of the server, and a machine with other things to do. */
const letGoMs = 40_000;

describe('what is hardly HTTP', function () {
  this.timeout(120_000);
  let world: ApiWorld;
  let before_ = 0;
  before(async () => {
    world = await ApiWorld.start();
    before_ = process.memoryUsage().rss;
  });
  after(() => world.stop());

  afterEach('the API answers others', async () => {
    const { status } = await world.call(undefined, 'GET', '/health/live');
    assert.equal(status, 200);
  });

  const tried = (bytes: string | Buffer, withinMs = 3_000): Promise<Exchange> =>
    exchange(world.url, bytes, { withinMs, isEnough: (seen) => seen.includes('\r\n\r\n') });

  for (const [what, bytes] of Object.entries(broken)) {
    it(`is refused: ${what}`, async () => {
      const { answers, end } = await exchange(world.url, bytes, { withinMs: 3_000 });
      assert.equal(end, 'closed', 'the connection stayed open');
      assert.ok(answers.length <= 1, `${answers.length} answers`);
      for (const { status } of answers) assert.ok(status >= 400 && status < 500, `answered ${status}`);
    });
  }

  for (const [what, [bytes, expected]] of Object.entries(allowed)) {
    it(`is understood: ${what}`, async () => {
      const { answers, end } = await exchange(world.url, bytes, { withinMs: 3_000 });
      assert.equal(end, 'closed');
      assert.deepEqual(
        answers.map(({ status }) => status),
        [expected],
      );
    });
  }

  it('answers many requests that come at once, each with its own', async () => {
    const one = (step: string): string => lines(`GET ${step} HTTP/1.1`, 'Host: localhost:7300');
    const steps = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? '/v1/keys' : '/v1/nothing'));
    const last = lines('GET /v1/keys HTTP/1.1', 'Host: localhost:7300', 'Connection: close');
    const { answers, end } = await exchange(world.url, steps.map(one).join('') + last, { withinMs: 10_000 });
    assert.equal(end, 'closed');
    assert.deepEqual(
      answers.map(({ status }) => status),
      [...steps.map((_, index) => (index % 2 ? 404 : 200)), 200],
    );
  });

  it('takes no more of a body than it may have, however it is sent', async () => {
    const authorization = `Authorization: Bearer ${await world.token('engineer')}`;
    const piece = Buffer.from(chunk('x'.repeat(65_000)));
    let sent = 0;
    function* bomb(): Generator<Buffer> {
      for (; sent < 2_000; sent += 1) yield piece;
    }
    const head = lines(...post(chunked, authorization));
    const { answers, end } = await exchange(world.url, `${head}${chunk('{"a":"')}`, {
      withinMs: 5_000,
      isEnough: (seen) => seen.includes('\r\n\r\n'),
      then: { parts: bomb(), pauseMs: 0 },
    });
    assert.deepEqual(
      answers.map(({ status }) => status),
      [413],
      `${end} after ${sent} pieces`,
    );
    assert.ok(sent < 1_000, `${sent} pieces of 65 kB went in before the answer`);
    const length = await tried(lines(...post('Content-Length: 100000000000', authorization)) + '{');
    assert.deepEqual(
      length.answers.map(({ status }) => status),
      [413],
    );
  });

  it('forgets a body whose sender hangs up in the middle', async () => {
    const request = requestBytes({
      method: 'POST',
      target: '/v1/grants',
      headers: [
        ['Authorization', `Bearer ${await world.token('engineer')}`],
        ['Content-Type', 'application/json'],
      ],
      body: Buffer.from('{"entitlement":"orders-db/read"'),
    });
    const cut = request.subarray(0, -10);
    const all = await Promise.all(
      Array.from({ length: 50 }, () => exchange(world.url, cut, { withinMs: 3_000, hangsUp: true })),
    );
    for (const { answers, end } of all) {
      assert.equal(end, 'closed');
      for (const { status } of answers) assert.equal(status, 400);
    }
  });

  it('lets go of who sends without end, and answers everybody else meanwhile', async () => {
    const authorization = `Authorization: Bearer ${await world.token('engineer')}`;
    function* drops(drop: string): Generator<Buffer> {
      for (;;) yield Buffer.from(drop);
    }
    const slow = (head: string, drop: string): Promise<Exchange> =>
      exchange(world.url, head, { withinMs: letGoMs, then: { parts: drops(drop), pauseMs: 500 } });
    const heads = Array.from({ length: 20 }, () =>
      slow('GET /v1/keys HTTP/1.1\r\nHost: localhost:7300\r\n', 'X: y\r\n'),
    );
    const body = lines(...post('Content-Length: 30000', authorization));
    const bodies = Array.from({ length: 20 }, () => slow(body, ' '));
    const silent = Array.from({ length: 20 }, () => exchange(world.url, body, { withinMs: letGoMs }));
    const all = Promise.all([...heads, ...bodies, ...silent]);
    let isOver = false;
    void all.finally(() => (isOver = true));
    while (!isOver) {
      const startedAt = performance.now();
      const { status } = await world.call('engineer', 'GET', '/v1/entitlements');
      assert.equal(status, 200);
      assert.ok(performance.now() - startedAt < 3_000, 'others had to wait');
      await pause(500);
    }
    for (const { answers, end } of await all) {
      assert.equal(end, 'closed', `still open after ${letGoMs / 1_000} s`);
      for (const { status } of answers) assert.equal(status, 408);
    }
  });

  it('keeps nothing of all that', () => {
    const growth = process.memoryUsage().rss - before_;
    assert.ok(growth < growthMostBytes, `${Math.round(growth / 1_048_576)} MB more than before`);
  });
});
