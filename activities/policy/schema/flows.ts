/** The shape of `flows.yml`: approval steps with their clocks, and the calendars that the clocks may follow. */
import { z } from 'zod';
import { date, duration, hours, id, selector, text, timeZone } from './common.js';

const approver = selector(['group', 'person', 'oncall'], ['manager']);

// The search attribute `Approvers` holds at most 20 selectors.
const approvers = z.array(approver).max(10, 'has more than 10 entries; make a group of them');

const step = z.strictObject({
  name: text,
  approvers: approvers.min(1, 'names nobody; list at least one approver'),
  needed: z.number().int().min(1).max(10).default(1),
  remindAfter: duration.optional(),
  escalateAfter: duration.optional(),
  escalateTo: approvers.default([]),
  fallback: approvers.default([]),
  expireAfter: duration,
  clock: id.default('always'),
  passkey: z.boolean().default(false),
});

const flow = z.strictObject({
  name: id,
  steps: z.array(step).min(1, 'is empty; list at least one step').max(10, 'has more than 10 steps; merge some'),
});

const calendar = z
  .strictObject({ id, timeZone, ...hours.shape, holidays: z.array(date).default([]) })
  .refine((value) => value.from < value.to, {
    path: ['to'],
    message: 'must be after "from": office hours end on their day',
  });

export const flowsFile = z.strictObject({
  flows: z.array(flow).min(1, 'is empty; list at least one flow'),
  calendars: z.array(calendar).default([]),
});

export type FlowsFile = z.infer<typeof flowsFile>;
export type FlowEntry = FlowsFile['flows'][number];
export type StepEntry = FlowEntry['steps'][number];
export type Calendar = FlowsFile['calendars'][number];
