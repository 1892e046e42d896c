/** Installs what package-lock.json says when node_modules is missing or stale; plain Node, since nothing else is there yet. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const lock = join(root, '.daypass', 'install.lock');
/** npm needs minutes at most; a lock older than that was left by a run that was cut off. */
const abandonedMs = 10 * 60_000;

/** Ends the process with one sentence when it cannot. */
export async function install() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Daypass needs Node 20.19 or newer, and this is ${process.versions.node}: install a newer one.`);
  }
  if (isInstalled()) return;
  await alone(() => {
    if (isInstalled()) return;
    console.error(
      'Installing packages from the lockfile (npm ci): node_modules is missing or older than package-lock.json.',
    );
    const { npm_execpath: npm } = process.env;
    const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
    const [command, all] = npm && /\.c?js$/.test(npm) ? [process.execPath, [npm, ...args]] : ['npm', args];
    const { status, error } = spawnSync(command, all, { cwd: root, stdio: ['ignore', 2, 2] });
    if (error) fail(`npm could not be started (${error.message}): install npm, or run \`npm ci\` yourself.`);
    if (status !== 0) fail('npm ci failed, see above: mend that, and run this again.');
  });
}

/** npm writes down what it installed; a package that is not for this machine may be missing. */
function isInstalled() {
  const done = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(done)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const found = JSON.parse(readFileSync(done, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || (found[path] ? found[path].version === entry.version : entry.optional === true),
  );
}

/** Two first runs at once would empty node_modules under each other. */
async function alone(work) {
  mkdirSync(dirname(lock), { recursive: true, mode: 0o711 });
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > abandonedMs) rmdirSync(lock);
      else await pause(500);
    }
  }
  // Also when the work ends the process.
  const release = () => rmdirSync(lock);
  process.once('exit', release);
  work();
  process.off('exit', release);
  release();
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
