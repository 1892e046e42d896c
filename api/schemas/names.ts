/** Ids as callers send them. Every one has a fixed alphabet, so that none can carry a query, a path or markup. */
import { z } from 'zod';
import { isGrantId } from '../../workflows/ids.js';
import { grantStates } from '../../workflows/domain/states.js';
import { name } from './text.js';

const word = '[a-z0-9][a-z0-9._-]{0,63}';

export const entitlementName = name(new RegExp(`^${word}/${word}$`), 'entitlement', 'orders-db/read');
export const targetName = name(new RegExp(`^${word}$`), 'target', 'orders-db');
export const subjectRef = name(new RegExp(`^(person|service):${word}$`), 'subject', 'person:engineer');
export const decisionId = z
  .uuid({ error: 'decisionId must be a UUID' })
  .toLowerCase()
  .meta({ description: 'Made by the caller; the same id is the same decision' });
export const collectId = z
  .uuid({ error: 'collectId must be a UUID' })
  .toLowerCase()
  .meta({ description: 'Made by the caller; the same id gets the same answer' });

export const grantState = z.enum(grantStates, { error: `state is one of ${grantStates.join(', ')}` });

/** The `{id}` of a grant's path. What cannot be a grant's id is simply not found. */
export const GrantRef = z.strictObject({
  id: z.string().refine(isGrantId, { error: 'there is no such grant' }).meta({ description: 'The grant' }),
});
export type GrantRef = z.infer<typeof GrantRef>;

export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, { error: 'Idempotency-Key is 1 to 200 printable characters without blanks' });
