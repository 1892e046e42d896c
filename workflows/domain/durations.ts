/** Lengths of time in words, for summaries and sentences. Never parsed again. */
import type { Ms } from './time.js';

const units: [name: string, ms: number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** `1 hour 30 minutes`; the two largest units that are not zero; `less than a second` for the rest. */
export function inWords(ms: Ms): string {
  let rest = Math.max(0, ms);
  const parts: string[] = [];
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return parts.length > 0 ? parts.join(' ') : 'less than a second';
}
