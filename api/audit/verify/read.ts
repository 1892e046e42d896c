/** Reading what anybody may have written: an instant that can be shown, a text where one belongs, values that nothing is exhausted by. */
import { z } from 'zod';
import { isShallow } from '../../../workflows/domain/depth.js';

/** The last one that a Date can hold. */
export const instant = z.int().nonnegative().max(8_640_000_000_000_000);

/** Empty for what is no text: a value from elsewhere may have a `toString` that is no function. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What was taken from outside stands some levels deeper in a record. */
const levelsMax = 64;

export function isHashable(value: unknown): boolean {
  return isShallow(value, levelsMax);
}
