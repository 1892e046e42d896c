/** Who calls: the provider proves it, today's directory knows it, and a sign-out ends it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { requireKnownSignIn, byBearer, type IdentityOptions } from '../../../api/identity/identify.js';
import type { Actor } from '../../../api/identity/actor.js';
import { createSignOuts } from '../../../api/identity/sign-outs.js';
import { Problem } from '../../../api/problem.js';
import { examplePolicy, swap } from '../../support/policy.js';

const policy = examplePolicy();

function options(
  bearer: { id: string; kind?: 'person' | 'client' },
  out: boolean | 'unknown' = false,
): IdentityOptions {
  const at = Date.now();
  return {
    people: () => policy,
    sessions: { start: never, stepUp: never, read: never, renew: never, isSent: () => false, clear: () => '' },
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

  it('is nobody while the policy blocks them, and is told so', async () => {
    const shut = examplePolicy({ directory: swap('blocked: []', 'blocked: [person:owner, service:deploy-bot]') });
    const blocked = (bearer: Parameters<typeof options>[0]) =>
      assert.rejects(
        byBearer({ ...options(bearer), people: () => shut }, 'Bearer abc'),
        (error) => error instanceof Problem && error.code === 'blocked' && error.status === 403,
      );
    await blocked({ id: 'owner' });
    await blocked({ id: 'deploy-bot', kind: 'client' });
    // The other account of the same human.
    await blocked({ id: 'owner-admin' });
    await byBearer({ ...options({ id: 'engineer' }), people: () => shut }, 'Bearer abc');
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
  const key = randomBytes(32);
  const proof = (sessionId: string, madeAt = Date.now()) => ({ ref: 'person:engineer', madeAt, sessionId });

  function redisOf() {
    const kept = new Map<string, string>();
    const said: string[] = [];
    const store = {
      mget: (...keys: string[]) => Promise.resolve(keys.map((name) => kept.get(name) ?? null)),
      set: (name: string, value: string) => Promise.resolve(kept.set(name, value)),
      publish: (_channel: string, message: string) => Promise.resolve(said.push(message)),
    };
    return { kept, said, store };
  }

  it('hold in this process even while Redis is away, and elsewhere are unknown', async () => {
    const signOuts = createSignOuts(away, key);
    assert.equal(await signOuts.isOut(proof('s1')), 'unknown');
    assert.equal(await signOuts.signOut(proof('s1')), false);
    assert.equal(await signOuts.isOut(proof('s1')), true);
    assert.equal(await signOuts.isOut(proof('s2')), 'unknown');
    await assert.rejects(signOuts.begin());
  });

  it('of one session end that one, for every process', async () => {
    const { store } = redisOf();
    const [one, two] = [createSignOuts(store, key), createSignOuts(store, key)];
    await one.begin();
    assert.equal(await two.isOut(proof('s1')), false);
    assert.equal(await one.signOut(proof('s1')), true);
    assert.equal(await two.isOut(proof('s1')), true);
    assert.equal(await two.isOut(proof('s2')), false);
  });

  it('everywhere end what was made before, and nothing that comes after', async () => {
    const { store } = redisOf();
    const signOuts = createSignOuts(store, key);
    await signOuts.begin();
    assert.equal(await signOuts.signOutEverywhere('person:engineer'), true);
    const another = createSignOuts(store, key);
    assert.equal(await another.isOut(proof('s1', Date.now() - 1_000)), true);
    assert.equal(await another.isOut(proof('s1', Date.now() + 1_000)), false);
    assert.equal(await another.isOut({ ...proof('s1'), ref: 'person:manager' }), false);
  });

  it('that a wiped Redis has lost are unknown for everyone who signed in before, and for nobody after', async () => {
    const { kept, store } = redisOf();
    const before = createSignOuts(store, key);
    await before.begin();
    const madeAt = Date.now() - 1;
    await before.signOut(proof('s1', madeAt));
    kept.clear();
    // Another process, which never heard of it.
    const signOuts = createSignOuts(store, key);
    assert.equal(await signOuts.isOut(proof('s1', madeAt)), 'unknown');
    assert.equal(await signOuts.isOut(proof('s1', madeAt)), 'unknown');
    assert.equal(await signOuts.isOut(proof('s2', Date.now() + 1)), false);
  });

  it('can be made by nobody who only owns Redis, and neither can the marker that they are all there', async () => {
    const { kept, said, store } = redisOf();
    const other = createSignOuts(store, randomBytes(32));
    await other.begin();
    await other.signOut(proof('s1'));
    await other.signOutEverywhere('person:engineer');
    const madeAt = Date.now() - 1;
    const signOuts = createSignOuts(store, key);
    for (const message of said) signOuts.heard(message);
    assert.equal(await signOuts.isOut(proof('s1', madeAt)), 'unknown');
    for (const value of ['1', `${Date.now()}.x`, 'x.y', '1.2.3']) {
      for (const name of [...kept.keys()]) kept.set(name, value);
      assert.equal(await signOuts.isOut(proof('s1', madeAt)), 'unknown', value);
    }
    // A genuine entry says nothing in the place of another.
    kept.clear();
    await signOuts.begin();
    await signOuts.signOut({ ...proof('s9'), ref: 'person:manager' });
    kept.set('daypass:out:session:s1', kept.get('daypass:out:session:s9') ?? '');
    assert.equal(await signOuts.isOut(proof('s1', Date.now() + 1)), 'unknown');
  });

  it('are remembered by every process that heard of them, also when Redis forgets them', async () => {
    const { kept, said, store } = redisOf();
    const [one, two] = [createSignOuts(store, key), createSignOuts(store, key)];
    const madeAt = Date.now() - 1;
    await one.signOut(proof('s1', madeAt));
    for (const message of said) two.heard(message);
    kept.clear();
    assert.equal(await two.isOut(proof('s1', madeAt)), true);
  });
});
