/** `npm run keys -- <command>`: makes, pins, retires and unpins keys, on files alone. Each command says what follows and what is next. */
import { run } from './keys/run.js';

try {
  process.stdout.write(`${await run(process.argv.slice(2), process.env)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
