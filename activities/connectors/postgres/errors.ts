/** Says once, at the connector's edge, whether a failure will never work or may have worked. */
import pg from 'pg';
import { TargetError } from '../connector.js';

/**
 * SQLSTATEs, or their classes, after which trying again changes nothing. All others may pass, or leave open what happened:
 * lost connections, locks, a server that starts or stops, one that is read-only during a failover.
 */
const refused: Record<string, string> = {
  '28': 'PostgreSQL does not let the provisioner log in. Check its password in the zone file and the line in pg_hba.conf.',
  '3D000': 'The database is not there. provisioner.sql makes the database "daypass".',
  '42501': 'The provisioner may not do this at PostgreSQL. provisioner.sql and the README beside it say what it needs.',
  '42704': 'A role or object that the ceiling file names is not there at PostgreSQL.',
  '42': 'PostgreSQL does not accept this.',
  '22': 'PostgreSQL does not accept this value.',
  '0A': 'This PostgreSQL cannot do this.',
};

export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw targetError(error);
  }
}

export function targetError(error: unknown): TargetError {
  if (error instanceof TargetError) return error;
  const code = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
  const sentence = refused[code] ?? refused[code.slice(0, 2)];
  // The server's own words name objects and never values; our statements carry verifiers only, and pg keeps no statement in
  // its errors. Node's error for several addresses at once has a code and no message.
  const words =
    error instanceof Error ? plain(error.message || String('code' in error && error.code)) : 'no reason given';
  if (sentence !== undefined) {
    return new TargetError('refused', 'target-refused', `${sentence} (${code}: ${words})`, { cause: error });
  }
  const what = code === '' ? 'PostgreSQL did not answer' : 'PostgreSQL could not do this now';
  return new TargetError('unknown', 'target-unavailable', `${what} (${code && `${code}: `}${words}).`, {
    cause: error,
  });
}

/** One short line: object names in it may come from an account's user. */
function plain(text: string): string {
  return text.replaceAll(/\p{C}/gu, ' ').slice(0, 200);
}

export function hasState(error: unknown, ...states: string[]): boolean {
  return error instanceof pg.DatabaseError && error.code !== undefined && states.includes(error.code);
}
