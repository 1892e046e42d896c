/** Another credential is for the subject alone, who asked for it a moment ago, on evidence that still holds. */
import assert from 'node:assert/strict';
import { api, check, extending, now, refuses, renewing, stranger, writeOrder } from '../../support/evidence-world.js';
import { hourMs, minuteMs } from '../../support/signer.js';

describe('evidence of a renewal', () => {
  it('holds for two minutes by our clock, after `activateBy` too', async () => {
    await check(await renewing({ issuedAt: now - 2 * minuteMs }));
    await check(await renewing({ issuedAt: now + 5_000 }));
    const later = now + 2 * hourMs;
    const checked = await check({ ...(await renewing({ issuedAt: later })), moment: { now: later } });
    assert.equal(checked.subject, 'person:engineer');
  });

  it('gives the digest and the end of what stands', async () => {
    const request = await api.request();
    const approvals = [await api.approval()];
    const made = await check({ order: { request, approvals } });
    const again = await check(await renewing({}, { request, approvals }));
    assert.deepEqual([again.evidenceDigest, again.endBy], [made.evidenceDigest, made.endBy]);
    const extension = { extension: await api.extension({ totalMs: hourMs, endBy: now + 20 * hourMs }), approvals: [] };
    const longer = await check(await renewing({}, { request, approvals, extensions: [extension] }));
    assert.equal(longer.endBy, now + 20 * hourMs);
  });

  refuses([
    ['another credential that nobody asked for', 'bad-evidence', async () => ({ purpose: 'renew' })],
    ['another credential for the requester', 'bad-evidence', () => renewing({ actor: 'person:manager' })],
    [
      'another credential for the requester, where somebody else is the subject',
      'bad-evidence',
      async () => renewing({}, { request: await api.request({ subject: 'service:deploy-bot' }) }),
    ],
    ['an old wish for another credential', 'bad-evidence', () => renewing({ issuedAt: now - 2 * minuteMs - 1 })],
    ['a wish for another credential of tomorrow', 'bad-evidence', () => renewing({ issuedAt: now + 5_001 })],
    ['the wish of another grant', 'bad-evidence', () => renewing({ grantId: '1'.repeat(26) })],
    ['the wish of another request', 'bad-evidence', () => renewing({ requestDigest: 'b'.repeat(64) })],
    ['the wish of another installation', 'bad-evidence', () => renewing({ installation: 'prod' })],
    [
      'the request in place of the wish',
      'bad-evidence',
      async () => ({ purpose: 'renew', order: { renewal: await api.request() } }),
    ],
    [
      'a wish that another key signed',
      'bad-evidence',
      async () => ({ purpose: 'renew', order: { renewal: await stranger.renewal() } }),
    ],
    [
      'another credential for what has to be over',
      'bad-evidence',
      async () => renewing({}, { request: await api.request({ endBy: now }) }),
    ],
    [
      'another credential without the approvals',
      'ceiling-refused',
      async () => renewing({}, await writeOrder([await api.approval()])),
    ],
    [
      'a wish for another credential where something is made',
      'bad-evidence',
      async () => ({ order: { renewal: await api.renewal() } }),
    ],
    [
      'a wish for another credential where the end moves',
      'bad-evidence',
      async () => {
        const { order } = await extending({ totalMs: hourMs });
        return { purpose: 'setEnd', order: { ...order, renewal: await api.renewal() } };
      },
    ],
  ]);
});
