/** Passkeys over HTTP, with the real provider, Temporal and decisions worker: enrolled, proven, and what attackers try. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createSealer } from '../../api/identity/seal.js';
import { createSessions } from '../../api/identity/session.js';
import { firstBroken, type AuditRecord } from '../../workflows/domain/record.js';
import { personWorkflowId } from '../../workflows/ids.js';
import * as messages from '../../workflows/passkey-messages.js';
import { ApiWorld, steady, writeOrders } from '../support/api-world.js';
import { createPasskey, type Passkey } from '../support/authenticator.js';
import { answer, enrolment, enrols, passkeysOf, proof, removeAll, type Body } from '../support/passkey-calls.js';
import { swap } from '../support/policy.js';
import { Visitor } from '../support/visitor.js';

const portal = 'http://localhost:7300';
const minuteMs = 60_000;

describe('passkeys over HTTP', function () {
  this.timeout(90_000);
  let world: ApiWorld;
  before(async () => {
    // The one step of the flow asks for a passkey.
    const flows = swap('expireAfter: PT8H\n', 'expireAfter: PT8H\n        passkey: true\n');
    const passkeys = swap('reviewers: [group:security] }', 'reviewers: [group:security], passkey: true }');
    world = await ApiWorld.start({ policy: { flows, entitlements: (text) => passkeys(steady.entitlements(text)) } });
  });
  after(async () => {
    // Other files of the same run meet the same people.
    for (const account of ['manager', 'owner', 'engineer', 'oncall']) await removeAll(await signedIn(account));
    await world.stop();
  });

  async function signedIn(account: string): Promise<Visitor> {
    const who = new Visitor(portal, world.url);
    await who.signIn(account);
    return who;
  }

  async function refused(response: Response, code: string): Promise<void> {
    const body = (await response.json()) as Body;
    assert.equal(body['type'], code, JSON.stringify(body));
    assert.match(String(body['detail']), /\.$/);
  }

  /** The manager with a passkey and no other. */
  async function manager(): Promise<{ who: Visitor; passkey: Passkey }> {
    const who = await signedIn('manager');
    await removeAll(who);
    return { who, passkey: await enrols(who) };
  }

  async function record(person: string): Promise<AuditRecord[]> {
    return world.client.workflow.getHandle(personWorkflowId(person)).query(messages.record);
  }

  it('are enrolled, listed, renamed and removed, and each of it is in the person’s own record', async () => {
    const who = await signedIn('owner');
    const passkey = await enrols(who);
    const { credentialId } = passkey;
    await answer(await who.call('/v1/me/passkeys/rename', { credentialId, name: 'Work laptop' }));
    const [known] = await passkeysOf(who);
    assert.equal(known?.['name'], 'Work laptop');
    assert.match(String(known?.['fingerprint']), /^([0-9a-f]{4} ){9}[0-9a-f]{4}$/);
    await answer(await who.call('/v1/me/passkeys/remove', { credentialId }));
    assert.deepEqual(await passkeysOf(who), []);
    const chain = await record('owner');
    assert.equal(firstBroken(chain), undefined);
    assert.deepEqual(
      chain.slice(-3).map(({ type, by }) => ({ type, by })),
      ['passkey-enrolled', 'passkey-renamed', 'passkey-removed'].map((type) => ({ type, by: 'person:owner' })),
    );
  });

  it('are not enrolled with an old sign-in, by a token, from another site, or without a sign-in', async () => {
    const old = new Visitor(portal, world.url);
    const sessions = createSessions(createSealer(world.sessionKey), { secure: false });
    const signIn = { time: Date.now() - 6 * minuteMs, methods: ['pwd'], groups: [] };
    const { cookie } = await sessions.start('person:engineer', signIn);
    old.jar.set('daypass', /daypass=([^;]+)/.exec(cookie)?.[1] ?? '');
    await refused(await old.call('/v1/me/passkeys/challenge'), 'fresh-sign-in-required');

    const byToken = await world.call('engineer', 'POST', '/v1/me/passkeys/challenge', { body: {} });
    assert.equal(byToken.body['type'], 'forbidden');
    const service = await world.call('deploy-bot', 'GET', '/v1/me/passkeys');
    assert.equal(service.body['type'], 'forbidden');

    const who = await signedIn('engineer');
    const elsewhere = { origin: 'https://evil.example' };
    await refused(await who.call('/v1/me/passkeys/challenge', {}, elsewhere), 'cross-site');
    const given = await enrolment(who, createPasskey());
    await refused(await who.call('/v1/me/passkeys', given, elsewhere), 'cross-site');
    const foreign = await enrolment(who, createPasskey(), elsewhere);
    await refused(await who.call('/v1/me/passkeys', foreign), 'passkey-refused');
    await refused(await new Visitor(portal, world.url).call('/v1/me/passkeys/challenge'), 'unauthenticated');
    assert.deepEqual(await passkeysOf(who), []);
  });

  it('prove the sign-in anew, which goes on under another session that ends when the first would have', async () => {
    const { who, passkey } = await manager();
    const before = who.jar.get('daypass') ?? '';
    const sessions = createSessions(createSealer(world.sessionKey), { secure: false });
    const started = await sessions.read(`daypass=${before}`);
    const asked = await answer(await who.call('/v1/me/step-up/challenge'));
    const given = proof(passkey, asked);
    const signIn = await answer(await who.call('/v1/me/step-up', given));
    assert.equal(signIn['strength'], 'passkey');
    const after = await sessions.read(`daypass=${who.jar.get('daypass')}`);
    assert.notEqual(after?.id, started?.id);
    assert.equal(after?.startedAt, started?.startedAt);
    assert.ok((after?.signIn.stepUp ?? 0) > Date.now() - minuteMs);
    // The session before it is worth nothing, also to whoever copied it.
    assert.equal((await who.go('/v1/me/passkeys', undefined, { cookie: `daypass=${before}` })).status, 401);
    await refused(await who.call('/v1/me/step-up', given), 'passkey-refused');
    // Beside the first, another one may be enrolled now.
    await enrols(who);
    assert.equal((await passkeysOf(who)).length, 2);
  });

  it('take no second one on the sign-in alone', async () => {
    const { who } = await manager();
    await refused(await who.call('/v1/me/passkeys/challenge'), 'step-up-required');
  });

  describe('sign an approval', () => {
    let id: string;
    let who: Visitor;
    let passkey: Passkey;
    let decision: Body;
    beforeEach(async () => {
      ({ who, passkey } = await manager());
      id = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      await world.reaches('engineer', id, ['APPROVAL_AWAITED']);
      decision = { decisionId: randomUUID(), about: 'request', step: 0 };
    });

    const ask = async (of = id, body = decision) => answer(await who.call(`/v1/grants/${of}/approve/challenge`, body));
    const approve = async (assertion: Body | undefined, body = decision, of = id) =>
      who.call(`/v1/grants/${of}/approve`, { ...body, ...(assertion ? { assertion } : {}) });

    it('of which exactly one comes, and the step does not pass without', async () => {
      await refused(await approve(undefined), 'passkey-required');
      const given = proof(passkey, await ask());
      await answer(await approve(given));
      await world.reaches('engineer', id, ['ACTIVE']);
      const used = (await record('manager')).at(-1);
      assert.equal(used?.type, 'passkey-used');
      assert.equal(used.detail['for'], 'approve');
    });

    it('and no token of the command line passes without one', async () => {
      const byToken = await world.call('manager', 'POST', `/v1/grants/${id}/approve`, { body: decision });
      assert.equal(byToken.body['type'], 'passkey-required');
      assert.equal((await world.call('engineer', 'GET', `/v1/grants/${id}`)).body['state'], 'APPROVAL_AWAITED');
    });

    it('of this grant and no other, this duration and no other, and only once', async () => {
      const other = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      const given = proof(passkey, await ask());
      await refused(await approve(given, decision, other), 'passkey-refused');
      await refused(await approve(given, { ...decision, duration: 'PT5M' }), 'passkey-refused');
      await refused(await approve(given, { ...decision, decisionId: randomUUID() }), 'passkey-refused');
      await answer(await approve(given));
      await refused(await approve(given, decision, other), 'passkey-refused');
    });

    it('not twice with one proof, where the first did not come through', async () => {
      const given = proof(passkey, await ask());
      await world.client.workflow.getHandle(personWorkflowId('manager')).executeUpdate(messages.use, {
        args: [
          {
            credentialId: passkey.credentialId,
            challenge: Buffer.from(
              JSON.parse(Buffer.from(String(given['clientDataJSON']), 'base64url').toString()).challenge,
              'base64url',
            ).toString(),
            counter: 1_000,
            for: 'approve',
            by: 'person:manager',
          },
        ],
      });
      await refused(await approve(given), 'passkey-replayed');
    });

    it('with their person verified, a counter that grows, and a passkey of the approver', async () => {
      await refused(await approve(proof(passkey, await ask(), { userVerified: false })), 'passkey-unverified-user');
      const high = proof(passkey, await ask(), { counter: 500 });
      await answer(await approve(high));
      const other = await world.grant('engineer', writeOrders, ['APPROVAL_AWAITED']);
      const next = { ...decision, decisionId: randomUUID() };
      const lower = proof(passkey, await ask(other, next), { counter: 499 });
      await refused(await approve(lower, next, other), 'passkey-counter');
      assert.equal((await record('manager')).at(-1)?.type, 'passkey-refused');
      const stranger = createPasskey();
      await refused(await approve(proof(stranger, await ask(other, next)), next, other), 'passkey-unknown');
      assert.equal((await world.call('engineer', 'GET', `/v1/grants/${other}`)).body['state'], 'APPROVAL_AWAITED');
    });

    it('of the approver alone: a challenge is not made for who is not asked', async () => {
      const owner = await signedIn('owner');
      const asked = await owner.call(`/v1/grants/${id}/approve/challenge`, decision);
      assert.ok([403, 404].includes(asked.status));
    });
  });

  describe('sign an emergency', () => {
    const emergency = {
      entitlement: 'orders-db/write',
      emergency: true,
      bypassReason: 'Orders are lost by the minute, and nobody answers the telephone.',
      requestedDuration: 'PT15M',
    };

    it('as it is asked, and nothing else; without one it is not taken', async () => {
      const who = await signedIn('oncall');
      await removeAll(who);
      const passkey = await enrols(who);
      const key = { 'idempotency-key': randomUUID() };
      await refused(await who.call('/v1/grants', emergency, key), 'passkey-required');
      await refused(await who.call('/v1/grants/challenge', emergency), 'invalid');
      const asked = await answer(await who.call('/v1/grants/challenge', emergency, key));
      const signed = { assertion: proof(passkey, asked), requestTime: asked['requestTime'] };
      const other = { ...emergency, bypassReason: 'Something else altogether that nobody signed.' };
      await refused(await who.call('/v1/grants', { ...other, ...signed }, key), 'passkey-refused');
      await refused(await who.call('/v1/grants', { ...emergency, ...signed }), 'invalid');
      const earlier = { ...signed, requestTime: new Date(Date.now() - 3 * minuteMs).toISOString() };
      await refused(await who.call('/v1/grants', { ...emergency, ...earlier }, key), 'invalid');
      await answer(await who.call('/v1/grants', { ...emergency, ...signed }, key), 201);
      assert.equal((await record('oncall')).at(-1)?.detail['for'], 'request');
    });

    it('and nobody says when they asked without one', async () => {
      const dated = { ...writeOrders, requestTime: new Date(Date.now() + 60 * minuteMs).toISOString() };
      const asked = await world.call('engineer', 'POST', '/v1/grants', { body: dated });
      assert.equal(asked.body['type'], 'invalid');
    });
  });
});
