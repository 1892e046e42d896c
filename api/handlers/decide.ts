/** Deciding: widening decisions are signed for the step that is open now, narrowing ones need nothing but the right to them. */
import { randomUUID } from 'node:crypto';
import type { FailureCode } from '../../workflows/domain/failure.js';
import { may, mayEver, type GrantAction } from '../../workflows/domain/rights.js';
import { isTerminal, type GrantState } from '../../workflows/domain/states.js';
import type { Ms } from '../../workflows/domain/time.js';
import type { Outcome } from '../../workflows/domain/view.js';
import { UnreadableGrant, type Decision } from '../grants.js';
import type { Found } from '../memo.js';
import type { Decided, Handlers } from '../handlers.js';
import type { Actor } from '../identity/actor.js';
import { requireKnownSignIn } from '../identity/identify.js';
import { notFound, Problem } from '../problem.js';
import type { Approval } from '../sign.js';
import type { Approve, Extend, Review } from '../schemas/decisions.js';
import { outcomeBody } from '../schemas/grant.js';
import type { HandlerDeps } from './deps.js';
import { refuseFlood } from './flood.js';
import { standingOf, whyNotAsked, whyNotReviewer } from './standing.js';

type Action = Decision['action'];

/** What each decision takes. */
export const rightTo: Record<Action, GrantAction> = {
  approve: 'decide',
  deny: 'decide',
  withdraw: 'withdraw',
  revoke: 'revoke',
  extend: 'extend',
  renew: 'renew',
  review: 'review',
};

