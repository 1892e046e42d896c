/** The way to the Temporal UI, with the real UI server and with one that does what a bad one could. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { createHash, randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { temporal, type TestTemporal } from '../support/services.js';
import { changing, disguised } from '../support/temporal-calls.js';
import { badServer, portalOrigin, wayToTheUi, type BadServer, type Way } from '../support/temporal-ui.js';

describe('the way to the Temporal UI', function () {
  this.timeout(60_000);

  describe('with the real UI server', () => {
    let engine: TestTemporal;
    let way: Way;
    before(async () => {
      engine = await temporal();
      way = await wayToTheUi(engine.uiUrl);
    });
    after(() => way.close());

    it('shows operators and maintainers the page, with scripts of its own alone, and nobody else', async () => {
      for (const role of ['operator', 'maintainer']) {
        const page = await ask(way, role, 'GET', '/temporal/namespaces/daypass/workflows');
        assert.equal(page.status, 200);
        assert.match(page.text, /<div id="svelte">/);
        const policy = page.headers.get('content-security-policy') ?? '';
        const [, scripts = ''] = /script-src ([^;]+)/.exec(policy) ?? [];
        assert.match(scripts, /^'self' 'sha256-[A-Za-z0-9+/=]+'$/);
        assert.match(policy, /frame-ancestors 'none'/);
        assert.equal(page.headers.get('set-cookie'), null);
      }
      for (const path of ['/temporal', '/temporal/', '/temporal/api/v1/settings', '/temporal/favicon.ico']) {
        assert.equal((await ask(way, undefined, 'GET', path)).status, 401, path);
        for (const role of ['engineer', 'auditor', 'security']) {
          assert.equal((await ask(way, role, 'GET', path)).status, 403, `${role} ${path}`);
        }
      }
    });

    it('tells the UI what the caller may do, and that the portal opens payloads', async () => {
      for (const [role, reading] of [
        ['operator', true],
        ['maintainer', false],
      ] as const) {
        const settings = JSON.parse((await ask(way, role, 'GET', '/temporal/api/v1/settings')).text);
        assert.equal(settings.DisableWriteActions, reading, role);
        assert.equal(settings.Codec.Endpoint, `${portalOrigin}/v1/codec`);
        assert.equal(settings.DefaultNamespace, 'daypass');
      }
    });

    it('lets an operator look, refuses a terminate, and lets a maintainer do it', async () => {
      const client = new Client({
        connection: await Connection.connect({ address: engine.address }),
        namespace: engine.namespace,
      });
      try {
        const workflowId = `looked-at/${randomUUID()}`;
        await client.workflow.start('nobody', { workflowId, taskQueue: 'nobody', args: [] });
        const base = `/temporal/api/v1/namespaces/${engine.namespace}/workflows`;
        const its = `${base}/${encodeURIComponent(workflowId)}`;
        for (const path of [base, its, `${its}/history`, `${its}/history-reverse?maximumPageSize=5`]) {
          const seen = await ask(way, 'operator', 'GET', path);
          assert.equal(seen.status, 200, `${path}: ${seen.text}`);
        }
        const refused = await ask(way, 'operator', 'POST', `${its}/terminate`, { body: '{"reason":"x"}' });
        assert.equal(refused.status, 403);
        assert.match(JSON.parse(refused.text).message, /Only maintainers change/);
        assert.equal((await client.workflow.getHandle(workflowId).describe()).status.name, 'RUNNING');

        const done = await ask(way, 'maintainer', 'POST', `${its}/terminate`, { body: '{"reason":"x"}' });
        assert.equal(done.status, 200, done.text);
        assert.equal((await client.workflow.getHandle(workflowId).describe()).status.name, 'TERMINATED');
        assert.deepEqual(
          way.noted.map(({ event, by, detail }) => [event, by, detail['workflow']]),
          [
            ['temporal-refused', 'person:operator', workflowId],
            ['temporal-changed', 'person:maintainer', workflowId],
          ],
        );
      } finally {
        await client.connection.close();
      }
    });
  });

  describe('with a UI server that keeps what it gets', () => {
    let server: BadServer;
    let way: Way;
    before(async () => {
      server = await badServer(({ url }, response) => {
        response.setHeader('Set-Cookie', 'daypass=theirs; Path=/');
        response.setHeader('Access-Control-Allow-Origin', '*');
        response.setHeader('Content-Security-Policy', "default-src *; script-src 'unsafe-inline' *");
        response.setHeader('Clear-Site-Data', '"*"');
        if (url.includes('elsewhere')) response.writeHead(302, { Location: 'https://evil.example/' });
        else response.setHeader('Content-Type', 'application/json');
        response.end(url.endsWith('/settings') ? '{"Version":"2"}' : '{}');
      });
      way = await wayToTheUi(server.url);
    });
    after(async () => {
      await way.close();
      await server.close();
    });
    beforeEach(() => {
      server.received.splice(0);
      way.noted.splice(0);
    });

    it('asks for no change in the name of an operator, whatever its method and however its path is written', async () => {
      for (const call of [...changing, ...disguised]) {
        const [method = '', path = ''] = call.split(' ');
        const { status, length } = await raw(way, method, `/temporal/api/v1/${path}`, 'operator');
        assert.ok(status === 403, `${call} was answered with ${status} (${length} bytes)`);
      }
      assert.deepEqual(server.received, []);
      const different = new Set([...changing, ...disguised].map((call) => call.split('?', 1)[0]));
      assert.equal(way.noted.length, different.size);
      assert.deepEqual(new Set(way.noted.map(({ event }) => event)), new Set(['temporal-refused']));
    });

    it('asks for every change in the name of a maintainer, once it is in the journal', async () => {
      for (const call of changing) {
        const [method = '', path = ''] = call.split(' ');
        const { status } = await ask(way, 'maintainer', method, `/temporal/api/v1/${path}`, { body: '{"a":1}' });
        assert.equal(status, 200, call);
      }
      assert.equal(server.received.length, changing.length);
      assert.deepEqual(
        way.noted.map(({ event, detail }) => [event, `${String(detail['method'])} ${String(detail['call'])}`]),
        changing.map((call) => ['temporal-changed', call.replace(' ', ' /api/v1/')]),
      );
      assert.ok(server.received.every(({ body }) => body === '{"a":1}'));
      const sent = createHash('sha256').update('{"a":1}').digest('hex');
      assert.ok(way.noted.every(({ detail }) => detail['body'] === sent));
    });

    it('has the whole of a long address on record, and passes on none that reads as another one', async () => {
      const workflows = '/temporal/api/v1/namespaces/daypass/workflows';
      const long = `${workflows}/${encodeURIComponent(encodeURIComponent(`person/${'ä'.repeat(40)}`))}/terminate`;
      assert.equal((await ask(way, 'maintainer', 'POST', long, { body: '{}' })).status, 200);
      assert.match(String(way.noted[0]?.detail['call']), /\/terminate$/);
      for (const path of [
        '/temporal/api/v1/namespaces/daypass/%77orkflows/x/terminate',
        `${workflows}/x/%74erminate`,
        `${workflows}/person%2Fmanag%2565r/terminate`,
      ]) {
        const { status } = await raw(way, 'POST', path, 'maintainer');
        assert.equal(status, 422, path);
      }
      assert.deepEqual([server.received.length, way.noted.length], [1, 1]);
    });

    it('asks for no change that is not in the journal, nor for one by a sign-in that may have been ended', async () => {
      way.journalFails = true;
      const path = '/temporal/api/v1/namespaces/1/workflows/1/reset';
      assert.equal((await ask(way, 'maintainer', 'POST', path, { body: '{}' })).status, 500);
      assert.equal((await ask(way, 'operator', 'POST', `${path}?again`, { body: '{}' })).status, 403);
      way.journalFails = false;
      way.signOutsKnown = false;
      assert.equal((await ask(way, 'maintainer', 'POST', path, { body: '{}' })).status, 401);
      assert.equal((await ask(way, 'operator', 'GET', '/temporal/api/v1/namespaces')).status, 200);
      way.signOutsKnown = true;
      assert.deepEqual(
        server.received.map(({ method }) => method),
        ['GET'],
      );
    });

    it('puts the same attempt on record once in five minutes', async () => {
      const path = `/temporal/api/v1/namespaces/1/workflows/${randomUUID()}/reset`;
      for (let turn = 0; turn < 3; turn += 1) await ask(way, 'operator', 'POST', path, { body: '{}' });
      assert.equal(way.noted.length, 1);
    });

    it('passes no cookie, no token, and no header on that names someone or makes another call of it', async () => {
      const { status } = await raw(way, 'GET', '/temporal/api/v1/namespaces', 'operator', [
        'Origin: http://localhost:7300',
        'Cookie: daypass=secret; _csrf=x',
        'Authorization: Bearer secret',
        'Authorization-Extras: secret',
        'Grpc-Metadata-Authorization: secret',
        'X-HTTP-Method-Override: POST',
        'X-Forwarded-For: 10.0.0.1',
        'X-Forwarded-Host: evil.example',
        'Caller-Type: operator',
        'Expect: 100-continue',
        'X-Anything: secret',
      ]);
      assert.equal(status, 100);
      const [got] = server.received;
      const names = Object.keys(got?.headers ?? {}).sort();
      const fine = ['accept', 'accept-encoding', 'accept-language', 'connection', 'host', 'sec-fetch-site'];
      assert.deepEqual(
        names.filter((name) => !fine.includes(name)),
        [],
      );
      assert.equal(got?.headers.host, new URL(server.url).host);
    });

    it('brings no cookie back, no redirect, and no policy but our own', async () => {
      const answer = await ask(way, 'operator', 'GET', '/temporal/api/v1/namespaces');
      assert.equal(answer.status, 200);
      for (const name of ['set-cookie', 'access-control-allow-origin', 'clear-site-data', 'location']) {
        assert.equal(answer.headers.get(name), null, name);
      }
      assert.equal(answer.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'");
      const led = await ask(way, 'operator', 'GET', '/temporal/api/v1/namespaces/elsewhere');
      assert.equal(led.status, 503);
      assert.equal(led.headers.get('location'), null);
    });

    it('lets no body hide a second request', async () => {
      const hidden =
        'POST /temporal/api/v1/namespaces/1/workflows/1/reset HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
      const chunked = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
      for (const [framing, body] of [
        ['Transfer-Encoding: chunked', chunked],
        [`Content-Length: ${hidden.length}`, hidden],
      ] as const) {
        for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
          await raw(way, method, '/temporal/api/v1/namespaces', 'operator', [framing], body);
        }
      }
      const query = '/temporal/api/v1/namespaces/1/workflows/1/query/x';
      const { status } = await raw(way, 'POST', query, 'operator', ['Transfer-Encoding: chunked'], chunked);
      assert.equal(status, 422);
      assert.deepEqual(server.received, []);
      assert.equal((await ask(way, 'operator', 'POST', query, { body: 'x'.repeat(1_000_001) })).status, 413);
      assert.equal((await ask(way, 'operator', 'POST', query, { body: hidden })).status, 200);
      assert.deepEqual(
        server.received.map(({ url, body }) => [url, body]),
        [[query, hidden]],
      );
    });

    it('opens no other kind of connection', async () => {
      const { status } = await raw(way, 'GET', '/temporal/api/v1/namespaces', 'operator', [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ]);
      assert.equal(status, 200);
      assert.equal(server.received[0]?.headers.upgrade, undefined);
    });

    it('asks for one and the same page whatever address is called', async () => {
      for (const path of [
        '/temporal',
        '/temporal/<script>',
        '/temporal/a/../../b?x=<script>',
        '/temporal/_app/../api/v1/x',
      ]) {
        await raw(way, 'GET', path, 'operator');
      }
      assert.deepEqual([...new Set(server.received.map(({ url }) => url))], ['/temporal/']);
    });

    it('shows Markdown of workflows inside the UI only, as text that can run and load nothing', async () => {
      const path = '/temporal/render?content=%3Cscript%3E';
      assert.equal((await ask(way, 'operator', 'GET', path)).status, 404);
      const inside = await raw(way, 'GET', path, 'operator', ['Sec-Fetch-Dest: iframe']);
      assert.equal(inside.status, 200);
      const policy = /content-security-policy: (.*)/i.exec(inside.head)?.[1] ?? '';
      assert.match(policy, /default-src 'none'/);
      assert.doesNotMatch(policy, /script/);
      assert.match(policy, /; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox$/);
    });

    it('refuses what other sites send with a cookie', async () => {
      const path = '/temporal/api/v1/namespaces/1/workflows/1/terminate';
      const elsewhere: Record<string, string>[] = [
        { origin: 'http://evil.example' },
        { origin: 'http://localhost:8233' },
        {},
      ];
      for (const headers of elsewhere) {
        const sent = { headers: { cookie: 'daypass=x', ...headers }, body: '{}' };
        assert.equal((await ask(way, 'maintainer', 'POST', path, sent)).status, 403, JSON.stringify(headers));
      }
      assert.deepEqual([server.received, way.noted], [[], []]);
      const own = { headers: { cookie: 'daypass=x', origin: portalOrigin }, body: '{}' };
      assert.equal((await ask(way, 'maintainer', 'POST', path, own)).status, 200);
    });
  });

  it('says so when no UI server answers, and when none is connected', async () => {
    const gone = await badServer(() => undefined);
    await gone.close();
    for (const [upstream, status, sentence] of [
      [gone.url, 503, /does not answer just now/],
      [undefined, 404, /DAYPASS_TEMPORAL_UI_URL/],
    ] as const) {
      const way = await wayToTheUi(upstream);
      try {
        for (const path of ['/temporal/', '/temporal/api/v1/namespaces']) {
          const answer = await ask(way, 'operator', 'GET', path);
          assert.equal(answer.status, status, path);
          assert.match(answer.text, sentence);
        }
        assert.equal((await ask(way, 'engineer', 'GET', '/temporal/')).status, 403);
      } finally {
        await way.close();
      }
    }
  });
});

interface Asked {
  status: number;
  headers: Headers;
  text: string;
}

async function ask(
  { url }: Way,
  role: string | undefined,
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string } = {},
): Promise<Asked> {
  const { headers = {}, body } = options;
  const response = await fetch(new URL(path, url), {
    method,
    headers: {
      ...(role !== undefined && { 'x-test-role': role }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
    redirect: 'manual',
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** As bytes on the wire: no library tidies the path or the framing. */
async function raw(
  { url }: Way,
  method: string,
  path: string,
  role: string,
  headers: string[] = [],
  body = '',
): Promise<{ status: number; length: number; head: string }> {
  const { port, host } = new URL(url);
  const socket = connect(Number(port), 'localhost');
  socket.setEncoding('utf8');
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}`,
    `X-Test-Role: ${role}`,
    'Connection: close',
    ...headers,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  const [head = ''] = answer.split('\r\n\r\n', 1);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), length: answer.length, head };
}
