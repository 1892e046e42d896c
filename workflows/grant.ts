/**
 * One grant, from request to proven removal.
 *
 * 1. Every change goes through `transition`; this file only tells the story.
 * 2. What must be undone is in the state before it is done.
 * 3. Nothing here is cancelled: a cancelled workflow is a revoked grant.
 * 4. It returns only when the target has confirmed that nothing stands, and somebody has looked back at an emergency.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { ApplicationFailure, CancellationScope, workflowInfo } from '@temporalio/workflow';
import { isReviewPending } from './domain/emergency.js';
import type { SignedRequest } from './domain/request.js';
import { viewOf } from './domain/shown.js';
import type { State } from './domain/state.js';
import { isTerminal } from './domain/states.js';
import type { GrantView } from './domain/view.js';
import { grantWorkflowId } from './ids.js';
import { Life } from './life.js';
import { isUnreadable } from './messages.js';

export async function grant(signed: SignedRequest): Promise<GrantView> {
  checkIdentity(signed);
  const life = new Life(signed);
  return CancellationScope.nonCancellable(async () => {
    await life.until(isDecided);
    await life.until(isDue);
    await life.until(isUsable);
    await life.until(isOver);
    await life.until(owesNothing);
    await life.until(isReviewed);
    await life.settle();
    return viewOf(life.state);
  });
}

const isDecided = ({ phase }: State): boolean => phase !== 'REQUESTED' && phase !== 'APPROVAL_AWAITED';
const isDue = ({ phase }: State): boolean => phase !== 'SCHEDULED';
const isUsable = ({ phase }: State): boolean => phase !== 'ACTIVATING';
const isOver = ({ phase }: State): boolean => phase !== 'ACTIVE';
const owesNothing = ({ phase, removalOwed, planting }: State): boolean =>
  isTerminal(phase) && !removalOwed && !planting;

const isReviewed = (state: State): boolean => !isReviewPending(state);

/** What a request and its evidence may be together: they become one record, which has to fit into a payload. */
const signedBytesMax = 44_000;

/** A grant runs under the one id that its request names, so that starting it twice is impossible. */
function checkIdentity(signed: SignedRequest): void {
  const { request, evidence } = { ...signed };
  const isSigned = typeof request?.grantId === 'string' && typeof evidence === 'string';
  const readable = isSigned && !isUnreadable(signed) && utf8ToBytes(JSON.stringify(signed)).length <= signedBytesMax;
  if (readable && workflowInfo().workflowId === grantWorkflowId(signed.request.grantId)) return;
  throw ApplicationFailure.nonRetryable('This workflow was not started by the API for this grant.', 'bad-evidence');
}
