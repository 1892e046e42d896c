/** Small pieces of mail text: times in the reader's zone, lengths of time, and foreign text made harmless. */
import type { Instant, Ms } from '../../workflows/domain/time.js';

/** `Sun, 22 Nov 2026, 15:30 CET`. An unknown zone reads as UTC, so that a mail is never lost for it. */
export function timeIn(timeZone: string | undefined, at: Instant): string {
  const zone = timeZone ?? 'UTC';
  const known = formatters.get(zone) ?? formatter(zone);
  formatters.set(zone, known);
  return known.format(at);
}

/** By zone, as the directory writes it. Making one takes forty times as long as writing a time. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      timeZoneName: 'short',
      timeZone,
    });
  } catch {
    // RangeError: not a zone that this system knows.
    return formatter('UTC');
  }
}

const units: readonly [Ms, string][] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
];

/** `1 hour 30 minutes`; the two largest units that are not zero. */
export function lengthOf(ms: Ms): string {
  let rest = Math.max(0, ms);
  const parts: string[] = [];
  for (const [size, name] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return parts.slice(0, 2).join(' ') || '0 seconds';
}

/** Control characters, line separators, and those that turn the direction of text or cannot be seen. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

/** For subjects, names and single values: whatever was typed, it stays on one line and reads as it stands. */
export function oneLine(text: string, most = 120): string {
  const line = text.replace(unseen, ' ').replace(/\s+/g, ' ').trim();
  return cut(line, most);
}

/** For a person's own words in a mail: lines stay lines, nothing unseen stays. */
export function quoted(text: string, most = 1000): string {
  const lines = text.split(/\r\n|[\n\r\u0085\u2028\u2029]/u).map((line) => line.replace(unseen, ' ').trimEnd());
  return cut(lines.join('\n').trim(), most);
}

function cut(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length > most ? `${characters.slice(0, most).join('').trimEnd()} …` : text;
}

const entities: { [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
