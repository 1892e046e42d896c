/**
 * Every format that comes from outside, changed at random for `FUZZ_SECONDS` (60): a result or a promised refusal each time, within its
 * time, and nothing that was changed after it was signed is believed. Three at a time, each in a process of its own.
 */
import assert from 'node:assert/strict';
import { seed } from '../../support/seed.js';
import type { Told } from './support/fuzz.js';
import { runFormat } from './support/run.js';
import { formats } from './support/table.js';

const seconds = Number(process.env['FUZZ_SECONDS'] ?? 60);

describe(`what comes from outside, ${seconds} s a format (DAYPASS_TEST_SEED=${seed})`, function () {
  // `npm test` lets them have what its other tests leave of the processors, which may be little.
  this.timeout(seconds * 1_000 + 1_800_000);

  const names = Object.keys(formats);
  const atOnce = 3;
  const runs: Promise<Told>[] = [];
  before(() => {
    for (const [index, name] of names.entries()) {
      const before: Promise<unknown> = runs[index - atOnce] ?? Promise.resolve();
      const run = before.catch(() => undefined).then(() => runFormat(name, seed, seconds));
      // Its own test says what came of it.
      run.catch(() => undefined);
      runs.push(run);
    }
  });

  for (const [index, name] of names.entries()) {
    it(`${name}: is read, or refused as promised, whatever it is`, async () => {
      const told = await runs[index];
      assert.ok(told && told.readings > seconds, `only ${told?.readings} readings`);
    });
  }
});
