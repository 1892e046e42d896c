/** Sees to it that no user of any account makes a removal wait, by ending the session that does. */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { isAccount } from './home.js';
import { homeDatabase, type Server } from './server.js';

/** A removal without trouble is done before. */
const patienceMs = 150;
const everyMs = 100;

/**
 * A right given to the account in an open transaction, say, locks its role for as long as the giver likes. Whose session is
 * not an account's is left alone: administrators and applications have a reason, and the removal tries again.
 */
const endBlockers = `
  SELECT pg_terminate_backend(blocker.pid)
  FROM pg_stat_activity waiting
    CROSS JOIN LATERAL unnest(CASE waiting.wait_event_type WHEN 'Lock' THEN pg_blocking_pids(waiting.pid) END) AS by (pid)
    JOIN pg_stat_activity blocker ON blocker.pid = by.pid
    JOIN pg_roles r ON r.oid = blocker.usesysid
  WHERE waiting.usename = current_user AND waiting.application_name = 'daypass' AND ${isAccount('r')}`;

export async function withoutBlockers<T>(server: Server, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  // One signal may stand over many removals.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', stop);
  // Not waited for: it can only help, and its failure is none of the removal.
  watch(server, over.signal).catch(() => undefined);
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** By a connection of its own: removals may be using all others, and one of them waits. */
async function watch(server: Server, over: AbortSignal): Promise<void> {
  await pause(patienceMs, undefined, { signal: over });
  await server.elsewhere(homeDatabase, over, async (session) => {
    for (;;) {
      await session.query(endBlockers);
      await pause(everyMs, undefined, { signal: over });
    }
  });
}
