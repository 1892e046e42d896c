/** Passkeys as the API takes them, with an authenticator in software: what counts, and every way of cheating by its own code. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import { exportJWK, generateKeyPair } from 'jose';
import { register } from 'prom-client';
import type { Actor } from '../../../api/identity/actor.js';
import { challengeLongestMs, createNonces } from '../../../api/identity/nonces.js';
import { strengthOf } from '../../../api/identity/strength.js';
import { createWebauthn, type Enrolment, type Webauthn } from '../../../api/identity/webauthn.js';
import { Problem } from '../../../api/problem.js';
import { createSigner } from '../../../api/sign.js';
import { verifyStatement } from '../../../activities/platform/jws.js';
import type { PrivateJwk } from '../../../activities/platform/keys.js';
import type { Challenged } from '../../../workflows/domain/challenge.js';
import type { Assertion } from '../../../workflows/domain/evidence.js';
import type { FailureCode } from '../../../workflows/domain/failure.js';
import { createPasskey, page, type Ceremony, type Passkey } from '../../support/authenticator.js';
import { peopleInMemory } from '../../support/people-in-memory.js';

const installation = 'test';
const minuteMs = 60_000;
const log = { warn: () => undefined };
const portalUrl = page.origin;

function actor(more: Partial<Actor> & { signedInMs?: number; stepUp?: number } = {}): Actor {
  const { signedInMs = 0, stepUp, ...rest } = more;
  const time = Date.now() - signedInMs;
  return {
    ref: 'person:manager',
    name: 'Manager',
    signIn: { time, methods: ['pwd'], groups: ['managers'], ...(stepUp === undefined ? {} : { stepUp }) },
    groups: ['managers'],
    roles: [],
    by: 'session',
    sessionId: randomUUID(),
    madeAt: time,
    until: time + 8 * 60 * minuteMs,
    signOutsKnown: true,
    ...rest,
  };
}

const refusedAs = (code: FailureCode) => (error: unknown) => {
  assert.ok(error instanceof Problem, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, /\.$/);
  return true;
};

describe('passkeys at the API', () => {
  let key: PrivateJwk;
  let webauthn: Webauthn;
  const sessionKey = randomBytes(32);

  before(async () => {
    const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    const { x = '', d = '' } = await exportJWK(privateKey);
    key = { kty: 'OKP', crv: 'Ed25519', x, d, kid: 'api' };
  });

  beforeEach(() => {
    const signer = createSigner(installation, key);
    const parts = { people: peopleInMemory(), signer, nonces: createNonces(sessionKey), installation, portalUrl, log };
    webauthn = createWebauthn(parts);
  });

  async function enrolment(who: Actor, passkey: Passkey, change: Partial<Ceremony> = {}): Promise<Enrolment> {
    const { nonce, options } = await webauthn.askEnrolment(who);
    const { response } = passkey.register({ challenge: options.challenge, ...change });
    const { clientDataJSON, attestationObject } = response;
    return { name: 'Laptop', nonce, credentialId: passkey.credentialId, clientDataJSON, attestationObject };
  }

  async function enrols(who: Actor, passkey = createPasskey()): Promise<Passkey> {
    await webauthn.enrol(who, await enrolment(who, passkey));
    return passkey;
  }

  async function stepUpOf(who: Actor, passkey: Passkey, change: Partial<Ceremony> = {}): Promise<Assertion> {
    const { nonce, options } = await webauthn.askStepUp(who);
    const { response } = passkey.authenticate({ challenge: options.challenge, ...change });
    const { authenticatorData, clientDataJSON, signature } = response;
    return { credentialId: passkey.credentialId, authenticatorData, clientDataJSON, signature, nonce };
  }

  const approval = (more: Partial<Challenged> = {}): Challenged => ({
    type: 'approve',
    installation,
    grantId: '0123456789abcdefghjkmnpqrs',
    requestDigest: 'a'.repeat(64),
    actor: 'person:manager',
    decisionId: 'd1',
    about: 'request',
    step: 0,
    ...(more as object),
  });

  async function proofOf(who: Actor, passkey: Passkey, decided: Challenged, change: Partial<Ceremony> = {}) {
    const { nonce, options } = await webauthn.askDecision(who, decided);
    const { response } = passkey.authenticate({ challenge: options.challenge, ...change });
    const { authenticatorData, clientDataJSON, signature } = response;
    return { credentialId: passkey.credentialId, authenticatorData, clientDataJSON, signature, nonce };
  }

  describe('enrolment', () => {
    for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
      it(`keeps a key for ${algorithm}, with the API's signed statement whose it is`, async () => {
        const who = actor();
        const passkey = await enrols(who, createPasskey(algorithm));
        const [known] = await webauthn.passkeysOf(who);
        const { credentialId, publicKey } = passkey;
        assert.equal(known?.publicKey, publicKey);
        const said = await verifyStatement(known?.evidence ?? '', {
          keys: [{ kty: 'OKP', crv: 'Ed25519', x: key.x, kid: 'api' }],
        });
        assert.ok(said.type === 'passkey');
        assert.deepEqual(
          { actor: said.actor, credentialId: said.credentialId, publicKey: said.publicKey },
          { actor: who.ref, credentialId, publicKey },
        );
      });
    }

    it('asks for user verification and for no attestation, and leaves out what is enrolled', async () => {
      const who = actor({ stepUp: Date.now() });
      const passkey = await enrols(who);
      const { options } = await webauthn.askEnrolment(who);
      assert.equal(options.authenticatorSelection?.userVerification, 'required');
      assert.equal(options.attestation, 'none');
      assert.deepEqual(
        options.excludeCredentials?.map(({ id }) => id),
        [passkey.credentialId],
      );
      assert.ok(!options.user.id.includes(Buffer.from('manager').toString('base64url')));
    });

    it('is refused with an old sign-in, by a token, for a service, and while sign-outs are unknown', async () => {
      const passkey = createPasskey();
      await assert.rejects(
        enrolment(actor({ signedInMs: 6 * minuteMs }), passkey),
        refusedAs('fresh-sign-in-required'),
      );
      await assert.rejects(enrolment(actor({ by: 'bearer', sessionId: undefined }), passkey), refusedAs('forbidden'));
      await assert.rejects(enrolment(actor({ ref: 'service:deployer' }), passkey), refusedAs('forbidden'));
      const old = actor({ signedInMs: 6 * minuteMs, signOutsKnown: false });
      await assert.rejects(enrolment(old, passkey), refusedAs('fresh-sign-in-required'));
    });

    it('that began with a fresh sign-in is refused when it is no longer fresh', async () => {
      const who = actor();
      const given = await enrolment(who, createPasskey());
      const later = { ...who, signIn: { ...who.signIn, time: Date.now() - 6 * minuteMs } };
      await assert.rejects(webauthn.enrol(later, given), refusedAs('fresh-sign-in-required'));
    });

    it('beside another passkey takes the proof of one: a password alone cannot add one unseen', async () => {
      const who = actor();
      await enrols(who);
      await assert.rejects(enrolment(who, createPasskey()), refusedAs('step-up-required'));
      const longAgo = { ...who, signIn: { ...who.signIn, stepUp: Date.now() - 6 * minuteMs } };
      await assert.rejects(enrolment(longAgo, createPasskey()), refusedAs('step-up-required'));
      await enrols({ ...who, signIn: { ...who.signIn, stepUp: Date.now() } });
      assert.equal((await webauthn.passkeysOf(who)).length, 2);
    });

    it('is refused for the challenge of another person, of another session, or one made up', async () => {
      const who = actor();
      const given = await enrolment(who, createPasskey());
      const others = [actor(), actor({ ref: 'person:owner', sessionId: who.sessionId })];
      for (const other of others) await assert.rejects(webauthn.enrol(other, given), refusedAs('passkey-refused'));
      const madeUp = { ...given, nonce: randomBytes(16).toString('base64url') };
      await assert.rejects(webauthn.enrol(who, madeUp), refusedAs('passkey-refused'));
    });

    it('is refused from another site, for another challenge, and without user verification', async () => {
      const who = actor();
      const enrol = async (change: Partial<Ceremony>) =>
        webauthn.enrol(who, await enrolment(who, createPasskey(), change));
      await assert.rejects(enrol({ origin: 'http://localhost:9999' }), refusedAs('passkey-refused'));
      await assert.rejects(enrol({ origin: 'https://evil.example' }), refusedAs('passkey-refused'));
      await assert.rejects(enrol({ rpId: 'evil.example' }), refusedAs('passkey-refused'));
      await assert.rejects(enrol({ challenge: randomBytes(64).toString('base64url') }), refusedAs('passkey-refused'));
      await assert.rejects(enrol({ userVerified: false }), refusedAs('passkey-unverified-user'));
      assert.deepEqual(await webauthn.passkeysOf(who), []);
    });

    it('under the name of another credential is refused', async () => {
      const who = actor();
      const given = await enrolment(who, createPasskey());
      const renamedId = { ...given, credentialId: createPasskey().credentialId };
      await assert.rejects(webauthn.enrol(who, renamedId), refusedAs('passkey-refused'));
    });

    it('with a certificate is refused before anything that the certificate names is fetched', async () => {
      let visits = 0;
      const server = createServer((_request, response) => {
        visits += 1;
        response.end();
      });
      await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
      try {
        const { port } = server.address() as AddressInfo;
        const who = actor();
        const given = await enrolment(who, createPasskey());
        const statement = new Map<string, unknown>([
          ['x5c', [new Uint8Array(Buffer.from(`http://localhost:${port}/`))]],
        ]);
        for (const fmt of ['packed', 'apple', 'tpm', 'fido-u2f', 'android-key', 'unheard-of']) {
          const fields = new Map<string, unknown>([
            ['fmt', fmt],
            ['attStmt', statement],
            ['authData', new Uint8Array(37)],
          ]);
          const attestationObject = Buffer.from(isoCBOR.encode(fields as Parameters<typeof isoCBOR.encode>[0]));
          const forged = { ...given, attestationObject: attestationObject.toString('base64url') };
          await assert.rejects(webauthn.enrol(who, forged), refusedAs('passkey-refused'));
        }
        assert.equal(visits, 0);
      } finally {
        server.close();
      }
    });

    it('twice is once: the answer of the authenticator serves no second time', async () => {
      const who = actor({ stepUp: Date.now() });
      const given = await enrolment(who, createPasskey());
      await webauthn.enrol(who, given);
      await assert.rejects(webauthn.enrol(who, given), refusedAs('passkey-exists'));
      await webauthn.remove(who, given);
      await assert.rejects(webauthn.enrol(who, given), refusedAs('passkey-exists'));
    });
  });

  describe('a step-up', () => {
    it('counts once, for the session and person that asked, on these pages', async () => {
      const who = actor();
      const passkey = await enrols(who);
      const proof = await stepUpOf(who, passkey);
      await assert.rejects(webauthn.stepUp({ ...who, sessionId: randomUUID() }, proof), refusedAs('passkey-refused'));
      await assert.rejects(webauthn.stepUp({ ...who, ref: 'person:owner' }, proof), refusedAs('passkey-refused'));
      await webauthn.stepUp(who, proof);
      await assert.rejects(webauthn.stepUp(who, proof), refusedAs('passkey-replayed'));
      const elsewhere = await stepUpOf(who, passkey, { origin: 'https://evil.example' });
      await assert.rejects(webauthn.stepUp(who, elsewhere), refusedAs('passkey-refused'));
      const unverified = await stepUpOf(who, passkey, { userVerified: false });
      await assert.rejects(webauthn.stepUp(who, unverified), refusedAs('passkey-unverified-user'));
    });

    it('that is refused shows in the figures of the API, by code, and one that counts does not', async () => {
      const figure = async (code: string): Promise<number> => {
        const { values = [] } = (await register.getSingleMetric('daypass_passkeys_refused_total')?.get()) ?? {};
        return values.find(({ labels }) => labels['code'] === code)?.value ?? 0;
      };
      const who = actor();
      const proof = await stepUpOf(who, await enrols(who));
      const codes = ['passkey-refused', 'passkey-replayed'] as const;
      const [elsewhere, replayed] = await Promise.all(codes.map(figure));
      await webauthn.stepUp(who, proof);
      await assert.rejects(webauthn.stepUp(who, proof), refusedAs('passkey-replayed'));
      await assert.rejects(webauthn.stepUp(actor(), proof), refusedAs('passkey-refused'));
      assert.deepEqual(await Promise.all(codes.map(figure)), [Number(elsewhere) + 1, Number(replayed) + 1]);
    });

    it('is for those who have a passkey, in a browser', async () => {
      await assert.rejects(webauthn.askStepUp(actor()), refusedAs('passkey-unknown'));
      const token = actor({ by: 'bearer', sessionId: undefined });
      await assert.rejects(webauthn.askStepUp(token), refusedAs('forbidden'));
    });
  });

  describe('the proof of a decision', () => {
    let who: Actor;
    let passkey: Passkey;
    beforeEach(async () => {
      who = actor();
      passkey = await enrols(who);
    });

    it('counts for exactly what was asked, once', async () => {
      const proof = await proofOf(who, passkey, approval());
      await webauthn.verifyDecision(who, approval(), proof);
      await assert.rejects(webauthn.verifyDecision(who, approval(), proof), refusedAs('passkey-replayed'));
    });

    it('is refused for anything else: another grant, request, step, duration, decision, or verdict of another kind', async () => {
      const proof = await proofOf(who, passkey, approval());
      const others: Challenged[] = [
        approval({ grantId: 'zzzzzzzzzzzzzzzzzzzzzzzzzz' }),
        approval({ requestDigest: 'b'.repeat(64) }),
        approval({ step: 1 } as Partial<Challenged>),
        approval({ durationMs: 1 } as Partial<Challenged>),
        approval({ shownMs: 1 } as Partial<Challenged>),
        approval({ decisionId: 'd2' } as Partial<Challenged>),
        approval({ about: 'd3' } as Partial<Challenged>),
        approval({ installation: 'other' }),
        approval({ type: 'request' } as Partial<Challenged>),
      ];
      for (const other of others) {
        await assert.rejects(webauthn.verifyDecision(who, other, proof), refusedAs('passkey-refused'));
      }
      await webauthn.verifyDecision(who, approval(), proof);
    });

    it('under a nonce of one’s own is refused, though the passkey signed exactly this', async () => {
      const own = passkey.assert(approval());
      await assert.rejects(webauthn.verifyDecision(who, approval(), own), refusedAs('passkey-refused'));
    });

    it('by another person’s passkey, or one that is not enrolled, is refused', async () => {
      const other = actor({ ref: 'person:owner' });
      const theirs = await enrols(other);
      for (const foreign of [theirs, createPasskey()]) {
        const proof = await proofOf(who, foreign, approval());
        await assert.rejects(webauthn.verifyDecision(who, approval(), proof), refusedAs('passkey-unknown'));
      }
      const renamedProof = { ...(await proofOf(who, theirs, approval())), credentialId: passkey.credentialId };
      await assert.rejects(webauthn.verifyDecision(who, approval(), renamedProof), refusedAs('passkey-refused'));
    });

    it('with a lower counter, without its person verified, or of a removed passkey is refused by its own code', async () => {
      await webauthn.verifyDecision(who, approval(), await proofOf(who, passkey, approval(), { counter: 9 }));
      const lower = await proofOf(who, passkey, approval(), { counter: 8 });
      await assert.rejects(webauthn.verifyDecision(who, approval(), lower), refusedAs('passkey-counter'));
      const unverified = await proofOf(who, passkey, approval(), { counter: 10, userVerified: false });
      await assert.rejects(webauthn.verifyDecision(who, approval(), unverified), refusedAs('passkey-unverified-user'));
      const late = await proofOf(who, passkey, approval(), { counter: 11 });
      await webauthn.remove(who, passkey);
      await assert.rejects(webauthn.verifyDecision(who, approval(), late), refusedAs('passkey-unknown'));
    });

    it('cannot pass for a step-up, nor a step-up for it', async () => {
      const step = await stepUpOf(who, passkey);
      await assert.rejects(webauthn.verifyDecision(who, approval(), step), refusedAs('passkey-refused'));
      const proof = await proofOf(who, passkey, approval());
      await assert.rejects(webauthn.stepUp(who, proof), refusedAs('passkey-refused'));
    });
  });

  describe('a nonce', () => {
    const bound = { purpose: 'decision', actor: 'person:manager', sessionId: 's', decided: 'x' } as const;

    it('is good for minutes, for what it was made for, and in one spelling', () => {
      let now = 1_800_000_000_000;
      const nonces = createNonces(sessionKey, () => now);
      const nonce = nonces.make(bound);
      assert.match(nonce, /^[A-Za-z0-9_-]{22}$/);
      assert.equal(nonces.judge(nonce, { ...bound }), 'good');
      assert.equal(nonces.judge(nonce, { ...bound, purpose: 'enrol' }), 'foreign');
      assert.equal(nonces.judge(nonce, { ...bound, sessionId: 't' }), 'foreign');
      assert.equal(nonces.judge(`${nonce}=`, bound), 'foreign');
      assert.equal(nonces.judge('', bound), 'foreign');
      assert.equal(createNonces(randomBytes(32), () => now).judge(nonce, bound), 'foreign');
      now += challengeLongestMs + 1_000;
      assert.equal(nonces.judge(nonce, bound), 'expired');
    });
  });

  it('say how strong a sign-in is', () => {
    const table: [Parameters<typeof strengthOf>[0], string][] = [
      [{ methods: ['pwd'], stepUp: 1 }, 'passkey'],
      [{ methods: ['pwd', 'hwk'] }, 'key'],
      [{ methods: ['pwd', 'otp'] }, 'two-factors'],
      [{ methods: ['mfa'] }, 'two-factors'],
      [{ methods: ['pwd', 'pin'] }, 'one-factor'],
      [{ methods: ['pwd'] }, 'one-factor'],
      [{ methods: [] }, 'unknown'],
    ];
    for (const [signIn, strength] of table) assert.equal(strengthOf(signIn), strength);
  });
});
