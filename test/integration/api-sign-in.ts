/** Signing in and out in a browser, with the real provider. */
import assert from 'node:assert/strict';
import { createCsrf } from '../../api/identity/csrf.js';
import { createSealer } from '../../api/identity/seal.js';
import { createSessions } from '../../api/identity/session.js';
import type { AuditRecord } from '../../workflows/domain/record.js';
import { ApiWorld, readOrders } from '../support/api-world.js';
import { until } from '../support/until.js';
import { Visitor } from '../support/visitor.js';

const portal = 'http://localhost:7300';

describe('signing in', function () {
  this.timeout(60_000);
  let world: ApiWorld;
  before(async () => {
    world = await ApiWorld.start();
  });
  after(() => world.stop());

  const visitor = () => new Visitor(portal, world.url);
  const sessionOf = async (who: Visitor) =>
    createSessions(createSealer(world.sessionKey), { secure: false }).read(`daypass=${who.jar.get('daypass')}`);
  const tokenOf = async (who: Visitor) => createCsrf(world.sessionKey).token((await sessionOf(who))?.id ?? '');
  const cookieOf = (who: Visitor) => ({ cookie: `daypass=${who.jar.get('daypass')}` });

  async function isSignedIn(who: Visitor, headers: Record<string, string> = {}): Promise<boolean> {
    return (await who.go('/v1/grants', undefined, headers)).status === 200;
  }

  it('leads back to the page that was wanted, with a session of its own', async () => {
    const who = visitor();
    who.jar.set('daypass', 'planted');
    assert.equal(await who.signIn('engineer', '/grants?state=ACTIVE'), '/grants?state=ACTIVE');
    const session = await sessionOf(who);
    assert.equal(session?.ref, 'person:engineer');
    assert.deepEqual(session?.signIn.groups, ['engineers']);
    assert.ok(session.signIn.methods.includes('mfa'));
    assert.ok(await isSignedIn(who));
    assert.equal(who.jar.has('daypass-sign-in'), false);
  });

  it('leads nowhere else', async () => {
    for (const elsewhere of ['https://evil.example/', '//evil.example', '/\\evil.example']) {
      assert.equal(await visitor().signIn('engineer', elsewhere), '/');
    }
  });

  it('asks who it is each time, so that signing out is not undone by the provider', async () => {
    const who = visitor();
    await who.signIn('engineer');
    await who.signIn('manager');
    assert.equal((await sessionOf(who))?.ref, 'person:manager');
  });

  it('fails without what this browser was given at its beginning', async () => {
    const begun = visitor();
    const callback = await begun.comeBack('engineer');
    const other = visitor();
    assert.equal((await other.go(callback)).status, 401);
    await other.comeBack('engineer');
    assert.equal((await other.go(callback)).status, 401);
    assert.equal(other.jar.has('daypass'), false);
    assert.equal((await begun.go(callback)).status, 303);
    assert.equal((await begun.go(callback)).status, 401);
  });

  it('fails when the provider refuses, and starts nothing', async () => {
    const who = visitor();
    const callback = await who.comeBack('engineer');
    const state = callback.searchParams.get('state') ?? '';
    const refusal = `/sign-in/callback?error=access_denied&state=${encodeURIComponent(state)}`;
    assert.equal((await who.go(refusal)).status, 401);
    assert.equal(who.jar.has('daypass'), false);
  });

  it('lets this portal’s own pages act, and no other site', async () => {
    const who = visitor();
    await who.signIn('engineer');
    const ask = (headers: Record<string, string>) =>
      world.call(undefined, 'POST', '/v1/grants', { body: readOrders, headers: { ...cookieOf(who), ...headers } });
    assert.equal((await ask({ origin: portal })).status, 201);
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'http://localhost:8233' },
      { origin: 'null' },
      {},
    ] as Record<string, string>[]) {
      const answer = await ask(headers);
      assert.deepEqual([answer.status, answer.body['type']], [403, 'cross-site'], JSON.stringify(headers));
    }
  });

  it('ends with signing out, also for who kept the cookie', async () => {
    const who = visitor();
    await who.signIn('engineer');
    const kept = cookieOf(who);
    assert.equal((await who.go('/sign-out', { csrf: 'wrong' })).status, 403);
    assert.ok(await isSignedIn(who));
    assert.equal((await who.go('/sign-out', { csrf: await tokenOf(who) })).status, 303);
    assert.equal(who.jar.has('daypass'), false);
    assert.equal(await isSignedIn(visitor(), kept), false);
  });

  it('ends everywhere with signing out everywhere, live views included, and leaves a line in the journal', async () => {
    const before = Date.now();
    const [desk, phone, colleague] = [visitor(), visitor(), visitor()];
    await desk.signIn('oncall');
    await phone.signIn('oncall');
    await colleague.signIn('engineer');
    const id = await world.grant('oncall', readOrders, ['ACTIVE']);
    const live = await phone.go(`/v1/grants/${id}/events`);
    const reader = live.body?.getReader();
    assert.equal((await desk.go('/sign-out/everywhere', { csrf: await tokenOf(desk) })).status, 303);
    await until(async () => (await reader?.read())?.done);
    assert.equal(await isSignedIn(phone), false);
    assert.equal(await isSignedIn(colleague), true);
    const [line] = await until(async () => {
      const { body } = await world.call('auditor', 'GET', '/v1/audit/records?chain=journal&type=signed-out-everywhere');
      const lines = (body['records'] as AuditRecord[] | undefined)?.filter(({ at }) => Number(new Date(at)) >= before);
      return lines && lines.length > 0 && lines;
    });
    assert.deepEqual([line?.by, line?.detail['person']], ['person:oncall', 'person:oncall']);
    await until(async () => {
      const again = visitor();
      await again.signIn('oncall');
      return isSignedIn(again);
    });
  });
});
