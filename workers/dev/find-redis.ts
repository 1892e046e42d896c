/** Finds Redis: on PATH, or, as root on Debian, as the package. */
import { installPackage } from './apt.js';
import type { Services } from './compose.js';
import { isAtLeast, onPath, saysOf, versionIn } from './find-program.js';
import type { Tell } from './find-temporal.js';
import { Trouble } from './trouble.js';

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
