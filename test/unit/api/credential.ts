/** The handing-over: to the subject alone, for two minutes, of exactly this grant. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Decision } from '../../../api/grants.js';
import type { Actor } from '../../../api/identity/actor.js';
import { known } from '../../../api/identity/identify.js';
import { createSignOuts } from '../../../api/identity/sign-outs.js';
import { Problem } from '../../../api/problem.js';
import type { FailureCode } from '../../../workflows/domain/failure.js';
import { examplePolicy } from '../../support/policy.js';
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

  it('is handed over with a passkey that was proved a moment ago, where that is asked for', async () => {
    const given: GivenGrant = { view: { state: 'ACTIVE', credential: 'waiting', stepUpAtCollection: true } };
    await refuses(given, 'step-up-required');
    const signIn = actorOf('engineer-2').signIn;
    await refuses(given, 'step-up-required', 'engineer-2', { signIn: { ...signIn, stepUp: Date.now() - 300_000 } });
    await collects(given, 'engineer-2', { signIn: { ...signIn, stepUp: Date.now() - 290_000 } });
  });

  describe('that is waited for', () => {
    const waits = (given: GivenGrant, wait: number, by = 'engineer-2') => {
      const world = worldOf({ ...active, collected: collected(), ...given });
      const gone = new AbortController();
      const answer = world.handlers.collect(grantId, { collectId: randomUUID(), wait }, actorOf(by), gone.signal);
      return { world, gone, answer };
    };
    const refused = (answer: Promise<unknown>, code: FailureCode) =>
      assert.rejects(answer, (error) => error instanceof Problem && error.code === code);

    for (const state of ['REQUESTED', 'APPROVAL_AWAITED', 'SCHEDULED', 'ACTIVATING'] as const) {
      it(`comes as soon as the access is active, also when the call came in ${state}`, async () => {
        const { world, answer } = waits({ view: { state } }, 30_000);
        world.becomes({});
        assert.equal(world.collected(), 0, 'it was collected before it was active');
        world.becomes({ state: 'ACTIVE', credential: 'waiting' });
        assert.equal((await answer).credential?.password, 'hunter2');
        assert.equal(world.collected(), 1);
      });
    }

    it('is refused when the access never comes: at once when the grant is over, and when the time is up', async () => {
      const denied = waits({ view: { state: 'APPROVAL_AWAITED' } }, 30_000);
      denied.world.becomes({ state: 'DENIED' });
      await refused(denied.answer, 'not-active');
      const late = waits({ view: { state: 'APPROVAL_AWAITED' } }, 5);
      await refused(late.answer, 'not-active');
      assert.equal(denied.world.collected() + late.world.collected(), 0);
    });

    it('is handed to nobody when the caller has gone, and stays for when they come back', async () => {
      const { world, gone, answer } = waits({ view: { state: 'ACTIVATING' } }, 30_000);
      gone.abort();
      world.becomes({ state: 'ACTIVE', credential: 'waiting' });
      await refused(answer, 'not-active');
      assert.equal(world.collected(), 0);
    });

    it('is not handed to a sign-in that ended meanwhile, although Redis told nobody', async () => {
      const away = () => Promise.reject(new Error('Redis is away'));
      const signOuts = createSignOuts({ mget: away, set: away, publish: away }, new Uint8Array(32));
      const stillKnown = (actor: Actor) => known({ people: examplePolicy, signOuts }, actor);
      const { world, answer } = waits({ view: { state: 'ACTIVATING' }, stillKnown }, 30_000);
      assert.equal(await signOuts.signOutEverywhere('person:engineer-2'), false);
      world.becomes({ state: 'ACTIVE', credential: 'waiting' });
      await refused(answer, 'unauthenticated');
      assert.equal(world.collected(), 0);
    });

    it('asks for a fresh sign-in when sign-outs cannot be read at its end', async () => {
      const stillKnown = (actor: Actor) => Promise.resolve({ ...actor, signOutsKnown: false });
      const { world, answer } = waits({ view: { state: 'ACTIVATING' }, stillKnown }, 30_000);
      world.becomes({ state: 'ACTIVE', credential: 'waiting' });
      await refused(answer, 'fresh-sign-in-required');
      assert.equal(world.collected(), 0);
    });

    it('comes at once, also when the access becomes active while the news before is being looked at', async () => {
      const activates = (look: number): void => {
        if (look === 2) setImmediate(() => world.becomes({}));
        if (look === 3) world.becomes({ state: 'ACTIVE', credential: 'waiting' });
      };
      const { world, answer } = waits({ view: { state: 'ACTIVATING' }, looked: activates }, 5_000);
      assert.equal((await answer).credential?.password, 'hunter2');
    });

    it('comes with the access itself where that is set up while the call waits, and nobody else has it', async () => {
      const { world, answer } = waits({ view: { state: 'ACTIVATING' }, brisk: true }, 30_000);
      assert.equal((await answer).credential?.password, 'hunter2');
      assert.equal(world.collected(), 1);
      const other = waits({ view: { state: 'ACTIVATING' }, brisk: true }, 30_000, 'engineer');
      await refused(other.answer, 'not-the-subject');
      assert.equal(other.world.collected(), 0);
    });

    it('is not shown to a sign-in that ended while the access was set up', async () => {
      let asked = 0;
      const stillKnown = (actor: Actor) => Promise.resolve({ ...actor, signOutsKnown: (asked += 1) === 1 });
      await refused(
        waits({ view: { state: 'ACTIVATING' }, brisk: true, stillKnown }, 30_000).answer,
        'fresh-sign-in-required',
      );
      assert.equal(asked, 2);
    });

    it('that is lost is made anew, and not taken as it is, where the call comes while it is set up', async () => {
      const world = worldOf({ ...active, collected: collected(), view: { state: 'ACTIVATING' }, brisk: true });
      const body = { collectId: randomUUID(), wait: 5, renew: true as const };
      await refused(world.handlers.collect(grantId, body, actorOf('engineer-2')), 'not-active');
      assert.equal(world.collected(), 0);
    });

    it('is for nobody else, who need not wait to hear that', async () => {
      await refused(waits({ view: { state: 'ACTIVATING' } }, 30_000, 'manager').answer, 'not-the-subject');
    });
  });

  describe('that was lost', () => {
    const lost: GivenGrant = { view: { state: 'ACTIVE', credential: 'collected' }, inside };
    const applied = ({ action, message: { decisionId, by } }: Decision) => ({
      outcomes: [{ decisionId, action, by, at: Date.now(), result: 'applied' as const }],
    });
    const renews = (given: GivenGrant, by = 'engineer-2', collectId: string = randomUUID()) => {
      const world = worldOf({ ...lost, collected: collected(), ...given });
      return { world, answer: world.handlers.collect(grantId, { collectId, renew: true }, actorOf(by)) };
    };
    const fails = async (answer: Promise<unknown>, code: FailureCode) =>
      assert.rejects(answer, (error) => error instanceof Problem && error.code === code);

    it('is renewed and handed over, by one signed decision with the id of the call', async () => {
      const collectId = randomUUID();
      const { world, answer } = renews(
        { then: (decision) => ({ ...applied(decision), credential: 'waiting' }) },
        undefined,
        collectId,
      );
      assert.equal((await answer).credential?.password, 'hunter2');
      const [decision] = world.sent;
      assert.equal(decision?.action, 'renew');
      assert.equal(decision.message.decisionId, collectId);
      assert.ok('evidence' in decision.message && decision.message.evidence === 'signed renewal');
    });

    it('is not asked for twice when the call is repeated', async () => {
      const collectId = randomUUID();
      const before = {
        decisionId: collectId,
        action: 'renew',
        by: 'person:engineer-2',
        at: 1,
        result: 'applied',
      } as const;
      const { world, answer } = renews({ view: { ...lost.view, outcomes: [before] } }, undefined, collectId);
      await answer;
      assert.deepEqual(world.sent, []);
    });

    it('is renewed for nobody else, nor when the access is over', async () => {
      for (const id of ['engineer', 'manager', 'security']) await fails(renews({}, id).answer, 'not-the-subject');
      await fails(renews({ view: { ...lost.view, state: 'REVOKING' } }).answer, 'not-active');
    });

    it('says why there is no other one', async () => {
      const because = (view: (decision: Decision) => object) => renews({ then: view }).answer;
      await fails(
        because((one) => ({ outcomes: applied(one).outcomes.map((it) => ({ ...it, result: 'not-now' })) })),
        'not-now',
      );
      await fails(
        because((one) => ({ ...applied(one), renewal: { decisionId: one.message.decisionId, failed: 'It is away.' } })),
        'target-unavailable',
      );
    });

    it('is not had under the id of another decision', async () => {
      const decisionId = randomUUID();
      const other = { decisionId, action: 'extend', by: 'person:engineer-2', at: 1, result: 'applied' } as const;
      const { answer } = renews({ view: { ...lost.view, outcomes: [other] } }, undefined, decisionId);
      await fails(answer, 'idempotency-conflict');
    });
  });

  it('takes a sign-in that is known to hold', async () => {
    await refuses({}, 'fresh-sign-in-required', 'engineer-2', { signOutsKnown: false });
  });
});
