/** How deep something from outside goes. Hashing and writing down go into it level by level, and thousands overflow the stack. */

/** What Daypass writes has some eight levels. */
const levelsMax = 32;

export function isShallow(value: unknown, levels = levelsMax): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}
