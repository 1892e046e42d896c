/** The trust zone of the development connector: the ceilings beside the policy, or the example's, unless the environment names a zone. */
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { root, type StackSettings } from './settings.js';

/** The connector's ceiling, in a folder that nobody else may write, whatever the modes in the checkout are. */
export async function zoneFolder({ env, stateDir, policyDir }: StackSettings): Promise<string> {
  if ((env['DAYPASS_ZONE_DIR'] ?? '') !== '') return env['DAYPASS_ZONE_DIR'] ?? '';
  const own = join(policyDir, 'ceilings');
  const from = existsSync(own) ? own : join(root, 'policy', 'ceilings');
  const to = join(stateDir, 'zone');
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { mode: 0o700 });
  for (const file of await readdir(from)) {
    await copyFile(join(from, file), join(to, file));
    await chmod(join(to, file), 0o600);
  }
  return to;
}
