/** A refusal on the wire: RFC 9457. `type` is a code of the closed list; the texts are safe to show. */
import { z } from 'zod';
import { failureCodes } from '../../workflows/domain/failure.js';
import { grantStates } from '../../workflows/domain/states.js';

export const ProblemBody = z
  .strictObject({
    type: z.enum(failureCodes),
    title: z.string(),
    status: z.int().min(400).max(599),
    /** What is wrong and the way out. */
    detail: z.string(),
    /** Names this answer in the operator's logs. */
    requestId: z.string(),
    /** The grant's present state, where a decision came too late. */
    state: z.enum(grantStates).optional(),
    /** One entry per bad field: a JSON pointer into the body, or the name of a parameter. */
    errors: z
      .array(
        z.strictObject({
          pointer: z.string().optional(),
          parameter: z.string().optional(),
          detail: z.string(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem' });
export type ProblemBody = z.infer<typeof ProblemBody>;
