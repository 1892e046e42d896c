/** The API before real services: what it answers, to whom, and that every answer is as its document says. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ApiWorld, readOrders, writeOrders, type Answered, type CallOptions } from '../support/api-world.js';
import { temporal } from '../support/services.js';
import { until } from '../support/until.js';
import { checkAgainst, type Check, type Document } from '../support/documented.js';

describe('the API', function () {
  this.timeout(90_000);
  let world: ApiWorld;
  let check: Check;
  let document: Document;

  before(async () => {
    world = await ApiWorld.start();
    document = (await world.call(undefined, 'GET', '/openapi.json')).body as unknown as Document;
    check = checkAgainst(document);
  });
  after(() => world.stop());

  /** A call whose answer is held to the document. */
  async function call(
    account: string | undefined,
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<Answered> {
    const answer = await world.call(account, method, path, options);
    check(method, path, answer);
    return answer;
  }

  async function refused(
    answer: Promise<Answered>,
    status: number,
    type: string,
  ): Promise<{ detail: string; state?: string; errors?: { pointer?: string; parameter?: string }[] }> {
    const { status: seen, body, type: kind, text } = await answer;
    assert.deepEqual({ status: seen, type: body['type'] }, { status, type }, text);
    assert.match(kind, /^application\/problem\+json/);
    assert.doesNotMatch(text, /node_modules|\.ts:|at .+\(/);
    return body as { detail: string };
  }

  describe('a whole grant', () => {
    it('goes from asking to the credential to giving it back, when nobody needs to approve', async () => {
      const asked = await call('engineer', 'POST', '/v1/grants', { body: readOrders });
      assert.equal(asked.status, 201, asked.text);
      const id = String(asked.body['grantId']);
      assert.equal(asked.headers.get('location'), `/v1/grants/${id}`);
      assert.equal(asked.body['state'], 'REQUESTED');

      const active = await world.reaches('engineer', id, ['ACTIVE']);
      assert.equal(active['automatic'], true);
      assert.deepEqual(active['may'], ['see', 'see-record', 'withdraw', 'extend', 'collect']);
      assert.equal(active['justification'], readOrders.justification);

      const collectId = randomUUID();
      const collected = await call('engineer', 'POST', `/v1/grants/${id}/credential`, { body: { collectId } });
      assert.equal(collected.status, 200, collected.text);
      assert.equal(collected.headers.get('cache-control'), 'no-store');
      const credential = collected.body['credential'] as { username: string; password: string };
      assert.equal(credential.username, `dp_${id}`);
      assert.equal(credential.password, `secret of ${id}`);
      assert.ok(!world.log.join('\n').includes(credential.password), 'the password is in the log');

      const again = await call('engineer', 'POST', `/v1/grants/${id}/credential`, { body: { collectId } });
      assert.deepEqual(again.body, collected.body);
      await refused(
        call('engineer', 'POST', `/v1/grants/${id}/credential`, { body: { collectId: randomUUID() } }),
        409,
        'already-collected',
      );

      const back = await call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: {} });
      assert.equal(back.status, 200, back.text);
      await world.reaches('engineer', id, ['WITHDRAWN']);
      assert.equal(world.standing.has(id), false);
      await refused(call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: {} }), 409, 'already-over');

      const record = await call('engineer', 'GET', `/v1/grants/${id}/record`);
      const types = (record.body['records'] as { type: string }[]).map(({ type }) => type);
      assert.equal(types[0], 'requested');
      assert.ok(types.includes('credential-collected'));
    });

    it('waits for the approver, and tells the second click and the late one apart from the first', async () => {
      const id = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      await until(async () => {
        const mine = await call('manager', 'GET', '/v1/approvals');
        return (mine.body['grants'] as { grantId: string }[]).some(({ grantId }) => grantId === id);
      });

      await refused(call('engineer', 'POST', `/v1/grants/${id}/approve`, { body: {} }), 403, 'not-an-approver');
      await refused(call('owner', 'POST', `/v1/grants/${id}/approve`, { body: {} }), 404, 'not-found');

      const decisionId = randomUUID();
      const body = { decisionId, comment: 'Go ahead.', duration: 'PT10M' };
      const approved = await call('manager', 'POST', `/v1/grants/${id}/approve`, { body });
      assert.equal(approved.status, 200, approved.text);
      assert.equal((approved.body['outcome'] as { result: string }).result, 'applied');

      const active = await world.reaches('engineer', id, ['ACTIVE']);
      assert.equal(active['grantedDuration'], 'PT10M');
      const repeated = await call('manager', 'POST', `/v1/grants/${id}/approve`, { body });
      assert.equal(repeated.status, 200, repeated.text);
      const late = await refused(
        call('manager', 'POST', `/v1/grants/${id}/deny`, { body: { reason: 'Too late.' } }),
        409,
        'already-decided',
      );
      assert.equal(late.state, 'ACTIVE');

      const ended = await call('security', 'POST', `/v1/grants/${id}/revoke`, { body: { reason: 'Not now.' } });
      assert.equal(ended.status, 200, ended.text);
      const over = await world.reaches('engineer', id, ['REVOKED']);
      assert.deepEqual((over['ending'] as { by: string; reason: string }).reason, 'Not now.');
    });

    it('extends up to what is automatic, and asks again beyond it', async () => {
      const id = await world.grant('engineer', readOrders, ['ACTIVE']);
      const more = { reason: 'It takes longer.', duration: 'PT15M' };
      const extended = await call('engineer', 'POST', `/v1/grants/${id}/extend`, { body: more });
      assert.equal(extended.status, 200, extended.text);
      await refused(
        call('engineer', 'POST', `/v1/grants/${id}/extend`, { body: { ...more, duration: 'PT20H' } }),
        422,
        'extension-too-long',
      );
      await refused(call('manager', 'POST', `/v1/grants/${id}/extend`, { body: more }), 404, 'not-found');
      await call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: {} });
    });

    it('hands a credential over sealed, when the request named a key of its own', async () => {
      const recipientKey = { kty: 'OKP', crv: 'X25519', x: 'hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo' };
      const id = await world.grant('engineer', { ...readOrders, recipientKey }, ['ACTIVE']);
      const { body } = await call('engineer', 'POST', `/v1/grants/${id}/credential`, {
        body: { collectId: randomUUID() },
      });
      assert.equal(body['credential'], undefined);
      assert.match(String(body['sealed']), /^eyJ[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+$/);
      await call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: {} });
    });
  });

  describe('who is asking', () => {
    const paths = [
      ['GET', '/v1/grants'],
      ['POST', '/v1/grants'],
      ['GET', '/v1/approvals'],
      ['GET', '/v1/entitlements'],
      ['GET', `/v1/grants/${'0'.repeat(26)}`],
      ['POST', `/v1/grants/${'0'.repeat(26)}/approve`],
      ['POST', '/v1/codec/decode'],
    ] as const;

    it('answers nobody without a sign-in, whatever the call', async () => {
      for (const [method, path] of paths) {
        const body = method === 'POST' ? {} : undefined;
        await refused(call(undefined, method, path, { body }), 401, 'unauthenticated');
      }
    });

    it('declares a right for every call, and lets strangers into operations alone', () => {
      const open = Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).flatMap(([method, operation]) =>
          'security' in operation && (operation.security as unknown[]).length === 0 ? [`${method} ${path}`] : [],
        ),
      );
      assert.deepEqual(open.sort(), ['get /health/live', 'get /health/ready', 'get /metrics', 'get /openapi.json']);
    });

    it('refuses tokens that are no tokens, and never falls back to a cookie then', async () => {
      for (const authorization of [
        'Bearer',
        'Bearer not.a.token',
        'Basic abc',
        'Bearer a b',
        `Bearer ${'a'.repeat(9_000)}`,
      ]) {
        await refused(call(undefined, 'GET', '/v1/grants', { headers: { authorization } }), 401, 'unauthenticated');
      }
    });

    it('shows a grant of others to nobody, and says the same as of one that does not exist', async () => {
      const id = await world.grant('engineer', readOrders, ['ACTIVE']);
      const theirs = await refused(call('contractor', 'GET', `/v1/grants/${id}`), 404, 'not-found');
      const nothing = await refused(call('contractor', 'GET', `/v1/grants/${'0'.repeat(26)}`), 404, 'not-found');
      assert.equal(theirs.detail, nothing.detail);
      for (const path of ['record', 'events']) {
        await refused(world.call('contractor', 'GET', `/v1/grants/${id}/${path}`), 404, 'not-found');
      }
      for (const action of ['approve', 'withdraw', 'revoke']) {
        await refused(call('contractor', 'POST', `/v1/grants/${id}/${action}`, { body: {} }), 404, 'not-found');
      }
      await refused(
        call('contractor', 'POST', `/v1/grants/${id}/credential`, { body: { collectId: randomUUID() } }),
        404,
        'not-found',
      );
      const others = await call('contractor', 'GET', '/v1/grants');
      assert.deepEqual(others.body['grants'], []);
      await refused(
        call('operator', 'POST', `/v1/grants/${id}/credential`, { body: { collectId: randomUUID() } }),
        403,
        'not-the-subject',
      );
      await refused(call('auditor', 'POST', `/v1/grants/${id}/revoke`, { body: {} }), 403, 'forbidden');
      const seen = await call('operator', 'GET', `/v1/grants/${id}`);
      assert.match(String(seen.body['temporalUi']), /\/namespaces\/.+\/workflows\/grant%2F/);
      assert.equal((await call('engineer', 'GET', `/v1/grants/${id}`)).body['temporalUi'], undefined);
    });

    it('takes the actor from the token alone', async () => {
      const body = { ...readOrders, requester: 'person:manager' };
      const { errors } = await refused(call('engineer', 'POST', '/v1/grants', { body }), 422, 'invalid');
      assert.deepEqual(
        errors?.map(({ pointer }) => pointer),
        ['/requester'],
      );
      await refused(
        call('engineer', 'POST', '/v1/grants', { body: { ...readOrders, subject: 'person:manager' } }),
        403,
        'may-not-request-for',
      );
    });

    it('lets a service ask by its token, and its manager decide', async () => {
      const id = await world.grant('deploy-bot', writeOrders, ['APPROVAL_AWAITED']);
      const approved = await call('manager', 'POST', `/v1/grants/${id}/approve`, { body: {} });
      assert.equal(approved.status, 200, approved.text);
      await refused(call('engineer', 'POST', `/v1/grants/${id}/approve`, { body: {} }), 404, 'not-found');
      await world.reaches('deploy-bot', id, ['ACTIVE']);
    });
  });

  describe('bad input', () => {
    const ask = (change: object) => call('engineer', 'POST', '/v1/grants', { body: { ...readOrders, ...change } });

    const wrong: [what: string, change: object, pointer: string][] = [
      ['a missing entitlement', { entitlement: undefined }, '/entitlement'],
      ['a missing reason', { justification: undefined }, '/justification'],
      ['a missing duration', { requestedDuration: undefined }, '/requestedDuration'],
      ['a field that does not exist', { colour: 'red' }, '/colour'],
      ['a field of a later version', { emergency: true }, '/emergency'],
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
      const id = await world.grant('engineer', { ...readOrders, justification }, ['ACTIVE']);
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
      const id = await world.grant('engineer', readOrders, ['ACTIVE']);
      await refused(call('engineer', 'GET', `/v1/grants/${id}?wait=PT2H`), 422, 'invalid');
      await refused(call('engineer', 'GET', `/v1/grants/${id}?wait=soon`), 422, 'invalid');
    });

    it('finds nothing under ids that are none', async () => {
      for (const id of ['1', 'x'.repeat(26).toUpperCase(), '..%2f..', '%00', `${'0'.repeat(25)}'`]) {
        await refused(call('operator', 'GET', `/v1/grants/${id}`), 404, 'not-found');
      }
      const unknown = await world.call('operator', 'GET', '/v1/nothing');
      assert.equal(unknown.body['type'], 'not-found');
      assert.equal((await world.call('operator', 'GET', '/v1/grants/%E0%A4%A')).status, 400);
    });

    it('refuses wrong decisions', async () => {
      const id = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      const decide = (action: string, body: object) => call('manager', 'POST', `/v1/grants/${id}/${action}`, { body });
      await refused(decide('deny', {}), 422, 'invalid');
      await refused(decide('deny', { reason: '   ' }), 422, 'invalid');
      await refused(decide('approve', { decisionId: '1' }), 422, 'invalid');
      await refused(decide('approve', { by: 'person:owner' }), 422, 'invalid');
      await refused(decide('approve', { duration: 'PT3H' }), 422, 'duration-not-shorter');
      const denied = await decide('deny', { reason: 'Not today.' });
      assert.equal(denied.status, 200, denied.text);
      await world.reaches('engineer', id, ['DENIED']);
    });

    it('gives nobody the outcome of another one’s decision', async () => {
      const id = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      const decisionId = randomUUID();
      const approved = await call('manager', 'POST', `/v1/grants/${id}/approve`, { body: { decisionId } });
      assert.equal(approved.status, 200, approved.text);
      await world.reaches('engineer', id, ['ACTIVE']);
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

  describe('lists', () => {
    it('come in pages by opaque cursors, which hold for one list of one caller', async () => {
      for (let count = 0; count < 3; count += 1) await world.grant('oncall', readOrders, ['ACTIVE']);
      const first = await until(async () => {
        const page = await call('oncall', 'GET', '/v1/grants?limit=2&state=ACTIVE');
        return page.body['next'] === undefined ? undefined : page;
      });
      const next = encodeURIComponent(String(first.body['next']));
      const second = await call('oncall', 'GET', `/v1/grants?limit=2&state=ACTIVE&cursor=${next}`);
      const ids = [first, second].flatMap(({ body }) =>
        (body['grants'] as { grantId: string }[]).map((g) => g.grantId),
      );
      assert.ok(ids.length > 2);
      assert.equal(new Set(ids).size, ids.length);
      await refused(call('oncall', 'GET', `/v1/grants?limit=2&cursor=${next}`), 422, 'invalid');
      await refused(call('engineer', 'GET', `/v1/grants?limit=2&state=ACTIVE&cursor=${next}`), 422, 'invalid');
    });

    it('show what may be asked for, what it takes, and for whom', async () => {
      const { body } = await call('manager', 'GET', '/v1/entitlements');
      const offered = body['entitlements'] as { id: string; forSelf: boolean; others: { subject: string }[] }[];
      const read = offered.find(({ id }) => id === 'orders-db/read');
      assert.equal(read?.forSelf, false);
      assert.ok(read?.others.some(({ subject }) => subject === 'person:engineer'));
      const nothing = await call('contractor', 'GET', '/v1/entitlements');
      assert.deepEqual(nothing.body['entitlements'], []);
    });
  });

  describe('live changes', () => {
    it('come as events within a second', async () => {
      const id = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      const events = await follow(world, 'engineer', id);
      try {
        assert.equal((await events.next()).state, 'APPROVAL_AWAITED');
        const startedAt = Date.now();
        const denied = await call('manager', 'POST', `/v1/grants/${id}/deny`, { body: { reason: 'Not today.' } });
        assert.equal(denied.status, 200);
        assert.equal((await events.next()).state, 'DENIED');
        assert.ok(Date.now() - startedAt < 1_500, `took ${Date.now() - startedAt} ms`);
      } finally {
        events.close();
      }
    });

    it('are few per caller', async () => {
      const id = await world.grant('oncall', writeOrders, ['APPROVAL_AWAITED']);
      const open = await Promise.all(Array.from({ length: 10 }, () => follow(world, 'oncall', id)));
      try {
        await refused(world.call('oncall', 'GET', `/v1/grants/${id}/events`), 429, 'rate-limited');
      } finally {
        for (const events of open) events.close();
      }
    });
  });

  describe('the codec of the Temporal UI', () => {
    it('opens payloads for an operator, and for nobody else, and seals for nobody', async () => {
      const id = await world.grant('engineer', readOrders, ['ACTIVE']);
      const { execution } = await world.client.workflowService
        .describeWorkflowExecution({
          namespace: world.client.options.namespace,
          execution: { workflowId: `grant/${id}` },
        })
        .then(({ workflowExecutionInfo }) => ({ execution: workflowExecutionInfo }));
      const memo = execution?.memo?.fields?.['request'];
      assert.ok(memo);
      const metadata = Object.entries(memo.metadata ?? {}).map(([k, v]) => [k, Buffer.from(v).toString('base64')]);
      const payload = { metadata: Object.fromEntries(metadata), data: Buffer.from(memo.data ?? []).toString('base64') };
      const body = { payloads: [payload] };
      const opened = await call('operator', 'POST', '/v1/codec/decode', { body });
      assert.equal(opened.status, 200, opened.text);
      const [first] = opened.body['payloads'] as { data: string }[];
      assert.match(Buffer.from(first?.data ?? '', 'base64').toString(), /"justification"/);
      await refused(call('engineer', 'POST', '/v1/codec/decode', { body }), 403, 'forbidden');
      await refused(call('auditor', 'POST', '/v1/codec/decode', { body }), 403, 'forbidden');
      await refused(call('operator', 'POST', '/v1/codec/encode', { body }), 403, 'forbidden');
    });

    it('lets the origin of the Temporal UI read, and no other', async () => {
      const preflight = (origin: string) =>
        world.call(undefined, 'OPTIONS', '/v1/codec/decode', { headers: { origin } }).then(({ headers }) => headers);
      const ui = new URL((await temporal()).uiUrl).origin;
      assert.equal((await preflight(ui)).get('access-control-allow-origin'), ui);
      assert.equal((await preflight(ui)).get('access-control-allow-credentials'), 'true');
      assert.equal((await preflight('http://localhost:1')).get('access-control-allow-origin'), null);
      const elsewhere = await world.call(undefined, 'OPTIONS', '/v1/grants', { headers: { origin: ui } });
      assert.equal(elsewhere.headers.get('access-control-allow-origin'), null);
    });
  });

  describe('every answer', () => {
    it('carries a strict policy, and asks no plain-http browser to upgrade', async () => {
      const { headers } = await world.call('engineer', 'GET', '/v1/grants');
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
      const page = await world.call(undefined, 'GET', '/docs');
      assert.equal(page.status, 200);
      const sources = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '');
      for (const source of sources) {
        assert.match(source, /^\/docs\//);
        assert.equal((await world.call(undefined, 'GET', source)).status, 200, source);
      }
    });

    it('says how it is', async () => {
      assert.equal((await call(undefined, 'GET', '/health/live')).body['status'], 'live');
      assert.equal((await call(undefined, 'GET', '/health/ready')).body['status'], 'ready');
      assert.match((await world.call(undefined, 'GET', '/metrics')).text, /daypass_http_seconds/);
    });
  });
});

interface Events {
  next(): Promise<{ state: string; changes: number }>;
  close(): void;
}

/** Server-sent events of a grant, one by one. */
async function follow(world: ApiWorld, account: string, id: string): Promise<Events> {
  const stop = new AbortController();
  const response = await fetch(new URL(`/v1/grants/${id}/events`, world.url), {
    headers: { authorization: `Bearer ${await world.token(account)}` },
    signal: stop.signal,
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  assert.ok(response.body);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    next: async () => {
      for (;;) {
        const found = /event: grant\ndata: (.*)\n\n/.exec(text);
        if (found) {
          text = text.slice(found.index + found[0].length);
          return JSON.parse(found[1] ?? '') as { state: string; changes: number };
        }
        const { value, done } = await reader.read();
        if (done) throw new Error('the events ended');
        text += value;
      }
    },
    close: () => stop.abort(),
  };
}
