/** Questions about grants: filters, pages and waiting. */
import { z } from 'zod';
import { entitlementName, grantState, subjectRef, targetName } from './names.js';
import { wait } from './time.js';

const cursor = z.string().min(1).max(4_000).meta({ description: 'Opaque: `next` of the page before' });

const limit = z.coerce
  .number({ error: 'limit is a number from 1 to 100' })
  .int({ error: 'limit is a whole number' })
  .min(1, { error: 'limit is at least 1' })
  .max(100, { error: 'limit is at most 100' });

export const ListGrants = z.strictObject({
  state: grantState.optional(),
  live: z
    .enum(['true', 'false'], { error: 'live is true or false' })
    .transform((text) => text === 'true')
    .optional()
    .meta({ description: 'Only grants that are not over, or only those that are' }),
  requester: subjectRef.optional(),
  subject: subjectRef.optional(),
  entitlement: entitlementName.optional(),
  target: targetName.optional(),
  cursor: cursor.optional(),
  limit: limit.default(20),
});
export type ListGrants = z.infer<typeof ListGrants>;

export const ListApprovals = z.strictObject({ cursor: cursor.optional(), limit: limit.default(20) });
export type ListApprovals = z.infer<typeof ListApprovals>;

export const SeeGrant = z.strictObject({
  wait: wait.optional(),
  after: z.coerce
    .number({ error: 'after is a number' })
    .int({ error: 'after is a whole number' })
    .min(0)
    .optional()
    .meta({ description: 'The `changes` that the caller knows; a newer grant is answered at once' }),
});
export type SeeGrant = z.infer<typeof SeeGrant>;