export function decisionHandlers(
  deps: HandlerDeps,
): Pick<Handlers, 'approve' | 'challengedByApproval' | 'deny' | 'withdraw' | 'revoke' | 'extend' | 'review'> {
  /** From the right to decide to what became of the decision. */
  async function decide(
    id: string,
    action: Action,
    given: { decisionId?: string } & Seen,
    actor: Actor,
    make: (found: Found | undefined, decisionId: string) => Promise<Decision>,
  ): Promise<Decided> {
    const decisionId = given.decisionId ?? randomUUID();
    // Who may end every grant needs no look at this one, which takes time and may not even be readable.
    if (action === 'revoke' && mayEver('revoke', actor.roles)) {
      return send(id, action, actor, await make(undefined, decisionId));
    }
    const { found, roles } = await standingOf(deps, id, actor);
    const before = found.view.outcomes.find((outcome) => outcome.decisionId === decisionId);
    if (before) return answerOf(before, found.view.state, { action, actor });

    const right = rightTo[action];
    const { state } = found.view;
    if (!mayEver(right, roles)) throw notYours(action);
    if (!may(right, roles, state)) throw tooLate(action, state);

    requireSeen(found, given);
    return send(id, action, actor, await make(found, decisionId));
  }

  async function send(id: string, action: Action, actor: Actor, decision: Decision): Promise<Decided> {
    const { decisionId } = decision.message;
    const judged = await deps.grants.decide(id, decision);
    deps.log.info({ grantId: id, by: actor.ref, action, decisionId, answer: judged.is }, 'decided');
    // The workflow tells what its target answered; that the target was asked is known here first.
    if (judged.is === 'judged') deps.live.tell(id);
    switch (judged.is) {
      case 'judged':
        return answerOf(judged.outcome, judged.state, { action, actor });
      case 'recorded':
        return { decisionId, recorded: true };
      case 'too-late':
        return answerOfClosed(id, action, actor, decisionId);
    }
  }

  /** It ended before, maybe by this very decision. */
  async function answerOfClosed(id: string, action: Action, actor: Actor, decisionId: string): Promise<Decided> {
    const found = await deps.grants.find(id).catch((error: unknown) => {
      if (error instanceof UnreadableGrant) throw tooLate(action, undefined);
      throw error;
    });
    if (!found) throw notFound();
    const { outcomes, state } = found.view;
    const before = outcomes.find((outcome) => outcome.decisionId === decisionId);
    if (before) return answerOf(before, state, { action, actor });
    throw tooLate(action, state);
  }

  /** What an approval of this actor would say; throws where there can be none. */
  function approvalOf(found: Found, decisionId: string, body: Approve, actor: Actor): Approval {
    const { view } = found;
    const { step, extension, requestedDurationMs } = view;
    if (!step) throw new Problem('not-now', 'Nobody is asked to decide just now.', { state: view.state });
    // Signed is signed: a connector that believes this API must never meet an approval that was barred.
    const barred = whyNotAsked(deps.policy(), found, actor);
    if (barred) throw new Problem(barred, sentenceOf(barred), { state: view.state });
    const isRequest = step.about === 'request';
    const most = view.grantedDurationMs ?? requestedDurationMs;
    if (body.duration !== undefined && (!isRequest || body.duration > most)) {
      const detail = isRequest
        ? 'An approval may shorten what was asked, never lengthen it; choose a shorter duration.'
        : 'An extension is approved as it was asked, or denied.';
      throw new Problem('duration-not-shorter', detail, { errors: [{ pointer: '/duration', detail }] });
    }
    return {
      decisionId,
      about: step.about,
      step: step.index,
      durationMs: body.duration,
      // What the approver is shown is what the grant shows now: another total under the same id does not count as this one.
      shownMs: isRequest ? undefined : extension?.totalMs,
    };
  }

  async function approval(
    found: Found | undefined,
    decisionId: string,
    body: Approve,
    actor: Actor,
  ): Promise<Decision> {
    if (!found) throw notFound();
    await refuseFlood(deps, found);
    const { request, view } = found;
    const terms = approvalOf(found, decisionId, body, actor);
    const { assertion } = body;
    if (assertion) {
      await deps.passkeys.verifyDecision(actor, deps.signer.challenged.approval(request, actor, terms), assertion);
    } else if (view.step?.passkey) {
      throw new Problem('passkey-required', sentenceOf('passkey-required'), { state: view.state });
    }
    const evidence = await deps.signer.approval(request, actor, { ...terms, assertion });
    return { action: 'approve', message: { decisionId, by: actor.ref, comment: body.comment ?? '', evidence } };
  }

  async function extension(
    found: Found | undefined,
    decisionId: string,
    body: Extend,
    actor: Actor,
  ): Promise<Decision> {
    if (!found) throw notFound();
    await refuseFlood(deps, found);
    const { request, view } = found;
    const { accessGrantTime, maximumMs } = view;
    const totalMs = (view.grantedDurationMs ?? view.requestedDurationMs) + body.duration;
    if (maximumMs !== undefined && totalMs > maximumMs) {
      const detail = 'The entitlement does not allow that long in all; ask for less.';
      throw new Problem('extension-too-long', detail, { errors: [{ pointer: '/duration', detail }] });
    }
    const endBy = (accessGrantTime ?? Date.now()) + totalMs;
    const evidence = await deps.signer.extension(request, actor, { decisionId, totalMs, endBy });
    return { action: 'extend', message: { decisionId, by: actor.ref, comment: body.reason, evidence } };
  }

  async function review(found: Found | undefined, decisionId: string, body: Review, actor: Actor): Promise<Decision> {
    if (!found) throw notFound();
    await refuseFlood(deps, found);
    const { request, view } = found;
    if (!view.review?.since) throw new Problem('not-now', 'There is nothing to review here.', { state: view.state });
    const barred = whyNotReviewer(deps.policy(), found, actor);
    if (barred) throw new Problem(barred, reviewSentences[barred], { state: view.state });
    if (view.review?.given) throw new Problem('already-decided', 'It was reviewed before.', { state: view.state });
    const { verdict, comment } = body;
    const evidence = await deps.signer.review(request, actor, { decisionId, verdict });
    return { action: 'review', message: { decisionId, by: actor.ref, comment, evidence } };
  }

  function narrowing(action: 'deny' | 'withdraw' | 'revoke', reason: string | undefined, actor: Actor) {
    return (found: Found | undefined, decisionId: string): Promise<Decision> => {
      // A deny of an extension leaves the access as it is.
      const endsGrant = action !== 'deny' || found?.view.state === 'APPROVAL_AWAITED';
      return Promise.resolve({ action, endsGrant, message: { decisionId, by: actor.ref, reason: reason ?? '' } });
    };
  }

  return {
    approve: async (id, body, actor) => {
      requireKnownSignIn(actor);
      return decide(id, 'approve', body, actor, (found, decisionId) => approval(found, decisionId, body, actor));
    },
    challengedByApproval: async (id, body, actor) => {
      const { found, roles } = await standingOf(deps, id, actor);
      if (!mayEver('decide', roles)) throw notYours('approve');
      if (!may('decide', roles, found.view.state)) throw tooLate('approve', found.view.state);
      requireSeen(found, body);
      return deps.signer.challenged.approval(found.request, actor, approvalOf(found, body.decisionId, body, actor));
    },
    extend: async (id, body, actor) => {
      requireKnownSignIn(actor);
      return decide(id, 'extend', body, actor, (found, decisionId) => extension(found, decisionId, body, actor));
    },
    review: async (id, body, actor) => {
      requireKnownSignIn(actor);
      return decide(id, 'review', { decisionId: body.decisionId }, actor, (found, decisionId) =>
        review(found, decisionId, body, actor),
      );
    },
    deny: (id, body, actor) => decide(id, 'deny', body, actor, narrowing('deny', body.reason, actor)),
    withdraw: (id, body, actor) => decide(id, 'withdraw', body, actor, narrowing('withdraw', body.reason, actor)),
    revoke: (id, body, actor) => decide(id, 'revoke', body, actor, narrowing('revoke', body.reason, actor)),
  };
}

