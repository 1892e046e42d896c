/** Advisory locks in the provisioner's own database, where no account can take one. */
import type { Session } from './server.js';

/** What is made for all accounts is made by one process at a time. */
export const lockOfPreparing = 'prepare';

/** Until the end of the transaction; creation, a moved end and removal of one account exclude each other. */
export async function lock(session: Session, name: string): Promise<void> {
  await session.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [name]);
}

/** Until `unlock` or the end of the connection, for work of several commits. The same lock as `lock`. */
export async function lockAcross(session: Session, name: string): Promise<void> {
  await session.query(`SELECT pg_advisory_lock(hashtextextended($1, 0))`, [name]);
}

export async function unlock(session: Session, name: string): Promise<void> {
  await session.query(`SELECT pg_advisory_unlock(hashtextextended($1, 0))`, [name]);
}
