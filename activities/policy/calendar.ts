/** Time as people keep it: working hours, business calendars and turns of a rotation, right also when clocks change. */
import { Temporal } from 'temporal-polyfill';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import type { Hours } from './schema/common.js';
import type { Rotation } from './schema/directory.js';
import type { Calendar } from './schema/flows.js';

/** Ten years without enough hours is a calendar of holidays only. */
const daysMax = 3660;

const minutesOfDay = 24 * 60;

export function zoned(at: Instant, timeZone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone);
}

/** Is this within the hours, in that time zone? Hours over midnight belong to the day on which they begin. */
export function within(hours: Hours, timeZone: string, at: Instant): boolean {
  const { hour, minute, dayOfWeek } = zoned(at, timeZone);
  const now = hour * 60 + minute;
  const today = hours.days.includes(dayOfWeek);
  if (hours.from < hours.to) return today && now >= hours.from && now < hours.to;
  const yesterday = hours.days.includes(((dayOfWeek + 5) % 7) + 1);
  return (today && now >= hours.from) || (yesterday && now < hours.to);
}

/** The instant at which `span` of the calendar's hours has gone by; without a calendar every hour counts. */
export function after(calendar: Calendar | undefined, from: Instant, span: Ms): Instant {
  if (calendar === undefined) return from + span;
  const { timeZone } = calendar;
  let day = zoned(from, timeZone).toPlainDate();
  let left = span;
  for (let count = 0; count < daysMax; count += 1, day = day.add({ days: 1 })) {
    if (!calendar.days.includes(day.dayOfWeek) || calendar.holidays.includes(day.toString())) continue;
    const opens = Math.max(from, instantOf(day, calendar.from, timeZone));
    const open = instantOf(day, calendar.to, timeZone) - opens;
    if (open <= 0) continue;
    if (left <= open) return opens + left;
    left -= open;
  }
  throw new Error(`calendar ${calendar.id} has too few hours: nothing ends within ten years`);
}

/** Whose turn it is. Before the first turn it is the first person's. */
export function onCall(rotation: Rotation, at: Instant): string | undefined {
  const local = zoned(at, rotation.timeZone);
  const minutes = local.hour * 60 + local.minute;
  const since = Temporal.PlainDate.from(rotation.since);
  // Before the hour of handing over, the day still belongs to the turn of the day before.
  const days = since.until(local.toPlainDate(), { largestUnit: 'days' }).days - (minutes < rotation.at ? 1 : 0);
  const turn = Math.max(0, Math.floor(days / rotation.days));
  return rotation.people[turn % rotation.people.length];
}

/** Is this still on or before `date`, on the calendar of that time zone? */
export function until(date: string, timeZone: string, at: Instant): boolean {
  return Temporal.PlainDate.compare(zoned(at, timeZone).toPlainDate(), Temporal.PlainDate.from(date)) <= 0;
}

/** A time of day that a clock change skips is taken as the first moment after it. */
function instantOf(day: Temporal.PlainDate, minutes: number, timeZone: string): Instant {
  if (minutes === minutesOfDay) return day.add({ days: 1 }).toZonedDateTime({ timeZone }).epochMilliseconds;
  const plainTime = new Temporal.PlainTime(Math.floor(minutes / 60), minutes % 60);
  return day.toZonedDateTime({ timeZone, plainTime }).epochMilliseconds;
}
