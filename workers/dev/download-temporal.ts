/** Fetches the official Temporal CLI for this machine. */
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Services } from './compose.js';
import { isAtLeast, saysOf, versionIn } from './find-program.js';

const run = promisify(execFile);

const platforms: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin' };
const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Leaves the program in the folder `draft`, or answers with what is in the way. */
export async function downloadTemporal(
  { version, server = version }: Services['temporal']['x-local'],
  draft: string,
  tell: (line: string) => void,
): Promise<string | undefined> {
  const platform = platforms[process.platform];
  const architecture = architectures[process.arch];
  if (platform === undefined || architecture === undefined) return `none for ${process.platform} ${process.arch}`;
  tell(`Fetching the official Temporal CLI ${version}: once per user, about 60 MB.`);
  const archive = join(draft, 'temporal.tar.gz');
  try {
    await mkdir(draft, { recursive: true });
    await fetchTo(
      `https://temporal.download/cli/archive/v${version}?platform=${platform}&arch=${architecture}`,
      archive,
    );
    await run('tar', ['-xzf', archive, '-C', draft, 'temporal']);
    await rm(archive);
    const says = (await saysOf(join(draft, 'temporal'), ['--version'])) ?? '';
    // Without a published checksum to compare with, TLS vouches for the source; this catches a wrong or broken file.
    return isAtLeast(versionIn(says, 'Server '), versionIn(server) ?? [0, 0, 0]) ? undefined : 'it is another version';
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    return reasonOf(error);
  }
}

async function fetchTo(address: string, path: string): Promise<void> {
  // The first answer comes soon or not at all; the body may take its time.
  const impatience = new AbortController();
  const timer = setTimeout(() => impatience.abort(new Error('no answer within 15 s')), 15_000);
  const response = await fetch(address, { signal: impatience.signal }).finally(() => clearTimeout(timer));
  if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`);
  await pipeline(Readable.from(response.body), createWriteStream(path), { signal: AbortSignal.timeout(600_000) });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
