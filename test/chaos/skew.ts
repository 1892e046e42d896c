/** The clock of one process, as a fault sets it: wrong by so much everywhere in that process, and right in all others. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const skew = fileURLToPath(new URL('support/skew.cjs', import.meta.url));
const hour = 3_600_000;

const asks = `
  const { Worker, isMainThread, parentPort } = require('node:worker_threads');
  const told = {
    now: Date.now(),
    made: new Date().getTime(),
    said: Date.parse(Date()),
    given: new Date(5).getTime(),
    kept: new (new Date().constructor)().getTime(),
    isDate: new Date() instanceof Date,
  };
  if (!isMainThread) parentPort.postMessage(told);
  else new Worker(process.env.ASKS, { eval: true }).once('message', (thread) => console.log(JSON.stringify({ main: told, thread })));
`;

describe('a clock that is away', () => {
  for (const [how, awayMs] of [
    ['an hour ahead', hour],
    ['an hour behind', -hour],
  ] as const) {
    it(`is ${how} for its whole process, its threads included, and keeps what it is given`, async () => {
      const env = { PATH: process.env['PATH'], CHAOS_CLOCK_AWAY_MS: String(awayMs), ASKS: asks };
      const { stdout } = await run(process.execPath, ['--require', skew, '-e', asks], { env });
      const seen = JSON.parse(stdout) as Record<'main' | 'thread', Record<string, number>>;
      for (const [where, { now = 0, made = 0, said = 0, given, kept = 0, isDate }] of Object.entries(seen)) {
        for (const instant of [now, made, said, kept]) {
          assert.ok(Math.abs(instant - Date.now() - awayMs) < 60_000, `${where}: ${new Date(instant).toISOString()}`);
        }
        assert.equal(given, 5);
        assert.equal(isDate, true);
      }
    });
  }
});
