/** What people wait for at one grant, seen from outside: at the API, and at the database with a real login. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Grant } from '../../api/client/client.js';
import { isTerminal } from '../../workflows/domain/states.js';
import type { Bench } from './bench.js';
import { clock } from './clock.js';
import { endedBy, loginOf, session } from './logins.js';

const readsMs = 150;
export const justification = 'Measure how long everything takes.';

export interface GrantSpans {
  /** Of the grant that passed by itself: the request is sent, to its history holding what the decision set going. */
  automatic: { grantId: string; askedAt: number };
  /** The approval is sent, to the subject's first login; the subject waits for the credential with one call. */
  usable: number;
  /** The revoke is sent, to the first login that is refused, tried without a pause. */
  refused: number;
  /** The revoke is sent, to the end of a session that was open. */
  cut: number;
  /** The end that was promised, to the instant at which the connector had read the removal back. Comes when it is over. */
  expiry: Promise<number>;
  approved: Approved;
}

/** When what was seen from outside happened, to be laid beside the grant's history. */
export interface Approved {
  grantId: string;
  approvedAt: number;
  collectedAt: number;
  loggedInAt: number;
}

/** One that passes by itself and is revoked, and one that the manager approves and time ends. */
export async function measureGrant(bench: Bench, engineer: string): Promise<GrantSpans> {
  const { system, manager, security } = bench;
  // So that no span has a sign-in in it.
  for (const account of [engineer, manager, security]) await system.token(account);
  return { ...(await passAndRevoke(bench, engineer)), ...(await approveAndUse(bench, engineer)) };
}

async function passAndRevoke({ system, security }: Bench, engineer: string) {
  const client = system.as(engineer);
  const askedAt = clock();
  const { grantId } = await client.ask({ entitlement: 'orders-db/read', justification, requestedDuration: 'PT10M' });
  const { credential } = await client.collect(grantId, randomUUID(), 'PT30S');
  const { automatic, risk } = await client.see(grantId);
  if (!automatic) throw new Error(`It was not automatic: ${JSON.stringify(risk)}`);
  const { refused, cut } = await endedBy(loginOf(credential), () =>
    system.as(security).revoke(grantId, { decisionId: randomUUID(), reason: 'Measured.' }),
  );
  await client.until(grantId, isOver);
  return { automatic: { grantId, askedAt }, refused, cut };
}

async function approveAndUse({ system, manager }: Bench, engineer: string) {
  const client = system.as(engineer);
  const { grantId } = await client.ask({ entitlement: 'orders-db/write', justification, requestedDuration: 'PT10S' });
  await system.as(manager).until(grantId, ({ may }) => may.includes('decide'));
  const collecting = client.collect(grantId, randomUUID(), 'PT30S');
  // The approver reads before deciding: what opening the step still had others do is over by then.
  await pause(readsMs);
  const approvedAt = clock();
  const approving = system.as(manager).approve(grantId, { decisionId: randomUUID() });
  const { credential } = await collecting;
  const collectedAt = clock();
  const open = await session(loginOf(credential));
  const loggedInAt = clock();
  await approving;
  await open.end();
  const expiry = client.until(grantId, isOver).then(lateness);
  return { usable: loggedInAt - approvedAt, expiry, approved: { grantId, approvedAt, collectedAt, loggedInAt } };
}

function lateness(over: Grant): number {
  return Date.parse(over.removalVerifiedTime ?? '') - Date.parse(over.expireTime ?? '');
}

const isOver = ({ state }: Grant): boolean => isTerminal(state);
