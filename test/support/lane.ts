/** A lane of `npm test`: runs the test files that it is handed, one at a time, on services that it starts once for all of them. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { relative } from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';
import { z } from 'zod';
import { root } from '../../workers/dev/settings.js';
import type * as Teardown from './teardown.js';

interface Outcome {
  passed: number;
  failures: { title: string; message: string }[];
  /** What mocha reports on the screen: shown in one piece, since others run beside it. */
  report: string;
}

/** Loaded as mocha loads the files, or it would stop the services of another copy of the same module. */
const { mochaGlobalTeardown } = createRequire(import.meta.url)('./teardown.ts') as typeof Teardown;
const settings = z.object({ timeout: z.int(), 'forbid-only': z.boolean(), 'forbid-pending': z.boolean() });
let isBusy = false;

process.on('message', (file: string) => {
  isBusy = true;
  void run(file)
    .catch((error: unknown): Outcome => {
      const { stack = '', message } = error instanceof Error ? error : new Error(String(error));
      return { passed: 0, failures: [{ title: 'cannot be loaded', message }], report: stack };
    })
    .then((outcome) => {
      isBusy = false;
      if (process.connected) process.send?.(outcome);
    });
});

// No more files. A lane whose tests left something running does not end, and that counts as a failure.
process.once('disconnect', () => {
  void mochaGlobalTeardown().then(() => isBusy && process.exit(1));
});

async function run(file: string): Promise<Outcome> {
  const { timeout, ...of } = settings.parse(JSON.parse(await readFile('.mocharc.json', 'utf8')));
  const mocha = new Mocha({ timeout, forbidOnly: of['forbid-only'], forbidPending: of['forbid-pending'] });
  mocha.addFile(file);
  await mocha.loadFilesAsync();
  const lines = [relative(root, file)];
  Mocha.reporters.Base.consoleLog = (...words) => void lines.push(format(...words));
  const failures: Outcome['failures'] = [];
  return new Promise((resolve) => {
    const runner = mocha.run(() => {
      resolve({ passed: runner.stats?.passes ?? 0, failures, report: lines.join('\n') });
    });
    runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, (test, error: Error | undefined) => {
      failures.push({ title: test.fullTitle(), message: String(error?.message ?? error) });
    });
  });
}
