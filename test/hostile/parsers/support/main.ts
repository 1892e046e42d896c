/** `npm run test:fuzz -- [--seconds 600] [--format jwt] [--seed 1]`: formats that come from outside, fuzzed for as long as you like. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { runFormat } from './run.js';
import { formats } from './table.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    format: { type: 'string', multiple: true },
    seed: { type: 'string' },
  },
});
const names = values.format ?? Object.keys(formats);
const seed = Number(values.seed ?? randomInt(1_000_000_000));
process.stdout.write(`Fuzzing ${names.join(', ')} for ${values.seconds} s side by side, seed ${seed}.\n`);
const results = await Promise.allSettled(names.map((name) => runFormat(name, seed, Number(values.seconds))));
for (const [index, result] of results.entries()) {
  if (result.status === 'rejected') {
    process.stdout.write(`${result.reason instanceof Error ? result.reason.message : String(result.reason)}\n`);
    process.exitCode = 1;
    continue;
  }
  const { readings, answers, slowestCpuMs } = result.value;
  process.stdout.write(
    `${names[index]}: ${readings} readings, ${answers} kinds of answers, slowest ${slowestCpuMs} ms\n`,
  );
}
