/** Breaking the glass, looking back at it and losing a credential, by the API before real services. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readOrders } from '../support/api-world.js';
import { DocumentedApi } from '../support/documented-api.js';
import { until } from '../support/until.js';

const emergency = {
  entitlement: 'orders-db/write',
  requestedDuration: 'PT15M',
  emergency: true,
  bypassReason: 'Orders are lost while nobody answers the phone.',
};
const given = { verdict: 'justified', comment: 'The importer was down.' };

describe('the API, in an emergency', function () {
  this.timeout(90_000);
  const api = new DocumentedApi();
  const { call, refused } = api;

  const waiting = async (account: string, id: string) => {
    const { body } = await call(account, 'GET', '/v1/approvals');
    return (body['grants'] as { grantId: string }[]).some(({ grantId }) => grantId === id);
  };

  it('gives access at once, and keeps asking its reviewers until one has looked back at it', async () => {
    const id = await api.world.grant('oncall', emergency, ['ACTIVE']);
    const active = await call('security', 'GET', `/v1/grants/${id}`);
    assert.deepEqual(active.body['conditions'], ['emergency', 'reviewPending']);
    assert.equal(active.body['justification'], emergency.bypassReason);
    assert.ok((active.body['may'] as string[]).includes('review'));
    assert.equal((await call('oncall', 'POST', `/v1/grants/${id}/withdraw`, { body: {} })).status, 200);
    await api.world.reaches('oncall', id, ['WITHDRAWN']);
    assert.equal(api.world.standing.has(id), false);
    await until(() => waiting('security', id), { what: 'the review among what waits' });
    assert.equal(await waiting('oncall', id), false);

    await refused(call('oncall', 'POST', `/v1/grants/${id}/review`, { body: given }), 403, 'not-an-approver');
    await refused(call('auditor', 'POST', `/v1/grants/${id}/review`, { body: given }), 403, 'not-an-approver');
    await refused(call('security', 'POST', `/v1/grants/${id}/review`, { body: { verdict: 'fine' } }), 422, 'invalid');
    const decisionId = randomUUID();
    const review = await call('security', 'POST', `/v1/grants/${id}/review`, { body: { ...given, decisionId } });
    assert.equal(review.status, 200, review.text);
    const again = await call('security', 'POST', `/v1/grants/${id}/review`, { body: { ...given, decisionId } });
    assert.deepEqual(again.body, review.body);
    const seen = await call('oncall', 'GET', `/v1/grants/${id}`);
    assert.deepEqual(seen.body['conditions'], ['emergency']);
    assert.equal((seen.body['review'] as { given: { verdict: string } }).given.verdict, 'justified');
    await refused(call('security', 'POST', `/v1/grants/${id}/review`, { body: given }), 409, 'already-decided');
  });

  it('is nothing that others have, and takes its reason', async () => {
    await refused(call('engineer', 'POST', '/v1/grants', { body: emergency }), 403, 'emergency-refused');
    const { bypassReason, ...unexplained } = emergency;
    await refused(call('oncall', 'POST', '/v1/grants', { body: unexplained }), 422, 'invalid');
    const body = { ...unexplained, justification: bypassReason };
    await refused(call('oncall', 'POST', '/v1/grants', { body }), 422, 'invalid');
  });

  it('renews a lost credential for its subject, and answers the repeated call alike', async () => {
    const id = await api.world.grant('engineer', readOrders, ['ACTIVE']);
    const path = `/v1/grants/${id}/credential`;
    const early = await call('engineer', 'POST', path, { body: { collectId: randomUUID(), renew: true } });
    assert.equal(early.status, 409, early.text);
    assert.equal((await call('engineer', 'POST', path, { body: { collectId: randomUUID() } })).status, 200);
    const body = { collectId: randomUUID(), renew: true };
    await refused(call('security', 'POST', path, { body }), 403, 'not-the-subject');
    const renewed = await call('engineer', 'POST', path, { body });
    assert.equal(renewed.status, 200, renewed.text);
    assert.ok(renewed.body['credential']);
    assert.deepEqual((await call('engineer', 'POST', path, { body })).body, renewed.body);
    await refused(call('engineer', 'POST', path, { body: { collectId: randomUUID() } }), 409, 'already-collected');
    const record = await call('engineer', 'GET', `/v1/grants/${id}/record`);
    const types = (record.body['records'] as { type: string }[]).map(({ type }) => type);
    assert.deepEqual(
      types.filter((type) => type.startsWith('renew')),
      ['renewal-asked', 'renewed'],
    );
    await call('engineer', 'POST', `/v1/grants/${id}/withdraw`, { body: {} });
  });
});
