/** The API before real services: what it answers, and to whom. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type ApiWorld, readOrders, writeOrders } from '../support/api-world.js';
import { DocumentedApi } from '../support/documented-api.js';
import { until } from '../support/until.js';

describe('the API', function () {
  this.timeout(90_000);
  const api = new DocumentedApi();
  const { call, refused } = api;

  it('answers in full whoever says that anything of it is already there', async () => {
    for (const path of ['/v1/keys', '/v1/grants', '/openapi.json']) {
      // With its own `Cache-Control`, or fetch would add one that asks for a full answer.
      const headers = { 'if-none-match': '*', 'cache-control': 'max-age=0' };
      const answer = await call('engineer', 'GET', path, { headers });
      assert.equal(answer.status, 200, path);
    }
  });

  describe('a whole grant', () => {
    it('goes from asking to the credential to giving it back, when nobody needs to approve', async () => {
      const asked = await call('engineer', 'POST', '/v1/grants', { body: readOrders });
      assert.equal(asked.status, 201, asked.text);
      const id = String(asked.body['grantId']);
      assert.equal(asked.headers.get('location'), `/v1/grants/${id}`);
      assert.equal(asked.body['state'], 'REQUESTED');

      const active = await api.world.reaches('engineer', id, ['ACTIVE']);
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
      assert.ok(!api.world.log.join('\n').includes(credential.password), 'the password is in the log');

      const again = await call('engineer', 'POST', `/v1/grants/${id}/credential`, { body: { collectId } });
      assert.deepEqual(again.body, collected.body);
      await refused(
        call('engineer', 'POST', `/v1/grants/${id}/credential`, { body: { collectId: randomUUID() } }),
        409,
        'already-collected',
      );

      const back = await call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: {} });
      assert.equal(back.status, 200, back.text);
      await api.world.reaches('engineer', id, ['WITHDRAWN']);
      assert.equal(api.world.standing.has(id), false);
      await refused(call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: {} }), 409, 'already-over');

      const record = await call('engineer', 'GET', `/v1/grants/${id}/record`);
      const types = (record.body['records'] as { type: string }[]).map(({ type }) => type);
      assert.equal(types[0], 'requested');
      assert.ok(types.includes('credential-collected'));
    });

    it('waits for the approver, and tells the second click and the late one apart from the first', async () => {
      const id = await api.world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
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

      const active = await api.world.reaches('engineer', id, ['ACTIVE']);
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
      const over = await api.world.reaches('engineer', id, ['REVOKED']);
      assert.deepEqual((over['ending'] as { by: string; reason: string }).reason, 'Not now.');
    });

    it('extends up to what is automatic, and asks again beyond it', async () => {
      const id = await api.world.grant('engineer', readOrders, ['ACTIVE']);
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
      const id = await api.world.grant('engineer', { ...readOrders, recipientKey }, ['ACTIVE']);
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

    it('declares a right for every call, and lets strangers into operations and public keys alone', () => {
      const open = Object.entries(api.document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).flatMap(([method, operation]) =>
          'security' in operation && (operation.security as unknown[]).length === 0 ? [`${method} ${path}`] : [],
        ),
      );
      assert.deepEqual(open.sort(), [
        'get /health/live',
        'get /health/ready',
        'get /metrics',
        'get /openapi.json',
        'get /v1/keys',
      ]);
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
      const id = await api.world.grant('engineer', readOrders, ['ACTIVE']);
      const theirs = await refused(call('contractor', 'GET', `/v1/grants/${id}`), 404, 'not-found');
      const nothing = await refused(call('contractor', 'GET', `/v1/grants/${'0'.repeat(26)}`), 404, 'not-found');
      assert.equal(theirs.detail, nothing.detail);
      for (const path of ['record', 'events']) {
        await refused(api.world.call('contractor', 'GET', `/v1/grants/${id}/${path}`), 404, 'not-found');
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
      assert.match(
        String(seen.body['temporalUi']),
        /^http:\/\/localhost:7300\/temporal\/namespaces\/.+\/workflows\/grant%2F/,
      );
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
      const id = await api.world.grant('deploy-bot', writeOrders, ['APPROVAL_AWAITED']);
      const approved = await call('manager', 'POST', `/v1/grants/${id}/approve`, { body: {} });
      assert.equal(approved.status, 200, approved.text);
      await refused(call('engineer', 'POST', `/v1/grants/${id}/approve`, { body: {} }), 404, 'not-found');
      await api.world.reaches('deploy-bot', id, ['ACTIVE']);
    });
  });

  describe('lists', () => {
    it('come in pages by opaque cursors, which hold for one list of one caller', async () => {
      for (let count = 0; count < 3; count += 1) await api.world.grant('oncall', readOrders, ['ACTIVE']);
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
      const id = await api.world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      const events = await follow(api.world, 'engineer', id);
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
      const id = await api.world.grant('oncall', writeOrders, ['APPROVAL_AWAITED']);
      const open = await Promise.all(Array.from({ length: 10 }, () => follow(api.world, 'oncall', id)));
      try {
        await refused(api.world.call('oncall', 'GET', `/v1/grants/${id}/events`), 429, 'rate-limited');
      } finally {
        for (const events of open) events.close();
      }
    });
  });

  describe('the codec of the Temporal UI', () => {
    it('opens payloads for an operator, and for nobody else, and seals for nobody', async () => {
      const id = await api.world.grant('engineer', readOrders, ['ACTIVE']);
      const { execution } = await api.world.client.workflowService
        .describeWorkflowExecution({
          namespace: api.world.client.options.namespace,
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
