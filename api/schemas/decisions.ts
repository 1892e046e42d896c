/** What people send to decide on a grant. The actor is never in here: it comes from the sign-in. */
import { z } from 'zod';
import { AssertionBody } from './assertion.js';
import { collectId, decisionId } from './names.js';
import { text } from './text.js';
import { duration, wait } from './time.js';

const seen =
  'as the grant showed it; give it to decide on exactly what you looked at, or be told that it changed (409)';

const about = z
  .union([z.literal('request'), decisionId], { error: 'about is `request`, or the decisionId of an extension' })
  .meta({ description: `\`step.about\` ${seen}` });

export const Approve = z
  .strictObject({
    decisionId: decisionId.optional(),
    comment: text(1_000, 'comment').optional(),
    /** Shorter than asked, never longer. */
    duration: duration('duration').optional(),
    about: about.optional(),
    step: z
      .int({ error: 'step is a whole number' })
      .min(0)
      .optional()
      .meta({ description: `\`step.index\` ${seen}` }),
    totalDuration: duration('totalDuration')
      .optional()
      .meta({ description: `\`extension.totalDuration\` ${seen}` }),
    /** Over this very decision, so that `decisionId` must be given too. */
    assertion: AssertionBody.optional(),
  })
  .meta({ id: 'Approve' });
export type Approve = z.infer<typeof Approve>;

export const Deny = z
  .strictObject({ decisionId: decisionId.optional(), reason: text(1_000, 'reason'), about: about.optional() })
  .meta({ id: 'Deny' });
export type Deny = z.infer<typeof Deny>;

/** Withdraw and revoke: taking away needs no explanation, but keeps one that is given. */
export const End = z
  .strictObject({ decisionId: decisionId.optional(), reason: text(1_000, 'reason').optional() })
  .meta({ id: 'End' });
export type End = z.infer<typeof End>;

export const Extend = z
  .strictObject({
    decisionId: decisionId.optional(),
    reason: text(1_000, 'reason'),
    /** How much longer: added to what was granted so far. */
    duration: duration('duration'),
  })
  .meta({ id: 'Extend' });
export type Extend = z.infer<typeof Extend>;

export const Review = z
  .strictObject({
    decisionId: decisionId.optional(),
    verdict: z.enum(['justified', 'not-justified'], { error: 'verdict is justified or not-justified' }),
    comment: text(1_000, 'comment'),
  })
  .meta({ id: 'Review' });
export type Review = z.infer<typeof Review>;

export const CollectCredential = z
  .strictObject({
    collectId,
    wait: wait.optional().meta({
      description:
        'How long to wait for access that is not active yet; it is answered in the moment that it is, or refused at the end. Repeat the call with the same collectId.',
    }),
    renew: z.literal(true, { error: 'renew is true, or left out' }).optional().meta({
      description:
        'The credential was lost: have another one made, and collect that. Repeat the call with the same collectId if it takes too long.',
    }),
  })
  .meta({ id: 'CollectCredential' });
export type CollectCredential = z.infer<typeof CollectCredential>;
