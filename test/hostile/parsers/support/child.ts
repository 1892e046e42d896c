/**
 * One format in a process of its own: `node --import tsx child.ts <format> <seed> <seconds> <file>`. Writes each
 * input to the file before it is read, prints what came of it as one line of JSON, and exits with 1 where a promise is broken.
 */
import { ftruncateSync, openSync, writeSync } from 'node:fs';
import { BrokenPromise, fuzz, unread, type Broken } from './fuzz.js';
import { formats } from './table.js';

const [name = '', seed = '0', seconds = '1', file = ''] = process.argv.slice(2);
const make = formats[name];
if (!make) throw new Error(`There is no format ${name}; there are ${Object.keys(formats).join(', ')}.`);
const last = openSync(file, 'w');

function keep(what: Broken): void {
  const text = JSON.stringify(what);
  ftruncateSync(last);
  writeSync(last, text, 0);
}

const format = await make();
try {
  const { readers } = format;
  const reading = (reader: string, input: unknown): void => keep({ reader, input, because: unread });
  const told = await fuzz({ readers, seed: Number(seed), seconds: Number(seconds), reading });
  process.stdout.write(`${JSON.stringify(told)}\n`);
} catch (error) {
  if (!(error instanceof BrokenPromise)) throw error;
  keep(error.broken);
  process.exitCode = 1;
} finally {
  await format.close?.();
}
