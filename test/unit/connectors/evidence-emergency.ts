/** Nobody is asked in an emergency: whoever owns the decisions worker, or a password, gets no further than the ceiling says. */
import assert from 'node:assert/strict';
import type { Order } from '../../../activities/contract.js';
import type { RequestStatement } from '../../../workflows/domain/evidence.js';
import { api, check, now, refuses, second, writeOrder, type Attack } from '../../support/evidence-world.js';
import { hourMs } from '../../support/signer.js';

const noGroups = { time: now, methods: ['pwd'], groups: [] };
const urgent: Partial<RequestStatement> = {
  entitlement: 'orders-db/write',
  emergency: true,
  longestMs: hourMs,
  signIn: { time: now, methods: ['pwd'], groups: ['oncall'] },
};

/** Orders what somebody on duty asked for in an emergency, changed so. */
async function emergency(change: Partial<RequestStatement>, order: Partial<Order> = {}): Promise<Attack> {
  return { order: { ...(await writeOrder([])), request: await api.request({ ...urgent, ...change }), ...order } };
}

describe('evidence of an emergency', () => {
  it('needs nobody within its own limit, and is not counted with what is automatic', async () => {
    const checked = await check(await emergency({}));
    assert.deepEqual([checked.privilege, checked.durationMs, checked.automaticPerHour], ['writer', hourMs, undefined]);
  });

  it('goes further with the approvals that anything takes', async () => {
    const approvals = [await api.approval(), await second()];
    const checked = await check(await emergency({ longestMs: 2 * hourMs }, { approvals }));
    assert.equal(checked.durationMs, 2 * hourMs);
  });

  refuses([
    [
      'an emergency that was asked for as an ordinary request',
      'ceiling-refused',
      async () => emergency({ emergency: undefined }),
    ],
    ['an emergency for longer than its limit', 'ceiling-refused', async () => emergency({ longestMs: hourMs + 1 })],
    [
      'an emergency by somebody outside the groups',
      'ceiling-refused',
      async () => emergency({ signIn: { time: now, methods: ['pwd'], groups: ['engineers'] } }),
    ],
    ['an emergency by somebody without groups', 'ceiling-refused', async () => emergency({ signIn: noGroups })],
    [
      'an emergency of somebody on duty, for somebody else',
      'ceiling-refused',
      async () => emergency({ subject: 'person:contractor' }),
    ],
    [
      'an emergency where the ceiling knows none, for as short as is automatic',
      'ceiling-refused',
      async () => ({
        order: { approvals: [], request: await api.request({ ...urgent, entitlement: 'orders-db/read' }) },
      }),
    ],
    [
      'an emergency with one approval where two are needed',
      'ceiling-refused',
      async () => emergency({}, { approvals: [await api.approval()] }),
    ],
    [
      'an extension of an emergency without approval',
      'ceiling-refused',
      async () => ({
        ...(await emergency(
          {},
          { extensions: [{ extension: await api.extension({ totalMs: hourMs }), approvals: [] }] },
        )),
        purpose: 'setEnd',
      }),
    ],
    ['an emergency after its time', 'bad-evidence', async () => emergency({ activateBy: now - 1 })],
  ]);
});
