/** The API before real services: what is wrong, what is sent twice, and what every answer carries. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createSealer } from '../../api/identity/seal.js';
import { createSessions } from '../../api/identity/session.js';
import { readOrders, writeOrders } from '../support/api-world.js';
import { DocumentedApi } from '../support/documented-api.js';

describe('the API', function () {
  this.timeout(90_000);
  const api = new DocumentedApi();
  const { call, refused } = api;

  describe('bad input', () => {
    const ask = (change: object) => call('engineer', 'POST', '/v1/grants', { body: { ...readOrders, ...change } });

    const wrong: [what: string, change: object, pointer: string][] = [
      ['a missing entitlement', { entitlement: undefined }, '/entitlement'],
      ['a missing reason', { justification: undefined }, '/justification'],
      ['a missing duration', { requestedDuration: undefined }, '/requestedDuration'],
      ['a field that does not exist', { colour: 'red' }, '/colour'],
      ['a field of a later version', { incident: 'INC-1' }, '/incident'],
      ['a reason of blanks', { justification: ' \n\t\u00a0\u200b ' }, '/justification'],
      ['a reason that is too long', { justification: 'x'.repeat(4_001) }, '/justification'],
      ['a reason with a NUL', { justification: 'Look into\u0000 a late order' }, '/justification'],
      ['a reason that is written backwards', { justification: 'Look into \u202e a late order' }, '/justification'],
      ['a reason with half a character', { justification: 'Look into \ud800 a late order' }, '/justification'],
      ['a reason that is no text', { justification: 5 }, '/justification'],
      ['a duration of zero', { requestedDuration: 'PT0S' }, '/requestedDuration'],
      ['a negative duration', { requestedDuration: '-PT1H' }, '/requestedDuration'],
      ['a duration in words', { requestedDuration: 'one hour' }, '/requestedDuration'],
      ['a duration in numbers', { requestedDuration: 3600 }, '/requestedDuration'],
      ['a duration of months', { requestedDuration: 'P1M' }, '/requestedDuration'],
      ['a duration that is open', { requestedDuration: 'PT' }, '/requestedDuration'],
      ['SQL as an entitlement', { entitlement: "orders-db/read' OR ''='" }, '/entitlement'],
      ['markup as a ticket', { ticket: { system: '<b>', number: 'OPS-1' } }, '/ticket/system'],
      ['a field inside the ticket', { ticket: { system: 'OPS', number: '1', url: 'x' } }, '/ticket/url'],
      ['a subject that is no ref', { subject: 'engineer' }, '/subject'],
      ['a start that is no instant', { scheduledActivationTime: 'tomorrow' }, '/scheduledActivationTime'],
      ['a start without an offset', { scheduledActivationTime: '2030-01-01T00:00:00' }, '/scheduledActivationTime'],
      ['a start in the past', { scheduledActivationTime: '2020-01-01T00:00:00Z' }, '/scheduledActivationTime'],
      [
        'a private key',
        { recipientKey: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43), d: 'A'.repeat(43) } },
        '/recipientKey/d',
      ],
      [
        'a key of another curve',
        { recipientKey: { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } },
        '/recipientKey/crv',
      ],
    ];
    for (const [what, change, pointer] of wrong) {
      it(`refuses ${what}, and points at it`, async () => {
        const { errors, detail } = await refused(ask(change), 422, 'invalid');
        assert.deepEqual(
          errors?.map((error) => error.pointer),
          [pointer],
        );
        assert.ok(detail.length > 10);
      });
    }

    it('refuses a key that nothing can be sealed to', async () => {
      const recipientKey = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) };
      const { errors } = await refused(ask({ recipientKey }), 422, 'invalid');
      assert.deepEqual(errors?.[0]?.pointer, '/recipientKey');
    });

    it('names every wrong field at once', async () => {
      const { errors } = await refused(call('engineer', 'POST', '/v1/grants', { body: { a: 1 } }), 422, 'invalid');
      assert.deepEqual(errors?.map(({ pointer }) => pointer).sort(), [
        '/a',
        '/entitlement',
        '/justification',
        '/requestedDuration',
      ]);
    });

    it('refuses what the policy refuses, each with its own code', async () => {
      await refused(ask({ entitlement: 'orders-db/nothing' }), 422, 'unknown-entitlement');
      await refused(ask({ requestedDuration: 'PT9H' }), 422, 'duration-too-long');
      await refused(ask({ justification: 'short' }), 422, 'justification-too-short');
      await refused(ask({ requestedDuration: 'PT1S' }), 422, 'invalid');
      await refused(call('contractor', 'POST', '/v1/grants', { body: readOrders }), 403, 'not-eligible');
      const administer = { entitlement: 'orders-db/administer', requestedDuration: 'PT15M' };
      const justification = 'Reindex the table of orders after the import of last night.';
      const body = { ...administer, justification };
      await refused(call('owner', 'POST', '/v1/grants', { body }), 422, 'ticket-required');
    });

    it('keeps markup and SQL as the text that they are', async () => {
      const justification = `<script>alert(1)</script>'; DROP TABLE grants; --`;
      const id = await api.world.grant('engineer', { ...readOrders, justification }, ['ACTIVE']);
      const seen = await call('engineer', 'GET', `/v1/grants/${id}`);
      assert.equal(seen.body['justification'], justification);
      assert.equal(seen.headers.get('x-content-type-options'), 'nosniff');
      await call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: { reason: justification } });
    });

    it('refuses a body that is not JSON, not an object, too large, packed or of another type', async () => {
      const send = (raw: string, headers: Record<string, string> = {}) =>
        call('engineer', 'POST', '/v1/grants', { raw, headers });
      await refused(send('{"a":'), 400, 'malformed');
      await refused(send('not json'), 400, 'malformed');
      await refused(send('"text"'), 400, 'malformed');
      await refused(send('[]'), 422, 'invalid');
      await refused(send(JSON.stringify({ a: 'x'.repeat(40_000) })), 413, 'too-large');
      await refused(
        send('a=1', { 'content-type': 'application/x-www-form-urlencoded' }),
        415,
        'unsupported-media-type',
      );
      await refused(send('{}', { 'content-type': 'text/plain' }), 415, 'unsupported-media-type');
      await refused(send('{}', { 'content-encoding': 'gzip' }), 415, 'unsupported-media-type');
      await refused(send('{}', { 'content-type': 'application/json; charset=utf-7' }), 415, 'unsupported-media-type');
    });

    it('refuses headers that are too large, before anything of them is read', async () => {
      const answer = await api.world.call(undefined, 'GET', '/v1/keys', { headers: { 'x-much': 'x'.repeat(40_000) } });
      assert.equal(answer.status, 431);
    });

    it('refuses a form with too many fields or too much in one, and says so on a page', async () => {
      const sessions = createSessions(createSealer(api.world.sessionKey), { secure: false });
      const signIn = { time: Date.now(), methods: ['pwd'], groups: [] };
      const { cookie } = await sessions.start('person:engineer', signIn);
      const headers = {
        cookie: cookie.split(';')[0] ?? '',
        origin: 'http://localhost:7300',
        'content-type': 'application/x-www-form-urlencoded',
      };
      const send = (raw: string) => api.world.call(undefined, 'POST', '/ask', { raw, headers });
      const many = await send(Array.from({ length: 51 }, (_, index) => `f${index}=1`).join('&'));
      assert.equal(many.status, 413);
      assert.match(many.text, /<p>The form has more fields than any form here; send only its own\.<\/p>/);
      const large = await send(`justification=${'x'.repeat(40_000)}`);
      assert.equal(large.status, 413);
      assert.match(large.text, /<p>The body is larger than 32 kB; send less\.<\/p>/);
    });

    it('does not let a body change the shape of anything', async () => {
      const raw = `{"__proto__":{"entitlement":"orders-db/read"},"constructor":{"prototype":{"roles":["operator"]}}}`;
      await refused(call('engineer', 'POST', '/v1/grants', { raw }), 422, 'invalid');
      assert.equal(({} as { roles?: unknown }).roles, undefined);
    });

    it('refuses wrong questions about grants', async () => {
      for (const query of [
        'state=OPEN',
        'subject=engineer',
        `subject=person:x' OR Requester='person:manager`,
        'limit=0',
        'limit=1000',
        'limit=many',
        'colour=red',
        'cursor=abc',
        'state=ACTIVE&state=ENDED',
      ]) {
        const { errors } = await refused(call('engineer', 'GET', `/v1/grants?${query}`), 422, 'invalid');
        assert.equal(errors?.[0]?.parameter, query.split('=')[0]);
      }
      const id = await api.world.grant('engineer', readOrders, ['ACTIVE']);
      await refused(call('engineer', 'GET', `/v1/grants/${id}?wait=PT2H`), 422, 'invalid');
      await refused(call('engineer', 'GET', `/v1/grants/${id}?wait=soon`), 422, 'invalid');
    });

    it('finds nothing under ids that are none', async () => {
      for (const id of ['1', 'x'.repeat(26).toUpperCase(), '..%2f..', '%00', `${'0'.repeat(25)}'`]) {
        await refused(call('operator', 'GET', `/v1/grants/${id}`), 404, 'not-found');
      }
      const unknown = await api.world.call('operator', 'GET', '/v1/nothing');
      assert.equal(unknown.body['type'], 'not-found');
      assert.equal((await api.world.call('operator', 'GET', '/v1/grants/%E0%A4%A')).status, 400);
    });

    it('refuses wrong decisions', async () => {
      const id = await api.world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      const decide = (action: string, body: object) => call('manager', 'POST', `/v1/grants/${id}/${action}`, { body });
      await refused(decide('deny', {}), 422, 'invalid');
      await refused(decide('deny', { reason: '   ' }), 422, 'invalid');
      await refused(decide('approve', { decisionId: '1' }), 422, 'invalid');
      await refused(decide('approve', { by: 'person:owner' }), 422, 'invalid');
      await refused(decide('approve', { duration: 'PT3H' }), 422, 'duration-not-shorter');
      const denied = await decide('deny', { reason: 'Not today.' });
      assert.equal(denied.status, 200, denied.text);
      await api.world.reaches('engineer', id, ['DENIED']);
    });

    it('gives nobody the outcome of another one’s decision', async () => {
      const id = await api.world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      const decisionId = randomUUID();
      const approved = await call('manager', 'POST', `/v1/grants/${id}/approve`, { body: { decisionId } });
      assert.equal(approved.status, 200, approved.text);
      await api.world.reaches('engineer', id, ['ACTIVE']);
      await refused(
        call('operator', 'POST', `/v1/grants/${id}/revoke`, { body: { decisionId } }),
        422,
        'idempotency-conflict',
      );
    });
  });

  describe('asking twice', () => {
    it('starts one grant for one key, and refuses another body under it', async () => {
      const headers = { 'idempotency-key': randomUUID() };
      const first = await call('engineer', 'POST', '/v1/grants', { body: readOrders, headers });
      const second = await call('engineer', 'POST', '/v1/grants', { body: readOrders, headers });
      assert.deepEqual([first.status, second.status], [201, 200]);
      assert.equal(second.body['grantId'], first.body['grantId']);
      const other = { ...readOrders, requestedDuration: 'PT20M' };
      await refused(call('engineer', 'POST', '/v1/grants', { body: other, headers }), 422, 'idempotency-conflict');
      const theirs = await call('oncall', 'POST', '/v1/grants', { body: readOrders, headers });
      assert.equal(theirs.status, 201, theirs.text);
      assert.notEqual(theirs.body['grantId'], first.body['grantId']);
    });

    it('starts one grant when the same key comes many times at once', async () => {
      const headers = { 'idempotency-key': randomUUID() };
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => call('engineer', 'POST', '/v1/grants', { body: readOrders, headers })),
      );
      assert.equal(new Set(answers.map(({ body }) => body['grantId'])).size, 1);
      assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    });

    it('refuses keys that are none', async () => {
      const headers = { 'idempotency-key': 'a b' };
      await refused(call('engineer', 'POST', '/v1/grants', { body: readOrders, headers }), 422, 'invalid');
    });
  });

  describe('every answer', () => {
    it('carries a strict policy, and asks no plain-http browser to upgrade', async () => {
      const { headers } = await api.world.call('engineer', 'GET', '/v1/grants');
      const policy = headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe|upgrade-insecure|\*/);
      assert.equal(headers.get('strict-transport-security'), null);
      assert.equal(headers.get('x-powered-by'), null);
      assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
      assert.equal(headers.get('cache-control'), 'no-store');
    });

    it('is documented on a page that fetches nothing from elsewhere', async () => {
      const page = await api.world.call(undefined, 'GET', '/docs');
      assert.equal(page.status, 200);
      const sources = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '');
      for (const source of sources) {
        assert.match(source, /^\/docs\//);
        assert.equal((await api.world.call(undefined, 'GET', source)).status, 200, source);
      }
    });

    it('says how it is', async () => {
      assert.equal((await call(undefined, 'GET', '/health/live')).body['status'], 'live');
      assert.equal((await call(undefined, 'GET', '/health/ready')).body['status'], 'ready');
      assert.match((await api.world.call(undefined, 'GET', '/metrics')).text, /daypass_http_seconds/);
    });
  });
});
