/** The shape of `entitlements.yml`: what may be asked for, by whom, and what it takes. */
import { z } from 'zod';
import { duration, id, selector, text } from './common.js';

const entitlementId = z
  .string()
  .max(81)
  .regex(/^[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*$/, 'must be <target>/<name>, such as orders-db/read');

const entitlement = z.strictObject({
  id: entitlementId,
  title: text,
  description: text,
  target: id,
  sensitivity: z.enum(['low', 'medium', 'high', 'critical']),
  duration: z.strictObject({
    default: duration,
    maximum: duration,
    minimum: duration.optional(),
    presets: z.array(duration).max(10).default([]),
  }),
  eligible: z.array(selector(['group', 'person', 'service'])),
  mayRequestFor: z.array(selector(['group', 'person', 'service'], ['manager', 'owner'])).default([]),
  /** `low` may be `automatic`, which is therefore no name of a flow. */
  flow: z.strictObject({ low: id, elevated: id, high: id }),
  requires: z.strictObject({
    justification: z.number().int().min(1).max(1000),
    ticket: z.enum(['optional', 'required']),
    stepUp: z.enum(['request', 'collection']).optional(),
  }),
  emergency: z
    .strictObject({
      // Whoever breaks the glass is asked about it afterwards, so it is a person, and asks alone.
      eligible: z.array(selector(['group', 'person'])).min(1, 'names nobody; leave `emergency` out instead'),
      longest: duration,
      reviewers: z
        .array(selector(['group', 'person']))
        .min(1, 'names nobody; somebody must look back at an emergency')
        .max(10, 'has more than 10 entries; make a group of them'),
      passkey: z.boolean().default(false),
    })
    .optional(),
  extension: z.strictObject({ automaticUpTo: duration.optional(), beyond: z.enum(['approval', 'refused']) }),
});

export const entitlementsFile = z.strictObject({
  minimumDuration: duration,
  entitlements: z.array(entitlement).min(1, 'is empty; list at least one entitlement'),
});

export type EntitlementsFile = z.infer<typeof entitlementsFile>;
export type EntitlementEntry = EntitlementsFile['entitlements'][number];
