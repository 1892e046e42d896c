/** The shape of `targets.yml`. */
import { z } from 'zod';
import { id, text } from './common.js';

export const targetsFile = z.strictObject({
  targets: z
    .array(z.strictObject({ name: id, kind: id, title: text, description: text.optional() }))
    .min(1, 'is empty; list at least one target'),
});

export type TargetsFile = z.infer<typeof targetsFile>;
export type TargetEntry = TargetsFile['targets'][number];
