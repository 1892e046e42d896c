/**
 * Another credential for a subject who lost theirs. The `collectId` of the call is the id of the decision too, so that a call
 * which took too long is repeated as it was, and collects what the first one had made.
 */
import type { Ms } from '../../workflows/domain/time.js';
import type { Actor } from '../identity/actor.js';
import type { Found } from '../memo.js';
import { Problem } from '../problem.js';
import type { HandlerDeps } from './deps.js';
import type { Standing } from './standing.js';
import type { Waits } from './waits.js';

/** Longer than a target takes that is well; whoever waits longer asks again. */
const madeWithinMs: Ms = 8_000;

/** Resolves when there is a new credential to collect; throws why there is none. */
export async function renew(
  deps: HandlerDeps,
  waits: Waits,
  standing: Standing,
  collectId: string,
  actor: Actor,
): Promise<void> {
  const { found } = standing;
  const { request } = found;
  const { grantId } = request;
  if (!outcomeIn(found, collectId)) {
    const evidence = await deps.signer.renewal(found.request, actor, { decisionId: collectId });
    const message = { decisionId: collectId, by: actor.ref, comment: '', evidence };
    const judged = await deps.grants.decide(grantId, { action: 'renew', message });
    deps.log.info({ grantId, by: actor.ref, decisionId: collectId, answer: judged.is }, 'asked for another credential');
    if (judged.is === 'too-late') throw new Problem('already-over', 'This grant is over.');
  }
  const latest = await waits(standing, actor, (view) => isMade({ view, request }, collectId), madeWithinMs);
  if (isMade(latest.found, collectId)) return;
  throw new Problem('target-unavailable', 'It is not made yet; send the same call again in a moment.', {
    retryAfterSeconds: 5,
  });
}

/** False while it is under way. */
function isMade(found: Pick<Found, 'view' | 'request'>, decisionId: string): boolean {
  const { view } = found;
  const outcome = outcomeIn(found, decisionId);
  if (!outcome) return false;
  if (outcome.result !== 'applied') {
    const because = sentences[outcome.result] ?? 'No other credential was made; look at the grant again.';
    throw new Problem(outcome.result, because, { state: view.state });
  }
  if (view.renewal?.decisionId !== decisionId) return true;
  if (view.renewal.failed === undefined) return false;
  const because = `The target made no other credential: ${view.renewal.failed} Try again with a new collectId.`;
  throw new Problem('target-unavailable', because, { retryAfterSeconds: 5 });
}

function outcomeIn({ view, request }: Pick<Found, 'view' | 'request'>, decisionId: string) {
  const outcome = view.outcomes.find((one) => one.decisionId === decisionId);
  // A guessed id must not pass another's decision for one's own.
  if (!outcome || (outcome.action === 'renew' && outcome.by === request.subject)) return outcome;
  throw new Problem('idempotency-conflict', 'This collectId was used for another decision; use a new one.');
}

const sentences: { [code: string]: string | undefined } = {
  'not-now':
    'No other credential can be made now: the first is not collected yet, one is being made, or it was renewed five times.',
  'not-judged': 'It could not be checked in time and changed nothing; try again with a new collectId.',
  'already-over': 'This grant is over.',
};
