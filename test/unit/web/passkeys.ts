/** The pages of passkeys as they come over HTTP: what stands on them, and what a form without a passkey comes to. */
import assert from 'node:assert/strict';
import { entitlement, grantBody } from './support/fixtures.js';
import { actor, openWorld, type World } from './support/world.js';

const hostile = `"'><img src=x onerror=alert(1)><script>alert(1)</script>`;

describe('pages of passkeys', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
    signIn(Date.now());
  });
  afterEach(() => world.close());

  function signIn(time: number, stepUp?: number): void {
    const signedIn = { time, methods: ['pwd'], groups: [], ...(stepUp === undefined ? {} : { stepUp }) };
    world.actor = actor('engineer', { signIn: signedIn });
  }

  const enrol = (name: string) =>
    world.people.enrol('engineer', {
      credentialId: 'the-id',
      publicKey: 'the-key',
      name,
      counter: 0,
      transports: [],
      backedUp: false,
      evidence: 'a.b.c',
      by: 'person:engineer',
    });

  it('show each with its fingerprint and the command for the owner of a zone; names never become markup', async () => {
    await enrol(hostile);
    const { html } = await world.get('/passkeys');
    assert.ok(!html.includes('<img') && !html.includes('<script>alert'));
    assert.match(html, /npm run keys -- passkey a\.b\.c</);
    assert.match(html, />([0-9a-f]{4} ){9}[0-9a-f]{4}</);
    assert.match(html, /whoever knows it signs in as strongly/);
  });

  it('say what is missing before another is enrolled, and lead there and back', async () => {
    assert.match((await world.get('/passkeys')).html, /data-passkey="enrol"/);
    signIn(Date.now() - 6 * 60_000);
    const old = (await world.get('/passkeys')).html;
    assert.match(old, /href="\/sign-in\?returnTo=%2Fpasskeys"/);
    assert.ok(!old.includes('data-passkey="enrol"'));
    await enrol('Laptop');
    signIn(Date.now());
    assert.match((await world.get('/passkeys')).html, /href="\/step-up\?returnTo=%2Fpasskeys"/);
    signIn(Date.now(), Date.now());
    const proven = (await world.get('/passkeys')).html;
    assert.match(proven, /data-passkey="enrol"/);
    assert.match(proven, /You proved a passkey in this sign-in/);
  });

  it('remove and rename without script, and only by a form of this sign-in', async () => {
    await enrol('Laptop');
    const named = await world.post('/passkeys/rename', { credentialId: 'the-id', name: 'Key ring' });
    assert.match(named.headers.get('location') ?? '', /^\/passkeys\?done=renamed&mark=/);
    assert.match((await world.get(named.headers.get('location') ?? '')).html, /Passkey renamed/);
    const forged = await world.post('/passkeys/remove', { credentialId: 'the-id', csrf: 'forged' });
    assert.equal(forged.status, 403);
    assert.equal((await world.people.passkeysOf('engineer')).length, 1);
    assert.equal((await world.post('/passkeys/remove', { credentialId: 'the-id' })).status, 303);
    assert.deepEqual(await world.people.passkeysOf('engineer'), []);
    const blank = await world.post('/passkeys/rename', { credentialId: 'the-id', name: ' ' });
    assert.equal(blank.status, 422);
  });

  it('enrol and prove nothing without the answer of a passkey', async () => {
    await enrol('Laptop');
    for (const passkey of ['', 'no json', '{}', '[]', 'null', '{"nonce":"x"}']) {
      for (const path of ['/passkeys', '/step-up']) {
        const { status, html } = await world.post(path, { name: 'Laptop', passkey });
        assert.ok(status === 401 || status === 403 || status === 422, `${path} ${passkey}: ${status}`);
        assert.match(html, /needs? another look|Please prove a passkey/);
      }
    }
    assert.equal((await world.people.passkeysOf('engineer')).length, 1);
  });

  it('lead back to a page of this portal alone', async () => {
    for (const elsewhere of ['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
      const { html } = await world.get(`/step-up?returnTo=${encodeURIComponent(elsewhere)}`);
      assert.ok(!html.includes('evil.example') && !html.includes('javascript:'), elsewhere);
    }
    const { html } = await world.get('/step-up?returnTo=%2Fgrants%2Fx%3Fextend%3Dyes');
    assert.match(html, /href="\/grants\/x\?extend=yes"/);
  });

  it('ask for one where the step does, with what is typed now, and take no approval for read without it', async () => {
    await enrol('Laptop');
    const step = {
      about: 'request',
      index: 0,
      of: 1,
      name: 'owners',
      needed: 1,
      asked: ['person:engineer'],
      votes: [],
      escalated: false,
      passkey: true as const,
    };
    const grant = grantBody({ requester: 'person:other', subject: 'person:other', step, may: ['see', 'decide'] });
    world.grants = [grant];
    const path = `/grants/${grant.grantId}`;
    assert.match(
      (await world.get(path)).html,
      /data-passkey="prove" data-challenge="\/grants\/\w+\/approve\/challenge"/,
    );
    const typed = { decisionId: '6f1c2d3e-4a5b-4c6d-8e7f-901234567890', about: 'request', step: '0' };
    world.handlers.challengedByApproval = (id, body) => {
      world.calls.push(['challengedByApproval', id, body]);
      return Promise.resolve({
        type: 'approve',
        installation: 'test',
        grantId: id,
        requestDigest: 'a',
        actor: 'person:engineer',
        decisionId: body.decisionId,
        about: 'request',
        step: 0,
      });
    };
    const asked = await world.post(`${path}/approve/challenge`, { ...typed, minutes: '5', comment: 'Fine.' });
    const { nonce, options } = JSON.parse(asked.html) as { nonce: string; options: { userVerification: string } };
    assert.match(nonce, /^[\w-]{22}$/);
    assert.equal(options.userVerification, 'required');
    assert.deepEqual(world.calls.at(-1)?.[2], {
      decisionId: typed.decisionId,
      about: 'request',
      step: 0,
      duration: 300_000,
    });
    const wrong = await world.post(`${path}/approve/challenge`, { ...typed, minutes: 'five' });
    assert.equal((JSON.parse(wrong.html) as { type: string }).type, 'invalid');
    const forged = await world.post(`${path}/approve/challenge`, { ...typed, csrf: 'forged' });
    assert.equal((JSON.parse(forged.html) as { type: string }).type, 'cross-site');
  });

  it('say before a form is filled in that a passkey is to be proven first', async () => {
    world.entitlements = [entitlement({ stepUp: 'request' })];
    const path = `/ask?entitlement=${world.entitlements[0]?.id ?? ''}`;
    assert.match((await world.get(path)).html, /href="\/step-up\?returnTo=%2Fask%3Fentitlement%3D/);
    signIn(Date.now(), Date.now());
    assert.ok(!(await world.get(path)).html.includes('/step-up?'));
  });
});
