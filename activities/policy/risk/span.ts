/** Says a length of time as people do. */
import type { Ms } from '../../../workflows/domain/time.js';

const units: [name: string, ms: Ms][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** `1 h 30 min`; the two largest units, the rest cut off. */
export function span(ms: Ms): string {
  const first = units.findIndex(([, unit]) => ms >= unit);
  if (first < 0) return `${ms} ms`;
  let left = ms;
  const parts: string[] = [];
  for (const [name, unit] of units.slice(first, first + 2)) {
    const count = Math.floor(left / unit);
    left -= count * unit;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}
