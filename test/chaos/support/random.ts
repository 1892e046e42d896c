/** Random numbers from a seed: the same seed draws the same ones, on every machine. */

export interface Random {
  /** From 0, below 1. */
  next(): number;
  /** Whole, both ends included. */
  between(least: number, most: number): number;
  pick<T>(from: readonly T[]): T;
  /** All of them, in another order. */
  shuffled<T>(from: readonly T[]): T[];
}

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  // mulberry32: small, and good enough to choose what happens next.
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  function between(least: number, most: number): number {
    return least + Math.floor(next() * (most - least + 1));
  }
  function pick<T>(from: readonly T[]): T {
    const [picked] = from.slice(between(0, from.length - 1));
    if (picked === undefined) throw new Error('There is nothing to pick from.');
    return picked;
  }
  function shuffled<T>(from: readonly T[]): T[] {
    const keyed = from.map((each) => ({ each, key: next() }));
    return keyed.toSorted((one, other) => one.key - other.key).map(({ each }) => each);
  }
  return { next, between, pick, shuffled };
}
