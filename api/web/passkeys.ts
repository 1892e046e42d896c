/** The page of a person's passkeys, and the page on which one is proven. */
import type { Request, RequestHandler, Response } from 'express';
import type { Assertion } from '../../workflows/domain/evidence.js';
import { passkeysMax, type Passkey } from '../../workflows/domain/passkeys.js';
import { safeReturnPath } from '../identity/return-path.js';
import { strengthOf, type Strength } from '../identity/strength.js';
import type { Actor } from '../identity/actor.js';
import { Problem } from '../problem.js';
import { readPart } from '../route.js';
import { AssertionBody } from '../schemas/assertion.js';
import { EnrolPasskey, RemovePasskey, RenamePasskey } from '../schemas/passkeys.js';
import { isoInstant } from '../schemas/time.js';
import { errorSummary, readTyped, typedText, wrongFrom, type Typed, type Wrong } from './forms.js';
import type { Desk } from './pages.js';
import { sender, show, visitor } from './visit.js';

/** What was done, as the address of the page after it names it. */
const deeds = { enrolled: 'Passkey enrolled', renamed: 'Passkey renamed', removed: 'Passkey removed' } as const;
type Deed = keyof typeof deeds;

const deedSentences: Record<Deed, string> = {
  enrolled: 'From now on it proves that it is you. Whoever looks after a target adds it there with the command below.',
  renamed: 'Only its name is new; it is the same key.',
  removed:
    'It counts for nothing any more and does not come back. Whoever listed it at a target should remove it there.',
};

const strengthSentences: Record<Strength, string> = {
  passkey: 'You proved a passkey in this sign-in: nobody else can have done that with a stolen password.',
  key: 'The identity provider saw a key of yours: about as strong as a passkey, but proven to it and not to this portal.',
  'two-factors':
    'You gave two things, such as a password and a code: a passkey is stronger, since no page can talk you out of it.',
  'one-factor':
    'You gave one thing, such as a password: whoever knows it signs in as strongly. A passkey is far stronger.',
  unknown: 'The identity provider did not say how you signed in, so this counts as weak. A passkey is far stronger.',
};

export function passkeysPage(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = visitor(response);
    const { done, mark } = readTyped(request.query);
    const deed = (Object.keys(deeds) as Deed[]).find((known) => known === done);
    // A link made up tells nothing.
    const happened = deed && desk.csrf.holds(markOf(actor, deed), mark) ? deed : undefined;
    await showPasskeys(response, desk, actor, { happened });
  };
}

function markOf({ sessionId = '' }: Actor, deed: Deed): string {
  return ['passkeys', sessionId, deed].join(' ');
}

interface Shown {
  happened?: Deed;
  typed?: Typed;
  wrong?: Wrong;
  status?: number;
}

async function showPasskeys(response: Response, desk: Desk, actor: Actor, shown: Shown): Promise<void> {
  const { happened, typed, wrong, status = 200 } = shown;
  const passkeys = await desk.passkeys.passkeysOf(actor);
  const { time, stepUp } = actor.signIn;
  const barrier = passkeys.length < passkeysMax ? desk.passkeys.whyNotEnrol(actor, passkeys) : undefined;
  await show(response, desk, 'passkeys', {
    status,
    title: 'Passkeys',
    here: 'passkeys',
    passkeys: passkeys.map(shownPasskey),
    isFull: passkeys.length >= passkeysMax,
    most: passkeysMax,
    strength: strengthSentences[strengthOf(actor.signIn)],
    signedInAt: isoInstant(time),
    stepUpAt: stepUp === undefined ? undefined : isoInstant(stepUp),
    barrier: barrier && { sentence: barrier.message, way: wayPast(barrier) },
    happened: happened && { heading: deeds[happened], sentence: deedSentences[happened], tone: 'active' },
    typed,
    wrong,
    problems: wrong && errorSummary(wrong),
  });
}

function wayPast({ code }: Problem): { href: string; text: string } | undefined {
  const back = `?returnTo=${encodeURIComponent('/passkeys')}`;
  if (code === 'step-up-required') return { href: `/step-up${back}`, text: 'Prove a passkey' };
  return code === 'fresh-sign-in-required' ? { href: `/sign-in${back}`, text: 'Sign in again' } : undefined;
}

