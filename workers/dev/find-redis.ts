/** Finds Redis: on PATH, or, as root on Debian, as the package. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Services } from './compose.js';
import { isAtLeast, onPath, saysOf, versionIn } from './find-program.js';
import type { Tell } from './find-temporal.js';
import { Trouble } from './trouble.js';

const run = promisify(execFile);

export async function findRedis(services: Services, tell: Tell): Promise<string> {
  const { version } = services.redis['x-local'];
  const wayOut = `install Redis ${version} or newer, or set REDIS_URL to a running one.`;
  const installed = (await onPath('redis-server')) ?? (await installPackage('redis-server', 'redis-server', tell));
  if (installed === undefined) throw new Trouble(`redis-server is missing: ${wayOut}`);
  const found = versionIn((await saysOf(installed, ['--version'])) ?? '');
  if (!isAtLeast(found, versionIn(version) ?? [0, 0, 0])) {
    throw new Trouble(`${installed} is too old (${found?.join('.') ?? 'no version'}): ${wayOut}`);
  }
  return installed;
}

/** As root on Debian, installs a package; answers with the program that it brought. */
export async function installPackage(name: string, program: string, tell: Tell): Promise<string | undefined> {
  const apt = await onPath('apt-get');
  if (process.getuid?.() !== 0 || apt === undefined) return undefined;
  tell(`Installing the package ${name}, since ${program} is not here.`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A package that starts its own service would take a port and outlive us.
  const install = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', name];
  const options = { env: { ...env, RUNLEVEL: '1' }, maxBuffer: 64 * 1024 * 1024 };
  try {
    await run(apt, install, options).catch(async () => {
      await run(apt, ['update'], options);
      await run(apt, install, options);
    });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Trouble(`The package ${name} could not be installed: ${said.split('\n').at(-1) ?? 'apt-get failed'}`, {
      cause: error,
    });
  }
  return onPath(program);
}
