/** A grant on the whole system, as the people who meet it see it: asked, usable with a real login, and over. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { ApiProblem, type Client, type Grant } from '../../api/client/client.js';
import { firstBroken, type AuditRecord, type GrantRecordType } from '../../workflows/domain/record.js';
import { isTerminal } from '../../workflows/domain/states.js';
import type { System } from './system.js';
import { until } from './until.js';

/** How long a state may take to come on a machine that does much else. */
const patienceMs = 90_000;

export const reading = (seconds: number) => ({
  entitlement: 'orders-db/read',
  justification: 'Look into a late order.',
  requestedDuration: `PT${seconds}S`,
});

export const writing = (seconds: number) => ({
  entitlement: 'orders-db/write',
  justification: 'Correct the address of one order, as the customer asked.',
  requestedDuration: `PT${seconds}S`,
  ticket: { system: 'OPS', number: 'OPS-1' },
});

/** Waits until the grant is in this state; fails at once when it is over in another. */
export async function reaches(client: Client, grantId: string, state: Grant['state']): Promise<Grant> {
  const there = await client.until(grantId, (it) => it.state === state || isTerminal(it.state), patienceMs);
  if (there.state !== state) throw new Error(`${grantId} is ${there.state}: ${there.ending?.reason ?? 'no reason'}`);
  return there;
}

/** Approves when it is this account's turn. */
export async function approves(system: System, account: string, grantId: string): Promise<void> {
  const client = system.as(account);
  await client.until(grantId, ({ may }) => may.includes('decide'), patienceMs);
  const decisionId = randomUUID();
  await sent(() => client.approve(grantId, { decisionId }));
}

/**
 * Waits until its subject may use it. On a starved machine the ceiling or the signals of risk may be silent; then people are
 * asked where nobody had to be, and the manager approves.
 */
export async function becomesActive(system: System, grantId: string, subject = 'engineer'): Promise<Grant> {
  const client = system.as(subject);
  const isChecked = ({ state }: Grant): boolean => state !== 'REQUESTED';
  const { state } = await client.until(grantId, isChecked, patienceMs);
  if (state === 'APPROVAL_AWAITED') await approves(system, 'manager', grantId);
  return reaches(client, grantId, 'ACTIVE');
}

/** Sends the same again for as long as the answer is 503: the call must have an id of its own. */
export async function sent<T extends object>(send: () => Promise<T>): Promise<T> {
  const settled = await until(
    async () => {
      try {
        return { answer: await send() };
      } catch (error) {
        return error instanceof ApiProblem && error.problem.status === 503 ? undefined : { error };
      }
    },
    { withinMs: patienceMs, everyMs: 200, what: 'an answer other than 503' },
  );
  if ('error' in settled) throw settled.error;
  return settled.answer;
}

export interface Cut {
  at: number;
  because: string;
}

/** A session at the database with what was handed over. */
export interface Session {
  count(): Promise<number>;
  query(sql: string): Promise<void>;
  /** Settles when somebody else ended it. */
  cut: Promise<Cut>;
  /** Undefined while it goes on. */
  wasCut(): Cut | undefined;
}

export interface Usable {
  grantId: string;
  grant: Grant;
  login: pg.ClientConfig;
  session: Session;
}

/** Collects the credential of an active grant, logs in with it, and stays. */
export async function opens(client: Client, grantId: string): Promise<Usable> {
  const grant = await reaches(client, grantId, 'ACTIVE');
  const { credential } = await client.collect(grantId);
  if (!credential) throw new Error('The API handed no credential over.');
  const { host, port, database, username: user, password } = credential;
  const login = { host, port, database, user, password };
  return { grantId, grant, login, session: await sessionOf(login) };
}

/** A grant that takes little, open and in use. */
export async function reader(system: System, seconds: number): Promise<Usable> {
  const engineer = system.as('engineer');
  const { grantId } = await engineer.ask(reading(seconds));
  await becomesActive(system, grantId);
  return opens(engineer, grantId);
}

async function sessionOf(login: pg.ClientConfig): Promise<Session> {
  const client = new pg.Client(login);
  let seen: Cut | undefined;
  const cut = new Promise<Cut>((resolve) => {
    // The first error says why; the end of the connection follows as another.
    const ended = (because: string): void => resolve((seen ??= { at: Date.now(), because }));
    client.on('error', ({ message }) => ended(message));
    client.on('end', () => ended('the connection ended'));
  });
  await client.connect();
  return {
    cut,
    wasCut: () => seen,
    count: async () => {
      const { rows } = await client.query<{ count: string }>('select count(*) from orders');
      return Number(rows[0]?.count);
    },
    query: async (sql) => void (await client.query(sql)),
  };
}

/** The database's own code for letting nobody in: 28P01. Throws while the login works. */
export async function refusalOf(login: pg.ClientConfig): Promise<string | undefined> {
  const client = new pg.Client(login);
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    if (error instanceof pg.DatabaseError) return error.code;
    throw error;
  }
  await client.end();
  throw new Error('The login still works.');
}

/** The record, which must be whole. */
export async function recordOf(client: Client, grantId: string): Promise<AuditRecord[]> {
  const { records } = await client.record(grantId);
  // `time` is for people; the hash is over the rest.
  const chain = records.map(({ time: _time, type, ...rest }) => ({ ...rest, type: type as GrantRecordType }));
  const broken = firstBroken(chain);
  if (broken) throw new Error(`The record is broken at ${broken.sequence}.`);
  return chain;
}

/** The newest entry of this type. It must be there. */
export function entry(record: readonly AuditRecord[], type: GrantRecordType): AuditRecord {
  const found = record.findLast((each) => each.type === type);
  if (!found) throw new Error(`The record holds no ${type}, only ${record.map((each) => each.type).join(', ')}.`);
  return found;
}

export function instant(text: string | undefined): number {
  if (text === undefined) throw new Error('The grant does not have this instant.');
  return Date.parse(text);
}
