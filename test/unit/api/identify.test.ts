/** Who calls: the provider proves it, today's directory knows it, and a sign-out ends it. */
import assert from 'node:assert/strict';
import { requireKnownSignIn, byBearer, type IdentityOptions } from '../../../api/identity/identify.js';
import type { Actor } from '../../../api/identity/actor.js';
import { createSignOuts } from '../../../api/identity/sign-outs.js';
import { Problem } from '../../../api/problem.js';
import { examplePolicy } from '../../support/policy.js';

const policy = examplePolicy();

function options(
  bearer: { id: string; kind?: 'person' | 'client' },
  out: boolean | 'unknown' = false,
): IdentityOptions {
  const at = Date.now();
  return {
    people: () => policy,
    sessions: { start: never, read: never, renew: never, isSent: () => false, clear: () => '' },
    readBearer: () =>
      Promise.resolve({
        kind: 'person',
        signInTime: at,
        issuedAt: at,
        methods: ['pwd'],
        groups: ['stated-by-the-provider'],
        until: at + 600_000,
        ...bearer,
      }),
    signOuts: { isOut: () => Promise.resolve(out) },
  };
}

const never = () => Promise.reject(new Error('not asked in this test'));

const isRefused = (because: RegExp) => (error: unknown) =>
  error instanceof Problem && error.code === 'unauthenticated' && because.test(error.message);

describe('who calls', () => {
  it('has the rights of today’s directory, and in evidence the groups that the provider stated', async () => {
    const actor = await byBearer(options({ id: 'operator' }), 'Bearer abc');
    assert.equal(actor.ref, 'person:operator');
    assert.deepEqual(actor.roles, ['operator']);
    assert.deepEqual(actor.groups, ['operators']);
    assert.deepEqual(actor.signIn.groups, ['stated-by-the-provider']);
  });

  it('is nobody once they left the directory', async () => {
    await assert.rejects(byBearer(options({ id: 'leaver' }), 'Bearer abc'), isRefused(/not active/));
    await assert.rejects(byBearer(options({ id: 'nobody' }), 'Bearer abc'), isRefused(/not active/));
  });

  it('is a service only as a client of the directory', async () => {
    const bot = await byBearer(options({ id: 'deploy-bot', kind: 'client' }), 'Bearer abc');
    assert.equal(bot.ref, 'service:deploy-bot');
    assert.deepEqual(bot.signIn.methods, ['client']);
    await assert.rejects(byBearer(options({ id: 'engineer', kind: 'client' }), 'Bearer abc'), isRefused(/no service/));
    await assert.rejects(byBearer(options({ id: 'deploy-bot' }), 'Bearer abc'), isRefused(/not active/));
  });

  it('is nobody after signing out', async () => {
    await assert.rejects(byBearer(options({ id: 'engineer' }, true), 'Bearer abc'), isRefused(/ended/));
  });

  it('may still look and narrow when sign-outs cannot be read, and widens with a fresh sign-in only', async () => {
    const actor = await byBearer(options({ id: 'engineer' }, 'unknown'), 'Bearer abc');
    assert.equal(actor.signOutsKnown, false);
    requireKnownSignIn(actor);
    const stale: Actor = { ...actor, signIn: { ...actor.signIn, time: Date.now() - 6 * 60_000 } };
    assert.throws(
      () => requireKnownSignIn(stale),
      (error) => error instanceof Problem && error.code === 'fresh-sign-in-required',
    );
    requireKnownSignIn({ ...stale, signOutsKnown: true });
  });
});

describe('sign-outs', () => {
  const away = { mget: never, set: never, publish: never };

  it('hold in this process even while Redis is away, and elsewhere are unknown', async () => {
    const signOuts = createSignOuts(away);
    const proof = { ref: 'person:engineer', madeAt: Date.now() - 1, sessionId: 's1' };
    assert.equal(await signOuts.isOut(proof), 'unknown');
    assert.equal(await signOuts.signOut(proof), false);
    assert.equal(await signOuts.isOut(proof), true);
    assert.equal(await signOuts.isOut({ ...proof, sessionId: 's2' }), 'unknown');
  });

  it('everywhere end what was made before, and nothing that comes after', async () => {
    const kept = new Map<string, string>();
    const signOuts = createSignOuts({
      mget: (...keys) => Promise.resolve(keys.map((key) => kept.get(key) ?? null)),
      set: (key, value) => Promise.resolve(kept.set(key, value)),
      publish: () => Promise.resolve(0),
    });
    assert.equal(await signOuts.signOutEverywhere('person:engineer'), true);
    const before = { ref: 'person:engineer', madeAt: Date.now() - 1_000, sessionId: 's1' };
    assert.equal(await signOuts.isOut(before), true);
    assert.equal(await signOuts.isOut({ ...before, madeAt: Date.now() + 1_000 }), false);
    assert.equal(await signOuts.isOut({ ...before, ref: 'person:manager' }), false);
  });
});
