/**
 * Every format that comes from outside, changed at random for `FUZZ_SECONDS` (60): a result or a promised refusal each time, within its
 * time, and nothing that was changed after it was signed is believed. All run side by side, each in a process of its own.
 */
import { seed } from '../../support/seed.js';
import { runFormat } from './support/run.js';
import { formats } from './support/table.js';

const seconds = Number(process.env['FUZZ_SECONDS'] ?? 60);

describe(`what comes from outside, ${seconds} s a format (DAYPASS_TEST_SEED=${seed})`, function () {
  // `npm test` lets them have what its other tests leave of the processors.
  this.timeout(seconds * 1_000 + 300_000);

  const running = new Map<string, Promise<unknown>>();
  before(() => {
    for (const name of Object.keys(formats)) {
      const run = runFormat(name, seed, seconds);
      // Its own test says what came of it.
      run.catch(() => undefined);
      running.set(name, run);
    }
  });

  for (const name of Object.keys(formats)) {
    it(`${name}: is read, or refused as promised, whatever it is`, async () => {
      await running.get(name);
    });
  }
});
