/** Evidence that holds gives the signed subject the signed privilege, for the smallest duration that anybody named. */
import assert from 'node:assert/strict';
import { api, believed, check, now, second, writeOrder } from '../../support/evidence-world.js';
import { grantId, hourMs, minuteMs, privateKey } from '../../support/signer.js';

describe('evidence', () => {
  describe('that holds', () => {
    it('makes what the ceiling says, for the subject that was signed', async () => {
      const checked = await check({
        order: { request: await api.request({ subject: 'service:deploy-bot' }) },
        moment: { attempt: 3 },
      });
      const { evidenceDigest, recipientKey, ...rest } = checked;
      assert.match(evidenceDigest, /^[0-9a-f]{64}$/);
      assert.equal(recipientKey, believed.credentialKey);
      assert.deepEqual(rest, {
        grantId,
        subject: 'service:deploy-bot',
        entitlement: 'orders-db/read',
        privilege: 'reader',
        durationMs: 2 * hourMs,
        endBy: now + 12 * hourMs,
        signedBy: ['test-Ed25519'],
        attempt: 3,
      });
    });

    it('takes the smallest of the durations: asked, approved, ceiling', async () => {
      assert.equal(
        (await check({ order: { approvals: [await api.approval({ durationMs: minuteMs })] } })).durationMs,
        minuteMs,
      );
      const long = await api.request({ longestMs: 100 * hourMs });
      assert.equal((await check({ order: { request: long } })).durationMs, 8 * hourMs);
      const larger = await api.approval({ durationMs: 7 * hourMs });
      assert.equal((await check({ order: { approvals: [larger] } })).durationMs, 2 * hourMs);
    });

    it('lets pass without approval only as long as `automatic` says, and has that counted', async () => {
      const request = await api.request({ longestMs: hourMs });
      assert.equal((await check({ order: { request, approvals: [] } })).automaticPerHour, 20);
      assert.equal((await check({ order: { request } })).automaticPerHour, undefined);
    });

    it('takes two approvals by two people', async () => {
      const checked = await check({ order: await writeOrder([await api.approval(), await second()]) });
      assert.equal(checked.privilege, 'writer');
    });

    it('seals to the key that the request names', async () => {
      const { kty, crv, x } = await privateKey('X25519');
      const checked = await check({ order: { request: await api.request({ recipientKey: { kty, crv, x } }) } });
      assert.deepEqual(checked.recipientKey, { kty, crv, x });
    });

    it('gives the same digest for the same evidence and another for other', async () => {
      const order = { request: await api.request(), approvals: [await api.approval()] };
      const [one, same, other] = await Promise.all([check({ order }), check({ order }), check({})]);
      assert.equal(one.evidenceDigest, same.evidenceDigest);
      assert.equal(other.evidenceDigest, one.evidenceDigest, 'Ed25519 signs alike');
      const more = await check({ order: { ...order, approvals: [...order.approvals, await second()] } });
      assert.notEqual(more.evidenceDigest, one.evidenceDigest);
    });

    it('is accepted at the edges of its window', async () => {
      await check({ moment: { now: now - minuteMs } });
      await check({ moment: { now: now + hourMs } });
      await check({ moment: { skewMs: async () => 5_000 } });
    });

    it('extends by approval, to the smallest of asked, approved and ceiling, after `activateBy` too', async () => {
      const extension = await api.extension({ endBy: now + 20 * hourMs });
      const consent = await api.approval({ about: 'extension-1', shownMs: 4 * hourMs, durationMs: 3 * hourMs });
      const order = { extensions: [{ extension, approvals: [consent] }] };
      const checked = await check({ order, purpose: 'setEnd', moment: { now: now + 2 * hourMs } });
      assert.equal(checked.durationMs, 3 * hourMs);
      assert.equal(checked.endBy, now + 20 * hourMs);
    });

    it('extends without approval up to the total that `automatic` allows', async () => {
      const order = {
        request: await api.request({ longestMs: minuteMs }),
        approvals: [],
        extensions: [{ extension: await api.extension({ totalMs: hourMs }), approvals: [] }],
      };
      assert.equal((await check({ order, purpose: 'setEnd' })).durationMs, hourMs);
    });

    it('counts the last of several extensions, also a shorter one', async () => {
      const [first, last] = [
        await api.extension({ totalMs: hourMs }),
        await api.extension({ totalMs: minuteMs, decisionId: 'x' }),
      ];
      const extensions = [first, last].map((extension) => ({ extension, approvals: [] }));
      assert.equal((await check({ order: { extensions }, purpose: 'setEnd' })).durationMs, minuteMs);
    });
  });
});
