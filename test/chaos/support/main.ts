/** `npm run test:chaos -- [--seed N] [--grants N] [--faults N] [--only TEXT] [--plan] [--report FILE]`: breaks a whole system on purpose, and fails when a promise broke. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { stopServices } from '../../support/services.js';
import '../../support/teardown.js';
import { chaos, plan } from './chaos.js';
import { reportOf } from './report.js';
import { scheduleText } from './schedule.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    grants: { type: 'string', default: '200' },
    faults: { type: 'string', default: '40' },
    /** Of the faults, those whose name has it. */
    only: { type: 'string', default: '' },
    /** Prints the schedule and ends. */
    plan: { type: 'boolean', default: false },
    report: { type: 'string' },
  },
});

const whole = (text: string): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${text} is no whole number.`);
  return number;
};
const tell = (line: string): void => void process.stdout.write(`${line}\n`);

const seed = whole(values.seed ?? String(Date.now() % 1_000_000));
const schedule = plan(seed, whole(values.grants), whole(values.faults), values.only);
try {
  if (values.plan) {
    tell(scheduleText(schedule));
  } else {
    const outcome = await chaos(schedule, tell);
    const report = reportOf(outcome);
    tell(`\n${report}`);
    if (values.report !== undefined) await writeFile(values.report, `${report}\n`);
    process.exitCode = outcome.broken.length === 0 ? 0 : 1;
  }
} finally {
  await stopServices();
}
