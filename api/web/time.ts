/** Instants and lengths of time as people read them. Without script in UTC; assets/time.js turns them into the reader's own zone. */
import { inWords } from '../../workflows/domain/durations.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';

const full = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});

const withSeconds = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZone: 'UTC',
});

/** `Sun, 22 Nov, 14:30 UTC` */
export function absolute(at: Instant, seconds = false): string {
  return `${(seconds ? withSeconds : full).format(at)} UTC`;
}

/** `in 4 minutes`, `3 hours 5 minutes ago`, `now`. */
export function relative(at: Instant, now: Instant): string {
  const distance = at - now;
  if (Math.abs(distance) < 1_000) return 'now';
  return distance > 0 ? `in ${rough(distance)}` : `${rough(-distance)} ago`;
}

/** Seconds count only below a minute, minutes only below a day. */
export function rough(ms: Ms): string {
  const step = ms < 60_000 ? 1_000 : ms < 86_400_000 ? 60_000 : 3_600_000;
  return inWords(Math.floor(ms / step) * step);
}

/** Milliseconds, or RFC 3339 as the API writes it. */
export type Moment = Instant | string;

export function instantOf(moment: Moment): Instant {
  return typeof moment === 'number' ? moment : Date.parse(moment);
}

/** Markup of one instant. Safe to put in raw: only numbers and our own words go in. */
export function timeTag(moment: Moment | undefined, seconds = false): string {
  if (moment === undefined) return '';
  const at = instantOf(moment);
  return `<time datetime="${iso(at)}" data-clock="${seconds ? 'seconds' : 'minutes'}">${absolute(at, seconds)}</time>`;
}

/** Markup of a distance that script keeps counting. Safe to put in raw. */
export function sinceTag(moment: Moment | undefined, now: Instant): string {
  if (moment === undefined) return '';
  const at = instantOf(moment);
  return `<time datetime="${iso(at)}" data-relative>${relative(at, now)}</time>`;
}

/** As `sinceTag`, without the preposition: `42 minutes`. */
export function leftTag(moment: Moment | undefined, now: Instant): string {
  if (moment === undefined) return '';
  const at = instantOf(moment);
  const left = at > now ? rough(at - now) : 'no time';
  return `<time datetime="${iso(at)}" data-left>${left}</time>`;
}

function iso(at: Instant): string {
  return new Date(at).toISOString();
}
