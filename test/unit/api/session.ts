/** Sealed cookies: nobody else makes one, none outlives its bounds, none serves another purpose. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { EncryptJWT } from 'jose';
import { createSealer } from '../../../api/identity/seal.js';
import { createSessions, sessionIdleMs, sessionLongestMs } from '../../../api/identity/session.js';

const signIn = { time: Date.now(), methods: ['pwd'], groups: ['engineers'] };
const ref = 'person:engineer';

describe('sessions', () => {
  const key = randomBytes(32);
  const sealer = createSealer(key);
  const sessions = createSessions(sealer, { secure: false });
  const valueOf = (cookie: string) => cookie.split(';')[0] ?? '';

  it('carry who signed in, and when and how, there and back', async () => {
    const { cookie, session } = await sessions.start(ref, signIn);
    assert.deepEqual(await sessions.read(valueOf(cookie)), session);
    assert.ok(!cookie.includes('engineer'));
  });

  it('are out of reach of script and of other sites, and on https bound to one host', async () => {
    const { cookie } = await sessions.start(ref, signIn);
    assert.match(cookie, /^daypass=.+; Max-Age=3(600|599); Path=\/; HttpOnly; SameSite=Lax$/);
    const secure = await createSessions(sealer, { secure: true }).start(ref, signIn);
    assert.match(secure.cookie, /^__Host-daypass=.+; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  });

  it('begin anew with every sign-in', async () => {
    const first = await sessions.start(ref, signIn);
    const second = await sessions.start(ref, signIn);
    assert.notEqual(first.session.id, second.session.id);
  });

  it('are nothing when forged, changed, sealed with another key or for another purpose', async () => {
    const { cookie, session } = await sessions.start(ref, signIn);
    const sealed = valueOf(cookie).slice('daypass='.length);
    const other = await createSessions(createSealer(randomBytes(32)), { secure: false }).start(ref, signIn);
    const cursor = await sealer.seal('cursor', { session: { ...session } }, 60_000);
    for (const wrong of ['', 'x', `${sealed}x`, sealed.slice(0, -4), valueOf(other.cookie).slice(8), cursor]) {
      assert.equal(await sessions.read(`daypass=${wrong}`), undefined, wrong.slice(0, 20));
    }
    assert.equal(await sessions.read(undefined), undefined);
    assert.equal(await sessions.read(`__Host-daypass=${sealed}`), undefined);
  });

  it('are nothing when they lack what a session has, however well sealed', async () => {
    const sealed = await sealer.seal('session', { session: { ref: 'person:operator' } }, 60_000);
    assert.equal(await sessions.read(`daypass=${sealed}`), undefined);
  });

  it('are nothing when sealed in a weaker way with the same key', async () => {
    const token = await new EncryptJWT({ session: {} })
      .setProtectedHeader({ alg: 'A256KW', enc: 'A128GCM' })
      .setIssuer('daypass')
      .setAudience('session')
      .setIssuedAt()
      .setExpirationTime('1h')
      .encrypt(key);
    assert.equal(await sealer.open('session', token), undefined);
  });

  it('end after an hour without use, and after eight hours with it', async () => {
    let now = Date.now();
    const timed = createSessions(sealer, { secure: false, now: () => now });
    const { cookie, session } = await timed.start(ref, signIn);
    now = session.startedAt + sessionIdleMs - 1;
    assert.ok(await timed.read(valueOf(cookie)));
    const renewed = await timed.renew(session);
    assert.ok(renewed);
    now = session.startedAt + sessionIdleMs + 1;
    assert.equal(await timed.read(valueOf(cookie)), undefined);
    assert.ok(await timed.read(valueOf(renewed)));
    now = session.startedAt + sessionLongestMs;
    const busy = await timed.renew({ ...session, seenAt: now - 600_000 });
    assert.equal(busy && (await timed.read(valueOf(busy))), undefined);
  });

  it('are renewed seldom', async () => {
    const { session } = await sessions.start(ref, signIn);
    assert.equal(await sessions.renew(session), undefined);
  });

  it('refuse groups that no cookie can hold, with the way out', async () => {
    const groups = Array.from({ length: 400 }, (_, index) => `group-${index}`);
    await assert.rejects(sessions.start(ref, { ...signIn, groups }), /too many groups/);
  });
});
