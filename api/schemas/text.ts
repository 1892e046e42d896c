/** Text from people: trimmed, never blank, bounded, and without characters that could disguise what stands beside it. */
import { z } from 'zod';

// Control characters forge log and mail lines; bidirectional marks reorder what an approver reads; lone surrogates are not text.
const disguising = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;
// Characters that print nothing: a reason made of them alone is blank.
const invisible = /[\p{Z}\p{Cf}\u00ad\u115f\u1160\u2800\u3164\uffa0]/gu;

/** Line breaks and tabs of a text field become blanks, so that stored text is one line; other control characters are refused. */
function tidy(value: string): string {
  return value.replace(/[\r\n\t]+/g, ' ').trim();
}

/** Free text of at most `most` characters. */
export function text(most: number, what: string) {
  return z
    .string({ error: `${what} must be text` })
    .overwrite(tidy)
    .refine((value) => value.replace(invisible, '').length > 0, { error: `${what} must not be blank`, abort: true })
    .max(most, { error: `${what} has at most ${most} characters` })
    .refine((value) => !disguising.test(value), {
      error: `${what} must not contain control or bidirectional characters`,
    })
    .meta({ maxLength: most, description: what });
}

/** A name out of a fixed alphabet, as in ids and tickets. */
export function name(shape: RegExp, what: string, example: string) {
  return z
    .string({ error: `${what} must be text` })
    .regex(shape, { error: `${what} looks like ${example}` })
    .meta({ description: `${what}, like ${example}` });
}
