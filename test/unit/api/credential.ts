/** The handing-over: to the subject alone, for two minutes, of exactly this grant. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Problem } from '../../../api/problem.js';
import type { FailureCode } from '../../../workflows/domain/failure.js';
import { actorOf, grantId, worldOf, type GivenGrant } from './support/world.js';

const inside = {
  kind: 'postgres',
  host: 'localhost',
  port: 5432,
  database: 'orders',
  username: 'dp_1',
  password: 'hunter2',
};
const active: GivenGrant = { view: { state: 'ACTIVE', credential: 'waiting' }, inside };
const collected = (changes = {}) => ({
  sealed: 'sealed',
  collectedAt: Date.now(),
  expireTime: Date.now() + 600_000,
  ...changes,
});

async function collects(given: GivenGrant, by = 'engineer-2', signedIn = {}) {
  const { handlers } = worldOf({ ...active, collected: collected(), ...given });
  return handlers.collect(grantId, { collectId: randomUUID() }, { ...actorOf(by), ...signedIn });
}

async function refuses(given: GivenGrant, code: FailureCode, by?: string, signedIn?: object): Promise<void> {
  await assert.rejects(collects(given, by, signedIn), (error) => {
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, code);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
}

describe('a credential', () => {
  it('is opened for the subject', async () => {
    const { credential, sealed } = await collects({});
    assert.equal(credential?.password, 'hunter2');
    assert.equal(sealed, undefined);
  });

  it('is for nobody else, whoever asked for it or oversees it', async () => {
    for (const id of ['engineer', 'manager', 'operator', 'security', 'auditor']) {
      await refuses({}, 'not-the-subject', id);
    }
    await refuses({}, 'not-found', 'contractor');
  });

  it('is there only while the access is active', async () => {
    for (const state of ['APPROVAL_AWAITED', 'ACTIVATING', 'REVOKING', 'ENDED', 'REVOKED'] as const) {
      await refuses({ view: { state } }, 'not-active');
    }
    await refuses({ collected: collected({ expireTime: Date.now() }) }, 'not-active');
  });

  it('is opened for two minutes from the first answer, however often Temporal repeats that', async () => {
    await collects({ collected: collected({ collectedAt: Date.now() - 119_000 }) });
    await refuses({ collected: collected({ collectedAt: Date.now() - 120_000 }) }, 'collect-window-closed');
  });

  it('of another grant or subject is never shown, even when this grant carries it', async () => {
    await refuses({ inside: { ...inside, grantId: '1'.repeat(26) } }, 'not-the-subject');
    await refuses({ inside: { ...inside, subject: 'person:owner' } }, 'not-the-subject');
  });

  it('goes on as it is when it is sealed to a key of the subject’s own', async () => {
    const recipientKey = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) };
    const { credential, sealed } = await collects({ found: { recipientKey } });
    assert.equal(credential, undefined);
    assert.equal(sealed, 'sealed');
  });

  it('takes a sign-in that is known to hold', async () => {
    await refuses({}, 'fresh-sign-in-required', 'engineer-2', { signOutsKnown: false });
  });
});
