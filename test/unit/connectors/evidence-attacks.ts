/**
 * The attacker owns Temporal and the decisions worker: it holds every statement that was ever signed, and may order anything.
 * Each row is one thing it could try, and the code by which the connector refuses. Nothing of it reaches the target. (Who owns
 * Redis sends a connector nothing at all.)
 */
import assert from 'node:assert/strict';
import {
  api,
  check,
  consent,
  extending,
  now,
  refuses,
  second,
  stranger,
  writeOrder,
} from '../../support/evidence-world.js';
import { hourMs, minuteMs } from '../../support/signer.js';

describe('evidence, against who owns Temporal and the decisions worker', () => {
  refuses([
    // the order
    [
      'a message that could not be opened',
      'bad-evidence',
      async () => ({ order: { approvals: undefined, ...{ unreadable: 'broken' } } }),
    ],
    [
      'a grant id that is no grant id',
      'bad-evidence',
      async () => ({ order: { grantId: "x'; DROP ROLE postgres; --" } }),
    ],
    [
      'a privilege in the message',
      'bad-evidence',
      async () => ({ order: { entitlement: 'orders-db/read', ...{ privilege: 'postgres' } } }),
    ],
    ['101 approvals', 'bad-evidence', async () => ({ order: { approvals: Array.from({ length: 101 }, () => 'x') } })],
    ['another target, ordered here', 'bad-evidence', async () => ({ order: { target: 'billing-db' } })],
    [
      'an entitlement that the ceiling does not list',
      'ceiling-refused',
      async () => ({ order: { entitlement: 'orders-db/own' } }),
    ],
    ['an entitlement from the prototype', 'ceiling-refused', async () => ({ order: { entitlement: '__proto__' } })],

    // the request
    ['a request that nobody signed', 'bad-evidence', async () => ({ order: { request: 'e30.e30.' } })],
    [
      'a request that another key signed',
      'bad-evidence',
      async () => ({ order: { request: await stranger.request() } }),
    ],
    ['an approval in place of the request', 'bad-evidence', async () => ({ order: { request: await api.approval() } })],
    [
      'a request of another installation',
      'bad-evidence',
      async () => ({ order: { request: await api.request({ installation: 'prod' }) } }),
    ],
    [
      'the request of another grant',
      'bad-evidence',
      async () => ({ order: { request: await api.request({ grantId: '1'.repeat(26) }) } }),
    ],
    [
      'a request for another target',
      'bad-evidence',
      async () => ({ order: { request: await api.request({ target: 'billing-db' }) } }),
    ],
    [
      'more than was asked for: write on a request to read',
      'bad-evidence',
      async () => ({ order: { entitlement: 'orders-db/write' } }),
    ],

    // clocks
    ['activation before its time', 'bad-evidence', async () => ({ moment: { now: now - minuteMs - 5_001 } })],
    ['an old request that was never used', 'bad-evidence', async () => ({ moment: { now: now + hourMs + 1 } })],
    ['a window that ended', 'bad-evidence', async () => ({ order: { request: await api.request({ endBy: now }) } })],
    ["a target's clock that is set back", 'clock-skew', async () => ({ moment: { skewMs: async () => 5_001 } })],
    [
      "a target's clock that cannot be read as a number",
      'clock-skew',
      async () => ({ moment: { skewMs: async () => NaN } }),
    ],

    // approvals of the request
    ['no approval where one is needed for so long', 'ceiling-refused', async () => ({ order: { approvals: [] } })],
    ['no approval where nothing is automatic', 'ceiling-refused', async () => ({ order: await writeOrder([]) })],
    [
      'one approval where two are needed',
      'ceiling-refused',
      async () => ({ order: await writeOrder([await api.approval()]) }),
    ],
    [
      'one approval given twice',
      'ceiling-refused',
      async () => ({ order: await writeOrder([await api.approval(), await api.approval()]) }),
    ],
    [
      'one person who approved in two steps',
      'ceiling-refused',
      async () => ({
        order: await writeOrder([await api.approval(), await api.approval({ step: 1, decisionId: 'decision-2' })]),
      }),
    ],
    [
      'an approver whose groups do not count here',
      'ceiling-refused',
      async () => ({
        order: { approvals: [await api.approval({ signIn: { time: now, methods: ['pwd'], groups: ['engineers'] } })] },
      }),
    ],
    [
      'an approver without groups',
      'ceiling-refused',
      async () => ({
        order: { approvals: [await api.approval({ signIn: { time: now, methods: ['pwd'], groups: [] } })] },
      }),
    ],
    [
      'a second approver whose groups do not count',
      'ceiling-refused',
      async () => ({
        order: await writeOrder([
          await api.approval(),
          await api.approval({
            actor: 'person:contractor',
            signIn: { time: now, methods: ['pwd'], groups: ['contractors'] },
          }),
        ]),
      }),
    ],
    [
      'an approval that another key signed',
      'bad-evidence',
      async () => ({ order: { approvals: [await stranger.approval()] } }),
    ],
    [
      'a good approval with a forged one beside it',
      'bad-evidence',
      async () => ({ order: { approvals: [await api.approval(), await stranger.approval()] } }),
    ],
    [
      'the request in place of an approval',
      'bad-evidence',
      async () => ({ order: { approvals: [await api.request()] } }),
    ],
    [
      'an approval of another grant',
      'bad-evidence',
      async () => ({ order: { approvals: [await api.approval({ grantId: '1'.repeat(26) })] } }),
    ],
    [
      'an approval of another installation',
      'bad-evidence',
      async () => ({ order: { approvals: [await api.approval({ installation: 'prod' })] } }),
    ],
    [
      'an approval of a request that said something else',
      'bad-evidence',
      async () => ({ order: { approvals: [await api.approval({ requestDigest: 'b'.repeat(64) })] } }),
    ],
    [
      'an approval of an extension, for the request',
      'bad-evidence',
      async () => ({ order: { approvals: [await api.approval({ about: 'extension-1' })] } }),
    ],
    [
      'the requester as approver',
      'bad-evidence',
      async () => ({ order: { approvals: [await api.approval({ actor: 'person:engineer' })] } }),
    ],
    [
      'the subject as approver',
      'bad-evidence',
      async () => ({ order: { request: await api.request({ subject: 'person:manager' }) } }),
    ],
    [
      'a service as approver',
      'bad-evidence',
      async () => ({ order: { approvals: [await api.approval({ actor: 'service:deploy-bot' })] } }),
    ],

    // extensions
    [
      'an extension before anything stands',
      'bad-evidence',
      async () => ({ order: { extensions: [{ extension: await api.extension({ totalMs: hourMs }), approvals: [] }] } }),
    ],
    ['a moved end without an extension', 'bad-evidence', async () => ({ purpose: 'setEnd' })],
    [
      'an extension that somebody else asked for',
      'bad-evidence',
      () => extending({ actor: 'person:manager', totalMs: hourMs }),
    ],
    ['an extension of another grant', 'bad-evidence', () => extending({ grantId: '1'.repeat(26), totalMs: hourMs })],
    [
      'an extension of another request',
      'bad-evidence',
      () => extending({ requestDigest: 'b'.repeat(64), totalMs: hourMs }),
    ],
    [
      'an extension without approval of what an approver shortened',
      'bad-evidence',
      async () => ({
        purpose: 'setEnd',
        order: {
          approvals: [await api.approval({ durationMs: minuteMs })],
          extensions: [{ extension: await api.extension({ totalMs: hourMs }), approvals: [] }],
        },
      }),
    ],
    ['an extension past the ceiling', 'ceiling-refused', () => extending({ totalMs: 8 * hourMs + 1 })],
    [
      'an extension without approval, past what is automatic',
      'ceiling-refused',
      () => extending({ totalMs: hourMs + 1 }),
    ],
    [
      'an extension without approval, where nothing is automatic',
      'ceiling-refused',
      async () => ({
        purpose: 'setEnd',
        order: await writeOrder(
          [await api.approval(), await second()],
          [{ extension: await api.extension({ totalMs: 3 * hourMs }), approvals: [] }],
        ),
      }),
    ],
    [
      'an extension with one approval where two are needed',
      'ceiling-refused',
      async () => ({
        purpose: 'setEnd',
        order: await writeOrder(
          [await api.approval(), await second()],
          [{ extension: await api.extension(), approvals: [await consent()] }],
        ),
      }),
    ],
    [
      'the approvals of the request, for an extension',
      'bad-evidence',
      () => extending({}, async () => [await api.approval({ shownMs: 4 * hourMs })]),
    ],
    [
      'an extension that is called "request", to have those approvals count',
      'bad-evidence',
      () => extending({ decisionId: 'request' }, async () => [await api.approval({ shownMs: 4 * hourMs })]),
    ],
    [
      'a longer extension under the id of an approved one',
      'bad-evidence',
      () => extending({ totalMs: 7 * hourMs }, async () => [await consent()]),
    ],
    [
      'an approval of an extension that does not say how long',
      'bad-evidence',
      () => extending({}, async () => [await api.approval({ about: 'extension-1' })]),
    ],
    [
      'an extension that its asker approved',
      'bad-evidence',
      () =>
        extending({}, async () => [
          await api.approval({ about: 'extension-1', shownMs: 4 * hourMs, actor: 'person:engineer' }),
        ]),
    ],
    ['an extension that ended before', 'bad-evidence', () => extending({ totalMs: hourMs, endBy: now })],
    [
      'a good extension after a forged one',
      'bad-evidence',
      async () => ({
        purpose: 'setEnd',
        order: {
          extensions: [
            { extension: await stranger.extension({ totalMs: minuteMs }), approvals: [] },
            { extension: await api.extension({ totalMs: minuteMs }), approvals: [] },
          ],
        },
      }),
    ],

    // the connector's own settings
    [
      'everything right, at an installation of another name',
      'bad-evidence',
      async () => ({ believed: { installation: 'other' } }),
    ],
    [
      'everything right, after the signing key was withdrawn',
      'bad-evidence',
      async () => ({ believed: { apiKeys: stranger.keys } }),
    ],
  ]);

  it('refuses for now only what starts a moment too early by our clock', async () => {
    for (const early of [1, 5_000]) {
      await assert.rejects(check({ moment: { now: now - minuteMs - early } }), {
        outcome: 'unknown',
        code: 'bad-evidence',
      });
    }
  });

  it('does not ask the target anything for what nobody signed', async () => {
    const skewMs = (): never => assert.fail('asked the target');
    await assert.rejects(check({ order: { request: await stranger.request() }, moment: { skewMs } }), /pinned keys/);
  });
});
