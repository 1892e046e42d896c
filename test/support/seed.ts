/**
 * Which random run to make: `DAYPASS_TEST_SEED` and `DAYPASS_TEST_PATH`, as a failure prints them, make that one again;
 * `DAYPASS_TEST_RUNS` makes more or fewer than usual. `npm test` takes the seed from the files of the project, so that what is red
 * stays red until a file changes, and what is green stays green.
 */
import { randomInt } from 'node:crypto';
import fc from 'fast-check';

const { DAYPASS_TEST_SEED, DAYPASS_TEST_PATH, DAYPASS_TEST_RUNS } = process.env;

/** Everything random in this process comes from it. */
export const seed = Number(DAYPASS_TEST_SEED ?? randomInt(2 ** 31));
fc.configureGlobal({ seed });

/** For `fc.assert`. What is asked for wins over what is usual, and a run that is repeated is not cut short. */
export function seeded<Value>(usual: fc.Parameters<Value>): fc.Parameters<Value> {
  const runs = DAYPASS_TEST_RUNS === undefined ? {} : { numRuns: Number(DAYPASS_TEST_RUNS) };
  const again = DAYPASS_TEST_PATH === undefined ? {} : { path: DAYPASS_TEST_PATH, interruptAfterTimeLimit: undefined };
  return { ...usual, ...runs, ...again, reporter: (details) => report(details) };
}

/**
 * As `fc.assert`, of what works on something outside: fast-check leaves the run alone that its time limit cuts short, and this waits
 * for it. Nothing goes on into the next test, and a failure of the last run counts too.
 */
export async function holdsFor<Value>(
  values: fc.Arbitrary<Value>,
  check: (value: Value) => Promise<void>,
  usual: fc.Parameters<[Value]>,
): Promise<void> {
  let last: Promise<void> | undefined;
  const details = await fc.check(
    fc.asyncProperty(values, (value) => (last = check(value))),
    usual,
  );
  // Where the limit cuts the very first run short, fast-check calls that a failure; that run alone says whether it is one.
  const isCutShort = details.interrupted && details.counterexample === null;
  if (details.failed && !isCutShort) {
    await Promise.allSettled([last]);
    report(details);
  }
  await last;
}

function report<Value>(details: fc.RunDetails<Value>): void {
  if (!details.failed) return;
  const again = `DAYPASS_TEST_SEED=${details.seed} DAYPASS_TEST_PATH=${details.counterexamplePath ?? ''}`;
  throw new Error(`${fc.defaultReportMessage(details) ?? 'A property failed.'}\nAgain with: ${again}`, {
    cause: details.errorInstance,
  });
}
