/**
 * Passkeys (W3C Web Authentication Level 3): enrolled by people who have just signed in, and proven for a step-up or for exactly
 * one decision.
 *
 * 1. Every challenge is bound to one person, session and purpose, and lives for minutes; each is answered once.
 * 2. A proof counts only with its person verified by the passkey itself, on the pages of this portal.
 * 3. Whoever has passkeys proves one of them before another is added: a password alone cannot add one beside them unseen.
 */
import {
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import { createHash } from 'node:crypto';
import { Counter } from 'prom-client';
import type { Log } from '../../activities/platform/log.js';
import { pageOf, PasskeyError, verifyAssertion } from '../../activities/platform/assertion.js';
import { passkeyAlgorithms } from '../../activities/platform/passkey-key.js';
import { challengeOf, type Challenged } from '../../workflows/domain/challenge.js';
import { digest } from '../../workflows/domain/digest.js';
import type { Assertion } from '../../workflows/domain/evidence.js';
import type { Passkey, PasskeyUse, Removing, Renaming } from '../../workflows/domain/passkeys.js';
import type { PasskeyChecks } from '../handlers/deps.js';
import type { People } from '../people.js';
import { Problem } from '../problem.js';
import type { Signer } from '../sign.js';
import type { Actor } from './actor.js';
import { isFresh, requireFreshSignIn, requireKnownSignIn } from './identify.js';
import { challengeLongestMs, type Bound, type Nonces } from './nonces.js';
import { asSigned, knownTransports, registered, type Answered } from './registration.js';

export interface WebauthnOptions {
  people: People;
  signer: Pick<Signer, 'passkey'>;
  nonces: Nonces;
  installation: string;
  portalUrl: string;
  log: Pick<Log, 'warn'>;
}

export interface Enrolment extends Answered {
  name: string;
  nonce: string;
}

/** What a browser needs to ask the authenticator, and what must come back beside its answer. */
export interface Asked<Options> {
  nonce: string;
  options: Options;
}

export interface Webauthn extends PasskeyChecks {
  passkeysOf(actor: Actor): Promise<Passkey[]>;
  /** What keeps this actor from enrolling another passkey just now; undefined where nothing does. */
  whyNotEnrol(actor: Actor, passkeys: readonly Passkey[]): Problem | undefined;
  askEnrolment(actor: Actor): Promise<Asked<PublicKeyCredentialCreationOptionsJSON>>;
  enrol(actor: Actor, enrolment: Enrolment): Promise<Passkey>;
  rename(actor: Actor, renaming: Omit<Renaming, 'by'>): Promise<void>;
  remove(actor: Actor, removing: Omit<Removing, 'by'>): Promise<void>;
  askStepUp(actor: Actor): Promise<Asked<PublicKeyCredentialRequestOptionsJSON>>;
  /** Resolves when the actor has just proven a passkey. */
  stepUp(actor: Actor, assertion: Assertion): Promise<void>;
  askDecision(actor: Actor, decided: Challenged): Promise<Asked<PublicKeyCredentialRequestOptionsJSON>>;
}

const refused = new Counter({
  name: 'daypass_passkeys_refused_total',
  help: 'Passkeys that were refused at enrolment, at a step-up or for a decision, by code.',
  labelNames: ['code'],
});

export function createWebauthn(options: WebauthnOptions): Webauthn {
  const { people, signer, nonces, installation, portalUrl, log } = options;
  const page = pageOf(portalUrl);

  const boundTo = (actor: Actor, purpose: Bound['purpose'], more: Record<string, unknown> = {}): Bound => ({
    ...more,
    purpose,
    installation,
    actor: actor.ref,
    ...(actor.sessionId === undefined ? {} : { sessionId: actor.sessionId }),
  });
  const enrolmentOf = (actor: Actor, nonce: string) => digest({ ...boundTo(actor, 'enrol'), nonce });
  const stepUpOf = (actor: Actor, nonce: string) => digest({ ...boundTo(actor, 'step-up'), nonce });
  /** A decision is bound by its own digest; the session's name would tell nothing to whoever verifies it later. */
  const decisionBound = (actor: Actor, decided: Challenged) =>
    boundTo(actor, 'decision', { decided: digest({ ...decided }) });

  async function ask(actor: Actor, challenge: string): Promise<PublicKeyCredentialRequestOptionsJSON> {
    const passkeys = await people.passkeysOf(personOf(actor));
    if (passkeys.length === 0) {
      throw new Problem(
        'passkey-unknown',
        'You have no passkey here yet; enrol one on the page Passkeys, then do it again.',
      );
    }
    return {
      challenge: asSigned(challenge),
      rpId: page.rpId,
      allowCredentials: passkeys.map(({ credentialId: id, transports }) => ({
        id,
        type: 'public-key',
        transports: knownTransports(transports),
      })),
      userVerification: 'required',
      timeout: challengeLongestMs,
    };
  }

  /** One of the actor's own passkeys signed this challenge, and now it counts: this once. */
  async function prove(actor: Actor, assertion: Assertion, challenge: string, purpose: PasskeyUse): Promise<void> {
    const personId = personOf(actor);
    const { credentialId } = assertion;
    const passkey = (await people.passkeysOf(personId)).find((one) => one.credentialId === credentialId);
    if (!passkey)
      throw new Problem('passkey-unknown', 'This is no passkey of yours; use one that is listed on the page Passkeys.');
    const { counter } = await verifyAssertion({ ...page, assertion, challenge, passkey }).catch((error: unknown) => {
      throw error instanceof PasskeyError ? new Problem(error.code, error.message, { cause: error }) : error;
    });
    await people.use(personId, { credentialId, challenge, counter, for: purpose, by: actor.ref });
  }

  /** Whoever watches over this should look: what was answered elsewhere or before, or comes of a copy of the passkey. */
  async function watched<Done>(actor: Actor, purpose: PasskeyUse | 'enrol', work: () => Promise<Done>): Promise<Done> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Problem && error.code.startsWith('passkey-')) {
        refused.inc({ code: error.code });
        log.warn({ by: actor.ref, purpose, code: error.code }, 'a passkey refused');
      }
      throw error;
    }
  }

  function requireOwn(nonce: string, bound: Bound): void {
    const judged = nonces.judge(nonce, bound);
    if (judged === 'good') return;
    const because =
      judged === 'expired'
        ? 'That took longer than five minutes, so the passkey’s answer does not count any more; do it again.'
        : 'The passkey answered something that was not asked here, or in an earlier sign-in; do it again.';
    throw new Problem('passkey-refused', because);
  }

  function whyNotEnrol(actor: Actor, passkeys: readonly Passkey[]): Problem | undefined {
    try {
      requireSession(actor, 'Passkeys are enrolled');
      requireKnownSignIn(actor);
      requireFreshSignIn(
        actor,
        'A passkey is enrolled within five minutes of a sign-in; sign in again, and do it then.',
      );
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
    if (passkeys.length === 0 || isFresh(actor.signIn.stepUp)) return undefined;
    return new Problem(
      'step-up-required',
      'Prove one of your passkeys first, then enrol another. If you have lost them all, remove them here: then none is asked for.',
    );
  }

  async function requireEnrolment(actor: Actor): Promise<Passkey[]> {
    const passkeys = await people.passkeysOf(personOf(actor));
    const because = whyNotEnrol(actor, passkeys);
    if (because) throw because;
    return passkeys;
  }

  return {
    passkeysOf: (actor) => people.passkeysOf(personOf(actor)),
    whyNotEnrol,

    askEnrolment: async (actor) => {
      const passkeys = await requireEnrolment(actor);
      const nonce = nonces.make(boundTo(actor, 'enrol'));
      const options = await generateRegistrationOptions({
        rpName: 'Daypass',
        rpID: page.rpId,
        userName: personOf(actor),
        userDisplayName: actor.name,
        // Authenticators keep it, so it says nothing of the person by itself.
        userID: new Uint8Array(createHash('sha256').update(`${installation} ${actor.ref}`).digest()),
        challenge: new Uint8Array(Buffer.from(enrolmentOf(actor, nonce), 'utf8')),
        attestationType: 'none',
        supportedAlgorithmIDs: [...passkeyAlgorithms],
        authenticatorSelection: { userVerification: 'required', residentKey: 'preferred' },
        excludeCredentials: passkeys.map(({ credentialId: id }) => ({ id })),
        timeout: challengeLongestMs,
      });
      return { nonce, options };
    },

    enrol: async (actor, { name, nonce, ...given }) => {
      await requireEnrolment(actor);
      const made = await watched(actor, 'enrol', async () => {
        requireOwn(nonce, boundTo(actor, 'enrol'));
        return registered({ ...page, ...given, challenge: enrolmentOf(actor, nonce) });
      });
      const evidence = await signer.passkey(actor, made);
      const personId = personOf(actor);
      const { credentialId } = made;
      await people.enrol(personId, { ...made, name, evidence, by: actor.ref });
      const enrolled = (await people.passkeysOf(personId)).find((one) => one.credentialId === credentialId);
      if (!enrolled) throw new Error('The passkey is enrolled, and the API does not believe its own statement of it.');
      return enrolled;
    },

    rename: (actor, renaming) => people.rename(personOf(actor), { ...renaming, by: actor.ref }),
    remove: (actor, removing) => people.remove(personOf(actor), { ...removing, by: actor.ref }),

    askStepUp: async (actor) => {
      requireSession(actor, 'A passkey is proven');
      const nonce = nonces.make(boundTo(actor, 'step-up'));
      return { nonce, options: await ask(actor, stepUpOf(actor, nonce)) };
    },

    stepUp: async (actor, assertion) => {
      requireSession(actor, 'A passkey is proven');
      await watched(actor, 'step-up', () => {
        requireOwn(assertion.nonce, boundTo(actor, 'step-up'));
        return prove(actor, assertion, stepUpOf(actor, assertion.nonce), 'step-up');
      });
    },

    askDecision: async (actor, decided) => {
      const nonce = nonces.make(decisionBound(actor, decided));
      return { nonce, options: await ask(actor, challengeOf(decided, nonce)) };
    },

    verifyDecision: (actor, decided, assertion) =>
      watched(actor, decided.type, () => {
        requireOwn(assertion.nonce, decisionBound(actor, decided));
        return prove(actor, assertion, challengeOf(decided, assertion.nonce), decided.type);
      }),
  };
}

function personOf({ ref }: Actor): string {
  if (ref.startsWith('person:')) return ref.slice('person:'.length);
  throw new Problem('forbidden', 'Only people have passkeys; a service proves itself with its token.');
}

function requireSession(actor: Actor, what: string): void {
  if (actor.by === 'session' && actor.sessionId !== undefined) return;
  throw new Problem('forbidden', `${what} in the browser, signed in there; a token of the command line cannot.`);
}
