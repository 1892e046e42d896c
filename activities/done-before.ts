import { Context } from '@temporalio/activity';

/** What earlier attempts of this activity had done, as the last heartbeat of theirs says. */
export function doneBefore(): Set<unknown> {
  const details: unknown = Context.current().info.heartbeatDetails;
  return new Set(Array.isArray(details) ? details : []);
}
