/** As root on Debian, installs a package, without the service that it may bring: that would take a port and outlive us. */
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { onPath } from './find-program.js';
import { Trouble } from './trouble.js';

const run = promisify(execFile);

/** Debian asks this file before it starts a service. */
const policy = '/usr/sbin/policy-rc.d';

/** Answers with the program that the package brought; with nothing where packages are not ours to install. */
export async function installPackage(
  name: string,
  program: string,
  tell: (line: string) => void,
): Promise<string | undefined> {
  const apt = await onPath('apt-get');
  if (process.getuid?.() !== 0 || apt === undefined) return undefined;
  tell(`Installing the Debian package ${name}, since ${program} is not here.`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 64 * 1024 * 1024 };
  const lock = ['-o', 'DPkg::Lock::Timeout=300'];
  const install = [...lock, 'install', '-y', '--no-install-recommends', name];
  const written = await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' }).then(
    () => true,
    // There is one already, or there is no such place: then it is as the machine's owner wants it.
    () => false,
  );
  try {
    // A new machine has no package lists.
    await run(apt, install, options).catch(async () => {
      await run(apt, [...lock, 'update'], options);
      await run(apt, install, options);
    });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Trouble(`The package ${name} could not be installed: ${said.split('\n').at(-1) ?? 'apt-get failed'}`, {
      cause: error,
    });
  } finally {
    if (written) await rm(policy, { force: true });
  }
  return onPath(program);
}
