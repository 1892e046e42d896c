/** The shape of `risk.yml`: weights of the factors, and where the bands begin. */
import { z } from 'zod';
import { duration } from './common.js';

const points = z.number().int().min(0).max(100);
/** What is remembered of one human ends at 200 requests. */
const count = z.number().int().min(1).max(150);

export const riskFile = z.strictObject({
  bands: z.strictObject({ elevated: points, high: points, refuse: points }),
  factors: z.strictObject({
    sensitivity: z.strictObject({ low: points, medium: points, high: points, critical: points }),
    duration: z.strictObject({ points, times: z.number().min(1).max(100) }),
    hour: z.strictObject({ points }),
    firstUse: z.strictObject({ points }),
    burst: z.strictObject({ points, over: count, overByService: count, within: duration, most: points }),
    denials: z.strictObject({ points, within: duration, most: points }),
    noTicket: z.strictObject({ points }),
    signIn: z.strictObject({ points, olderThan: duration }),
    missing: z.strictObject({ points }),
  }),
});

export type RiskRules = z.infer<typeof riskFile>;
