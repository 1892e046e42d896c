/** Logins at the target as a user makes them, and when they stop: the one instrument for grants and for the target by itself. */
import pg from 'pg';
import type { Client } from '../../api/client/client.js';
import { clock } from './clock.js';

export type Login = Pick<pg.ClientConfig, 'host' | 'port' | 'database' | 'user' | 'password'>;

export function loginOf(credential: Awaited<ReturnType<Client['collect']>>['credential']): Login {
  if (!credential) throw new Error('No credential was handed over.');
  const { host, port, database, username: user, password } = credential;
  return { host, port, database, user, password };
}

export async function session(login: Login): Promise<pg.Client> {
  const client = new pg.Client(login);
  // Cut by the target when access ends; that is what is measured.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Milliseconds from the call of `end` to the first login that is refused, and to the end of a session that was open. */
export async function endedBy(login: Login, end: () => Promise<unknown>): Promise<{ refused: number; cut: number }> {
  const open = await session(login);
  const cutAt = new Promise<number>((resolve) => open.once('end', () => resolve(clock())));
  const beganAt = clock();
  const [refusedAt] = await Promise.all([refusal(login), end()]);
  return { refused: refusedAt - beganAt, cut: (await cutAt) - beganAt };
}

/** Tries without a pause. Each try that is let in takes the target's time, and so makes the figure no better than it is. */
async function refusal(login: Login): Promise<number> {
  for (;;) {
    try {
      await (await session(login)).end();
    } catch (error) {
      // It is let in, cut, or refused; only being refused counts.
      if (error instanceof pg.DatabaseError && refusedCodes.has(error.code ?? '')) return clock();
    }
  }
}

/** Wrong password or no such role; a role that may not log in. */
const refusedCodes = new Set(['28P01', '28000']);
