/** What a removal says about what it found: objects by kind and number, since their names may be the user's own words. */

export type Remark = (text: string) => Promise<void>;

/** A record has room for a few, and for how many there were. */
export function some(things: string[], all = things.length): string {
  const few = things.slice(0, 20);
  return all > few.length ? `${few.join(', ')} and ${all - few.length} more` : few.join(', ');
}