/** An outcome is shown only to whose decision it was: a guessed id must not pass another's success for one's own. */
function answerOf(outcome: Outcome, state: GrantState, own: { action: Action; actor: Actor }): Decided {
  if (outcome.by !== own.actor.ref || outcome.action !== own.action) {
    throw new Problem('idempotency-conflict', 'This decisionId was used for another decision; use a new one.');
  }
  if (outcome.result !== 'applied') throw new Problem(outcome.result, sentenceOf(outcome.result), { state });
  return { decisionId: outcome.decisionId, outcome: outcomeBody(outcome), state };
}

const reviewSentences = {
  'own-request': 'Nobody reviews their own emergency, nor that of somebody they stand in for; another reviewer must.',
  'not-an-approver': 'You are not among those who review this emergency.',
};

const sentences: Partial<Record<FailureCode, string>> = {
  'own-request': 'Nobody decides on their own request, nor for someone they stand in for; another approver must.',
  'not-an-approver': 'You are not among those who are asked to decide this step.',
  'same-human': 'You approved this step before, with another account of yours.',
  'already-decided': 'This was decided before; see what became of it.',
  'already-over': 'This grant is over; nothing can be changed any more.',
  'not-now': 'That is not possible in the present state.',
  'not-judged': 'The decision could not be checked in time and changed nothing; try it again.',
  'duration-not-shorter': 'An approval may shorten what was asked, never lengthen it.',
  'extension-refused': 'This entitlement is not extended that far; ask for it anew.',
  'extension-too-long': 'The entitlement does not allow that long in all; ask for less.',
  'passkey-required': 'This step needs your passkey with each approval; approve on the page, with a passkey of yours.',
  'bad-evidence': 'The signed decision does not hold for this grant; try it again.',
};

function sentenceOf(code: FailureCode): string {
  return sentences[code] ?? 'The decision changed nothing.';
}

function notYours(action: Action): Problem {
  if (rightTo[action] === 'decide') return new Problem('not-an-approver', sentenceOf('not-an-approver'));
  if (action === 'review') return new Problem('not-an-approver', reviewSentences['not-an-approver']);
  const who = action === 'revoke' ? 'its approvers, operators and security' : 'who asked for it or has it';
  return new Problem('forbidden', `Only ${who} may ${action} this grant.`);
}

/** What the caller looked at, where they say so. */
interface Seen {
  about?: string;
  step?: number;
  totalDuration?: Ms;
}

/** A click on an old page must not decide on what came after it. */
function requireSeen({ view }: Found, { about, step, totalDuration }: Seen): void {
  const open = view.step;
  const isSame =
    (about === undefined || about === open?.about) &&
    (step === undefined || step === open?.index) &&
    (totalDuration === undefined || totalDuration === view.extension?.totalMs);
  if (isSame) return;
  const because = 'What you looked at is not what is being decided now; look at the grant again.';
  throw new Problem('already-decided', because, { state: view.state });
}

function tooLate(action: Action, state: GrantState | undefined): Problem {
  if (state === undefined || isTerminal(state) || state === 'REVOKING' || state === 'WITHDRAWING') {
    return new Problem('already-over', sentenceOf('already-over'), { state });
  }
  const isDecided = rightTo[action] === 'decide' && state !== 'REQUESTED';
  const code = isDecided ? 'already-decided' : 'not-now';
  return new Problem(code, sentenceOf(code), { state });
}
