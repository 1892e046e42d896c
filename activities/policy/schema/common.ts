/** The small words of the policy files: ids, durations, times of day and selectors, each with an error that says the way out. */
import { Temporal } from 'temporal-polyfill';
import { z } from 'zod';
import type { Ms } from '../../../workflows/domain/time.js';

const yearMs: Ms = 366 * 24 * 3_600_000;

/** Ids become parts of workflow ids, search attributes and pages, so they stay plain and short. */
export const id = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,39}$/,
    'must be 1 to 40 of a-z, 0-9, ".", "_" and "-", starting with a letter or a digit',
  );

// Control and bidirectional characters could make a page or a mail say something else than the file does.
const hidden = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** One line of text for people. */
export const text = z
  .string()
  .trim()
  .min(1, 'is blank; say something')
  .max(200, 'is longer than 200 characters; shorten it')
  .refine((value) => !hidden.test(value), 'has control or bidirectional characters; remove them');

/** Milliseconds of an ISO 8601 duration; undefined for anything that is none or has no fixed length. */
export function durationMs(value: string): Ms | undefined {
  try {
    // Without a date to count from, months and years have no length: this throws for them.
    return Temporal.Duration.from(value).total('milliseconds');
  } catch {
    return undefined;
  }
}

export const duration = z.string().transform((value, context): Ms => {
  const ms = durationMs(value);
  if (ms !== undefined && Number.isInteger(ms) && ms > 0 && ms <= yearMs) return ms;
  context.addIssue({
    code: 'custom',
    message: 'must be an ISO 8601 duration above zero, such as PT15M, PT1H30M or P7D',
  });
  return z.NEVER;
});

export const timeZone = z.string().refine((value) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    // Offsets pass in newer engines, but know no daylight saving time.
    return !/^[+-]/.test(value);
  } catch {
    return false;
  }
}, 'must be an IANA time zone, such as Europe/Berlin or UTC');

export const date = z.string().refine((value) => {
  try {
    return /^\d{4}-\d{2}-\d{2}$/.test(value) && Temporal.PlainDate.from(value).toString() === value;
  } catch {
    return false;
  }
}, 'must be a date that exists, such as 2026-12-24');

/** Minutes since midnight; `24:00` is the end of the day. */
export const timeOfDay = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, "must be a time of day in quotes, such as '09:00' or '24:00'")
  .transform((value) => Number(value.slice(0, 2)) * 60 + Number(value.slice(3)));

/** In the order of ISO 8601: the first is day 1. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const days = z
  .array(z.enum(weekdays))
  .min(1, 'names no day; list at least one')
  .transform((names) => names.map((name) => weekdays.indexOf(name) + 1));

export const hours = z
  .strictObject({ days, from: timeOfDay, to: timeOfDay })
  .refine((value) => value.from !== value.to, {
    path: ['to'],
    message: 'is the same as "from"; say when the hours end',
  });

/** Numbered as in ISO 8601, minutes since midnight; over midnight where `to` is before `from`. */
export type Hours = z.infer<typeof hours>;

export type SelectorKind = 'group' | 'person' | 'service' | 'oncall';

/** `<kind>:<id>` of the given kinds, or one of the given plain words. */
export function selector(kinds: SelectorKind[], words: string[] = []) {
  const choices = [...words, ...kinds.map((kind) => `${kind}:<id>`)].join(', ');
  return z.string().refine((value) => {
    if (words.includes(value)) return true;
    const at = value.indexOf(':');
    return kinds.some((kind) => kind === value.slice(0, at)) && id.safeParse(value.slice(at + 1)).success;
  }, `must be one of: ${choices}`);
}

/** A selector in its two parts; a plain word has no id. */
export function partsOf(value: string): { kind: string; id: string } {
  const at = value.indexOf(':');
  return at < 0 ? { kind: value, id: '' } : { kind: value.slice(0, at), id: value.slice(at + 1) };
}
