/** Time on the wire: durations as ISO 8601, instants as RFC 3339 in UTC. Inside, both are milliseconds. */
import { z } from 'zod';
import type { Instant, Ms } from '../../workflows/domain/time.js';

const durationShape = /^P(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?$/;

/** Undefined for whatever is not a positive duration of whole days, hours, minutes and seconds; a day is 24 hours. */
export function durationMs(text: string): Ms | undefined {
  const found = durationShape.exec(text);
  if (!found || text.endsWith('T')) return undefined;
  const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  const ms = (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60_000 + (seconds ?? 0) * 1_000;
  return ms > 0 ? ms : undefined;
}

/**
 * `PT1H30M`. Hours are not gathered into days, so that `PT36H` stays what was asked. Written here, since the library takes longer
 * for three durations of a grant than all else of it does.
 */
export function isoDuration(ms: Ms): string {
  const whole = Math.max(0, Math.round(ms));
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = (whole % 60_000) / 1_000;
  const parts = [hours > 0 && `${hours}H`, minutes > 0 && `${minutes}M`, seconds > 0 && `${seconds}S`];
  return `PT${parts.filter(Boolean).join('') || '0S'}`;
}

export function isoInstant(at: Instant): string {
  return new Date(at).toISOString();
}

const durationError = 'must be a positive ISO 8601 duration in days, hours, minutes and seconds, like PT1H30M';

/** A duration that a caller sends; milliseconds inside. */
export function duration(what: string) {
  return z
    .string({ error: `${what} ${durationError}` })
    .max(40, { error: `${what} ${durationError}` })
    .transform((text, context): Ms => {
      const ms = durationMs(text);
      if (ms !== undefined) return ms;
      context.addIssue({ code: 'custom', message: `${what} ${durationError}` });
      return z.NEVER;
    })
    .meta({ description: `${what}, an ISO 8601 duration like PT1H30M`, format: 'duration' });
}

/** How long a call may wait for what it asks about. */
export const wait = duration('wait').refine((ms) => ms <= 60_000, { error: 'wait is at most PT60S' });

/** An instant that a caller sends; milliseconds inside. */
export function instant(what: string) {
  const error = `${what} must be an RFC 3339 instant with an offset, like 2027-01-31T09:00:00Z`;
  return z.iso
    .datetime({ offset: true, error })
    .max(40, { error })
    .transform((text): Instant => Date.parse(text))
    .meta({ description: `${what}, an RFC 3339 instant like 2027-01-31T09:00:00Z`, format: 'date-time' });
}

/** As answers carry them. */
export const wireDuration = z.string().meta({ format: 'duration', description: 'ISO 8601 duration' });
export const wireInstant = z.string().meta({ format: 'date-time', description: 'RFC 3339 instant in UTC' });
