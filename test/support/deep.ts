/** A value of so many levels that hashing it, or walking through it, exhausts a workflow. */
export function deep(levels: number): unknown {
  let value: unknown = [];
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}
