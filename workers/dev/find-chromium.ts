/** Finds a Chromium for the browser tests: named, on PATH, or, as root on Debian, as the package. */
import { installPackage } from './apt.js';
import { isProgram, onPath } from './find-program.js';
import { Trouble } from './trouble.js';

/** The same pages without the windows around them: less than half of the work for each. */
const headlessShell = 'chromium-headless-shell';

export async function findChromium(
  tell: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const named = env['CHROMIUM_PATH'] ?? '';
  if (named !== '') {
    if (await isProgram(named)) return named;
    throw new Trouble(`CHROMIUM_PATH is ${named}, which is no program: correct it, or unset it.`);
  }
  for (const name of [headlessShell, 'chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']) {
    const found = await onPath(name);
    if (found !== undefined) return found;
  }
  for (const name of [headlessShell, 'chromium']) {
    const installed = await installPackage(name, name, tell);
    if (installed !== undefined) return installed;
  }
  throw new Trouble('There is no Chromium for the browser tests: install one, or set CHROMIUM_PATH to its path.');
}
