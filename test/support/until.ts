/** Waits for a condition instead of sleeping; fails with what it last saw. */
import { setTimeout as pause } from 'node:timers/promises';

const eagerMs = 25;
const leisurelyMs = 500;

export interface UntilOptions {
  withinMs?: number;
  /** Unless given, a tenth of the time that was waited so far: what comes soon is seen soon, and what comes late costs few questions. */
  everyMs?: number;
  /** Named in the failure. */
  what?: string;
}

/** Resolves with the first truthy answer of `ask`. An `ask` that throws is asked again; its last error is the cause of the failure. */
export async function until<T>(
  ask: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<NonNullable<T>, false>> {
  const { withinMs = 10_000, everyMs, what = 'the condition' } = options;
  const begun = Date.now();
  const deadline = begun + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer as Exclude<NonNullable<T>, false>;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`${what} did not come true within ${withinMs} ms; last seen: ${seen}`, { cause: last });
    }
    await pause(everyMs ?? Math.min(leisurelyMs, Math.max(eagerMs, (Date.now() - begun) / 10)));
  }
}
