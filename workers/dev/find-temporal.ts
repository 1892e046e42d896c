/** Finds the Temporal CLI: on PATH when its server is new enough, cached, downloaded, or built with Go. */
import { join } from 'node:path';
import { cacheDir, cached } from './cache.js';
import type { Services } from './compose.js';
import { downloadTemporal } from './download-temporal.js';
import { buildTemporal } from './build-temporal.js';
import { isAtLeast, onPath, saysOf, versionIn } from './find-program.js';
import { Trouble } from './trouble.js';

/** Says what is going on during a long step. */
export type Tell = (line: string) => void;

export async function findTemporal(services: Services, tell: Tell, signal?: AbortSignal): Promise<string> {
  const { version, server = version } = services.temporal['x-local'];
  const installed = await onPath('temporal');
  if (installed !== undefined) {
    const says = (await saysOf(installed, ['--version'])) ?? '';
    const least = versionIn(server) ?? [0, 0, 0];
    if (isAtLeast(versionIn(says, 'Server '), least)) return installed;
    tell(`${installed} is too old: Daypass needs a Temporal server of ${server} or newer.`);
  }
  const folder = await cached(
    join(cacheDir(), `temporal-${version}`),
    async (draft) => {
      const refusal = await downloadTemporal(services.temporal['x-local'], draft, tell);
      if (refusal === undefined) return;
      tell(`The official Temporal download is not to be had here (${refusal}); building it with Go instead.`);
      signal?.throwIfAborted();
      const problem = await buildTemporal(version, draft, tell, signal);
      if (problem !== undefined) {
        throw new Trouble(
          `Temporal is missing: the download failed (${refusal}) and so did the build (${problem}). ` +
            `Install the Temporal CLI ${version} or newer on PATH, or set TEMPORAL_ADDRESS to a running server.`,
        );
      }
    },
    () => tell('Another run is getting Temporal; waiting for it.'),
  );
  return join(folder, 'temporal');
}
