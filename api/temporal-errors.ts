/** What a failed call to Temporal means for whoever waits for it. */
import { UnreadablePayload } from '../activities/platform/codec.js';
import { grpc, serviceErrorOf } from '../activities/platform/service-errors.js';
import { Problem } from './problem.js';

/** Away, too slow, or holding back callers of its own accord: the same call may well succeed in a moment. */
export function isOutOfReach(error: unknown): boolean {
  const found = serviceErrorOf(error);
  if (!found) return error instanceof Error && error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError';
  return [grpc.unavailable, grpc.deadlineExceeded, grpc.cancelled, grpc.resourceExhausted].includes(found.code);
}

/** Its own tasks fail, so that this workflow alone answers no question; a missing worker is something else. */
export function isStuck(error: unknown): boolean {
  const found = serviceErrorOf(error);
  return found?.code === grpc.failedPrecondition && !/no poller/i.test(found.details);
}

/** Why a payload could not be opened, if that is what went wrong. */
export function unreadableIn(error: unknown): UnreadablePayload | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof UnreadablePayload) return at;
  }
  return undefined;
}

export function unavailable(cause: unknown): Problem {
  const because =
    'Temporal cannot be reached, so it is not sure that anything was done; send the same again in a moment.';
  return new Problem('temporal-unavailable', because, { cause, retryAfterSeconds: 5 });
}
