/** How much is tried, and with which luck: from the environment, so that any run can be repeated and made longer. */
import type { Parameters as Options } from 'fast-check';

/** `DAYPASS_HOSTILE_SECONDS` goes on for so long with each subject; otherwise a number of runs, bounded in time. */
const seconds = Number(process.env['DAYPASS_HOSTILE_SECONDS'] ?? 0);

export function effort<T>(runs: number, usualSeconds: number): Options<T> {
  return {
    numRuns: seconds ? Number.MAX_SAFE_INTEGER : runs,
    interruptAfterTimeLimit: 1_000 * (seconds || usualSeconds),
    markInterruptAsFailure: false,
  };
}
