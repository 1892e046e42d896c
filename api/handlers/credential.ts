/**
 * Hands a credential over: to the subject alone, once, while the grant stands. A lost one is renewed first.
 *
 * Temporal repeats an update's answer from history for as long as history lasts, so this process holds the line in time:
 * it opens what was sealed to it only within two minutes of the first answer, and before the grant's end.
 */
import { z } from 'zod';
import { may } from '../../workflows/domain/rights.js';
import type { GrantState } from '../../workflows/domain/states.js';
import type { Ms } from '../../workflows/domain/time.js';
import type { GrantView } from '../../workflows/domain/view.js';
import type { Collected } from '../../workflows/messages.js';
import type { Handlers } from '../handlers.js';
import { requireKnownSignIn, requireStepUp } from '../identity/identify.js';
import { Problem } from '../problem.js';
import { isoInstant } from '../schemas/time.js';
import type { HandlerDeps } from './deps.js';
import { refuseFlood } from './flood.js';
import { renew } from './renew.js';
import { standingOf, type Standing } from './standing.js';
import type { Waits } from './waits.js';

/** What can still become active. */
const before: readonly GrantState[] = ['REQUESTED', 'APPROVAL_AWAITED', 'SCHEDULED', 'ACTIVATING'];

const openForMs: Ms = 2 * 60_000;

/** What `openCredential` finds inside: whose it is, and what it is. */
const openedShape = z.object({
  grantId: z.string(),
  subject: z.string(),
  kind: z.literal('postgres'),
  host: z.string(),
  port: z.int(),
  database: z.string(),
  username: z.string(),
  password: z.string(),
});

export interface OpenedCredential {
  grantId: string;
  subject: string;
  [field: string]: unknown;
}

/** Renewals wait apart, so that other waiting calls of the same caller never keep them out. */
export function collectHandler(deps: HandlerDeps, waits: Waits, renewals: Waits): Handlers['collect'] {
  return async (id, { collectId, renew: isLost, wait }, actor, gone) => {
    const first = await standingOf(deps, id, actor);
    if (first.found.view.subject !== actor.ref) {
      throw new Problem('not-the-subject', 'Only the subject may collect the credential.');
    }

    /** What must hold just before it is handed over, and the handing over; what is not set up yet is waited for in the workflow. */
    async function handOver(standing: Standing, isSetUp = true): Promise<Collected> {
      const { found, roles } = standing;
      const { view } = found;
      if (isSetUp && !may(isLost ? 'renew' : 'collect', roles, view.state)) {
        const because = 'There is a credential only while the access is active.';
        throw new Problem('not-active', because, { state: view.state });
      }
      const caller = wait === undefined ? actor : await deps.stillKnown(actor);
      requireKnownSignIn(caller);
      if (view.stepUpAtCollection) requireStepUp(caller, 'This credential is collected');
      if (isLost) {
        await refuseFlood(deps, found);
        await renew(deps, renewals, standing, collectId, caller);
        requireKnownSignIn(await deps.stillKnown(caller));
      }
      // It is handed over once: never to nobody.
      if (gone?.aborted) throw new Problem('not-active', 'Whoever waited for it has gone.', { state: view.state });
      const collected = await deps.grants.collect(id, { collectId, by: actor.ref }, isSetUp);
      if (!isSetUp) requireKnownSignIn(await deps.stillKnown(caller));
      return collected;
    }

    async function waited(withinMs: Ms): Promise<Collected> {
      const until = Date.now() + withinMs;
      const isSettled = ({ state }: GrantView): boolean => !before.includes(state);
      const isBeingMade = ({ state }: GrantView): boolean => state === 'ACTIVATING' && !isLost;
      const standing = await waits(first, actor, (view) => isSettled(view) || isBeingMade(view), withinMs, gone);
      if (!isBeingMade(standing.found.view)) return handOver(standing);
      return handOver(standing, false).catch(async (error: unknown) => {
        // A target that takes its time: from here on the news says when it is there.
        if (!(error instanceof Problem && error.code === 'not-active')) throw error;
        return handOver(await waits(standing, actor, isSettled, until - Date.now(), gone));
      });
    }

    const { sealed, collectedAt, expireTime } = await (wait === undefined ? handOver(first) : waited(wait));
    const now = Date.now();
    if (now >= expireTime) throw new Problem('not-active', 'This access is over.');
    deps.log.info({ grantId: id, by: actor.ref, collectId }, 'credential handed over');
    const answer = { collectId, expireTime: isoInstant(expireTime) };
    if (first.found.recipientKey) return { ...answer, sealed };

    if (now >= collectedAt + openForMs) {
      throw new Problem(
        'collect-window-closed',
        'This was handed over more than two minutes ago and is not shown again.',
      );
    }
    const { grantId, subject, ...credential } = openedShape.parse(await deps.openCredential(sealed));
    // A credential of another grant could have been put into this one's history by whoever can write there.
    if (grantId !== id || subject !== actor.ref) {
      deps.log.error({ grantId: id, by: actor.ref, inside: { grantId, subject } }, 'a credential of another grant');
      throw new Problem('not-the-subject', 'The sealed credential is not the one of this grant; tell an operator.');
    }
    return { ...answer, credential };
  };
}
