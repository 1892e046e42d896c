/** How long people and services wait for a grant, seen from outside: through the API and at the database. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Client, Grant } from '../../api/client/client.js';
import { isTerminal } from '../../workflows/domain/states.js';

export interface GrantSpans {
  requestToDecision: number[];
  approvalToUsable: number[];
  revokeToRefused: number[];
  expiryLateness: number[];
  /** Of one grant with one approval. */
  sample?: string;
}

interface People {
  engineer: Client;
  manager: Client;
  security: Client;
}

const justification = 'Measure how long everything takes.';

/** `count` grants that pass by themselves and are revoked, and `count` that one person approves and time ends. */
export async function measureGrants(people: People, count: number): Promise<GrantSpans> {
  const spans: GrantSpans = { requestToDecision: [], approvalToUsable: [], revokeToRefused: [], expiryLateness: [] };
  const ending: Promise<void>[] = [];
  const warmUp = 3;
  for (let run = -warmUp; run < count; run += 1) {
    const [automatic, approved] = [await passAndRevoke(people), await approveAndUse(people)];
    if (run < 0) continue;
    spans.requestToDecision.push(automatic.requestToDecision);
    spans.revokeToRefused.push(automatic.revokeToRefused);
    spans.approvalToUsable.push(approved.approvalToUsable);
    spans.sample = approved.grantId;
    ending.push(
      people.engineer.until(approved.grantId, isOver).then((over) => void spans.expiryLateness.push(lateness(over))),
    );
  }
  await Promise.all(ending);
  return spans;
}

async function passAndRevoke({ engineer, security }: People) {
  const askedAt = performance.now();
  const { grantId } = await engineer.ask({ entitlement: 'orders-db/read', justification, requestedDuration: 'PT10M' });
  const decided = await engineer.until(grantId, ({ state }) => state !== 'REQUESTED');
  const requestToDecision = performance.now() - askedAt;
  if (!decided.automatic) throw new Error(`it was not automatic: ${JSON.stringify(decided.risk)}`);
  await engineer.until(grantId, ({ state }) => state === 'ACTIVE');
  const login = await loginOf(engineer, grantId);
  const session = await connected(login);
  const revokedAt = performance.now();
  await security.revoke(grantId, { reason: 'Measured.' });
  while ((await tried(login)) === 'in');
  const revokeToRefused = performance.now() - revokedAt;
  await session.end().catch(() => undefined);
  return { requestToDecision, revokeToRefused };
}

async function approveAndUse({ engineer, manager }: People) {
  const { grantId } = await engineer.ask({ entitlement: 'orders-db/write', justification, requestedDuration: 'PT10S' });
  await manager.until(grantId, ({ state }) => state === 'APPROVAL_AWAITED');
  const approvedAt = performance.now();
  await manager.approve(grantId);
  await engineer.until(grantId, ({ state }) => state === 'ACTIVE');
  const session = await connected(await loginOf(engineer, grantId));
  const approvalToUsable = performance.now() - approvedAt;
  await session.end();
  return { grantId, approvalToUsable };
}

/** From the end that was promised to the instant that the database confirmed the removal. */
function lateness(over: Grant): number {
  return Date.parse(over.removalVerifiedTime ?? '') - Date.parse(over.expireTime ?? '');
}

const isOver = ({ state }: Grant): boolean => isTerminal(state);

async function loginOf(engineer: Client, grantId: string): Promise<pg.ClientConfig> {
  const { credential } = await engineer.collect(grantId);
  if (!credential) throw new Error('no credential was handed over');
  const { host, port, database, username: user, password } = credential;
  return { host, port, database, user, password };
}

async function connected(login: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(login);
  // Cut by the database when the grant ends; that is what is measured.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function tried(login: pg.ClientConfig): Promise<'in' | 'refused'> {
  try {
    const client = await connected(login);
    await client.end();
    await pause(1);
    return 'in';
  } catch {
    // The database refuses: the end of the span.
    return 'refused';
  }
}
