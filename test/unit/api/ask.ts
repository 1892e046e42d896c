/** Asking twice is asking once, whatever the policy says by then. */
import assert from 'node:assert/strict';
import { Problem } from '../../../api/problem.js';
import { digest } from '../../../workflows/domain/digest.js';
import { actorOf, worldOf } from './support/world.js';

const body = {
  entitlement: 'orders-db/read',
  justification: 'Look into a late order.',
  requestedDuration: 900_000,
};

describe('a repeated request', () => {
  it('is answered with its grant, even if today’s policy would refuse it', async () => {
    // A contractor may ask for nothing, as if their eligibility had ended after the first call.
    const contractor = actorOf('contractor');
    const accepted = worldOf({ anyId: true, found: { bodyDigest: digest(body) } });
    const { grant, isNew } = await accepted.handlers.ask(body, contractor, 'key-1');
    assert.deepEqual([grant.entitlement, isNew], [body.entitlement, false]);
    const never = worldOf();
    await assert.rejects(
      never.handlers.ask(body, contractor, 'key-2'),
      (error) => error instanceof Problem && error.code === 'not-eligible',
    );
  });

  it('is refused when its key was used for another body', async () => {
    const { handlers } = worldOf({ anyId: true, found: { bodyDigest: digest({ ...body, requestedDuration: 1 }) } });
    await assert.rejects(
      handlers.ask(body, actorOf('engineer'), 'key-1'),
      (error) => error instanceof Problem && error.code === 'idempotency-conflict',
    );
  });
});