function shownPasskey(passkey: Passkey) {
  const { credentialId, name, fingerprint, evidence, enrolledAt, lastUsedAt, backedUp } = passkey;
  return {
    credentialId,
    name,
    fingerprint,
    backedUp,
    enrolTime: isoInstant(enrolledAt),
    lastUseTime: lastUsedAt === undefined ? undefined : isoInstant(lastUsedAt),
    // Checks the API's signature, and prints the line to add with the fingerprint to compare.
    command: `npm run keys -- passkey ${evidence}`,
  };
}

/** One form of the page: what it does, and what is said when that was refused. */
function changing(desk: Desk, deed: Deed, change: (actor: Actor, typed: Typed) => Promise<void>): RequestHandler {
  return async (request, response) => {
    const actor = sender(request, response, desk);
    const typed = readTyped(request.body);
    try {
      await change(actor, typed);
    } catch (error) {
      if (!(error instanceof Problem) || error.status === 401 || error.status >= 500) throw error;
      return showPasskeys(response, desk, actor, {
        typed,
        wrong: wrongFrom(error, { '/name': deed === 'enrolled' ? 'name' : '' }, {}),
        status: error.status,
      });
    }
    const mark = desk.csrf.token(markOf(actor, deed));
    response.redirect(303, `/passkeys?${new URLSearchParams({ done: deed, mark }).toString()}`);
  };
}

export function enrolPasskey(desk: Desk): RequestHandler {
  return changing(desk, 'enrolled', async (actor, typed) => {
    const answer = answered(typed['passkey']);
    await desk.passkeys.enrol(actor, readPart(EnrolPasskey, { ...answer, name: typedText(typed['name']) }, 'body'));
  });
}

export function renamePasskey(desk: Desk): RequestHandler {
  return changing(desk, 'renamed', (actor, { credentialId, name }) =>
    desk.passkeys.rename(actor, readPart(RenamePasskey, { credentialId, name: typedText(name) }, 'body')),
  );
}

export function removePasskey(desk: Desk): RequestHandler {
  return changing(desk, 'removed', (actor, { credentialId }) =>
    desk.passkeys.remove(actor, readPart(RemovePasskey, { credentialId }, 'body')),
  );
}

/** What the script put into the form; without script nothing is there. */
function answered(json: string | undefined): object {
  if (json === undefined || json === '') {
    throw new Problem(
      'passkey-required',
      'Your browser was not asked for a passkey. Turn JavaScript on for this page, and try again.',
    );
  }
  try {
    const found: unknown = JSON.parse(json);
    if (typeof found === 'object' && found !== null) return found;
  } catch {
    // Said below: what is no JSON was no answer of the script.
  }
  throw new Problem('passkey-refused', 'The answer of the passkey could not be read; do it once more.');
}

/** The proof that the script put into a form; undefined where it put none. */
export function typedAssertion(typed: Typed): Assertion | undefined {
  const json = typed['passkey'];
  return json === undefined || json === '' ? undefined : readPart(AssertionBody, answered(json), 'body');
}

export function stepUpPage(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = visitor(response);
    await showStepUp(response, desk, actor, { returnTo: returnPath(request, desk) });
  };
}

function returnPath(request: Request, { portalUrl }: Desk): string {
  const { returnTo } = readTyped(request.method === 'GET' ? request.query : request.body);
  return safeReturnPath(returnTo, portalUrl);
}

async function showStepUp(
  response: Response,
  desk: Desk,
  actor: Actor,
  { returnTo, wrong, status = 200 }: { returnTo: string; wrong?: Wrong; status?: number },
): Promise<void> {
  const passkeys = await desk.passkeys.passkeysOf(actor);
  await show(response, desk, 'step-up', {
    status,
    title: 'Prove a passkey',
    hasPasskeys: passkeys.length > 0,
    returnTo,
    problems: wrong && errorSummary(wrong),
  });
}

export function sendStepUp(desk: Desk): RequestHandler {
  return async (request, response) => {
    const actor = sender(request, response, desk);
    const returnTo = returnPath(request, desk);
    try {
      const proof = readPart(AssertionBody, answered(readTyped(request.body)['passkey']), 'body');
      response.set('Set-Cookie', await desk.stepUp(actor, proof, request.headers.cookie));
    } catch (error) {
      if (!(error instanceof Problem) || error.status === 401 || error.status >= 500) throw error;
      return showStepUp(response, desk, actor, { returnTo, wrong: wrongFrom(error, {}, {}), status: error.status });
    }
    response.redirect(303, returnTo);
  };
}
