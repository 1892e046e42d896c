/**
 * When to look for what became of something. Each look takes from the machine what the thing itself needs, so the first comes
 * when four in five of those before would have been through: later after each that came too early, a little sooner after each
 * that did not.
 */
import type { Ms } from '../workflows/domain/time.js';

export interface FirstLook {
  /** How long to wait before it. */
  afterMs(): Ms;
  /** Tells whether one that came after so long found what it looked for. Many that came together count as one. */
  found(isThere: boolean, waitedMs: Ms): void;
}

/** What nobody notices; where more is needed, looking again is cheap beside it. */
const leastMs: Ms = 5;
const mostMs: Ms = 100;
const later = 1.25;
/** Four of these undo one of the others. */
const sooner = later ** -0.25;

export function createFirstLook(firstMs: Ms): FirstLook {
  let ms = firstMs;
  return {
    afterMs: () => ms,
    found: (isThere, waitedMs) => {
      ms = Math.min(mostMs, Math.max(leastMs, waitedMs * (isThere ? sooner : later)));
    },
  };
}
