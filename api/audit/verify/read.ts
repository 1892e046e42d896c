/** Reading what anybody may have written: an instant that can be shown, a text where one belongs, values that nothing is exhausted by. */
import { z } from 'zod';

/** The last one that a Date can hold. */
export const instant = z.int().nonnegative().max(8_640_000_000_000_000);

/** Empty for what is no text: a value from elsewhere may have a `toString` that is no function. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What Daypass writes has some eight levels. Deeper ones exhaust whoever hashes them. */
const levelsMax = 64;

export function isShallow(value: unknown, levels = levelsMax): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}
