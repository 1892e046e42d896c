/** Runs a command of this folder from a bare clone: installs what is missing first. `node workers/dev/run.mjs <command>` */
import { install } from './install.mjs';

const [command = 'main'] = process.argv.splice(2, 1);
await install();
const { register } = await import('tsx/esm/api');
register();
await import(`./${command}.ts`);
