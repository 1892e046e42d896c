/** The shapes that a grant's life takes, each lived once through the API to its end. */
import { randomUUID } from 'node:crypto';
import type { Client, Grant } from '../../api/client/client.js';
import { isTerminal } from '../../workflows/domain/states.js';
import type { Bench } from './bench.js';
import { justification } from './one-grant.js';

/** Resolves with the grant's id once it is closed. */
export type Shape = (bench: Bench) => Promise<string>;

const isOver = ({ state }: Grant): boolean => isTerminal(state);
const engineer = ({ engineers }: Bench): string => engineers[0] ?? '';

const read = { entitlement: 'orders-db/read', justification, requestedDuration: 'PT10M' };
const write = { ...read, entitlement: 'orders-db/write' };
const administer = {
  ...read,
  entitlement: 'orders-db/administer',
  justification: 'Measure what a grant with two approvals costs.',
  ticket: { system: 'OPS', number: 'OPS-1' },
};

export const shapes: [name: string, live: Shape][] = [
  ['automatic, collected, ended by its time', (bench) => automatic(bench, 'PT5S', () => Promise.resolve())],
  ['automatic, collected, revoked', (bench) => automatic(bench, 'PT10M', (id) => revoke(bench, id))],
  ['one approval, collected, revoked', oneApproval],
  ['two approvals, collected, revoked', twoApprovals],
  ['one approval, extended by a second one, revoked', extended],
  ['collected, lost, renewed, revoked', (bench) => automatic(bench, 'PT10M', (id) => renewed(bench, id))],
  ['denied', denied],
  ['withdrawn before anybody decided', withdrawn],
  ['emergency, collected, given back, reviewed', emergency],
];

async function automatic(
  bench: Bench,
  requestedDuration: string,
  then: (grantId: string) => Promise<void>,
): Promise<string> {
  const client = bench.system.as(engineer(bench));
  const { grantId } = await client.ask({ ...read, requestedDuration });
  await client.collect(grantId, randomUUID(), 'PT30S');
  await then(grantId);
  return closed(client, grantId);
}

async function oneApproval(bench: Bench): Promise<string> {
  const client = bench.system.as(engineer(bench));
  const { grantId } = await client.ask(write);
  await approve(bench, bench.manager, grantId);
  await client.collect(grantId, randomUUID(), 'PT30S');
  await revoke(bench, grantId);
  return closed(client, grantId);
}

async function twoApprovals(bench: Bench): Promise<string> {
  const client = bench.system.as('oncall');
  const { grantId } = await client.ask(administer);
  for (const account of [bench.manager, 'owner']) await approve(bench, account, grantId);
  await client.collect(grantId, randomUUID(), 'PT30S');
  await revoke(bench, grantId);
  return closed(client, grantId);
}

async function extended(bench: Bench): Promise<string> {
  const client = bench.system.as(engineer(bench));
  const { grantId } = await client.ask(write);
  await approve(bench, bench.manager, grantId);
  await client.collect(grantId, randomUUID(), 'PT30S');
  await client.extend(grantId, { reason: 'Measured.', duration: 'PT10M' });
  await approve(bench, bench.manager, grantId);
  await client.until(grantId, ({ grantedDuration }) => grantedDuration === 'PT20M');
  await revoke(bench, grantId);
  return closed(client, grantId);
}

async function renewed(bench: Bench, grantId: string): Promise<void> {
  await bench.system.as(engineer(bench)).renew(grantId);
  await revoke(bench, grantId);
}

async function denied(bench: Bench): Promise<string> {
  const { grantId } = await bench.system.as(engineer(bench)).ask(write);
  const manager = bench.system.as(bench.manager);
  await manager.until(grantId, ({ may }) => may.includes('decide'));
  await manager.deny(grantId, { reason: 'Measured.' });
  return closed(manager, grantId);
}

async function withdrawn(bench: Bench): Promise<string> {
  const client = bench.system.as(engineer(bench));
  const { grantId } = await client.ask(write);
  await client.until(grantId, ({ state }) => state === 'APPROVAL_AWAITED');
  await client.withdraw(grantId);
  return closed(client, grantId);
}

async function emergency(bench: Bench): Promise<string> {
  const client = bench.system.as('oncall');
  const { justification: bypassReason, ...wish } = { ...write, justification: 'Measure what an emergency costs.' };
  const { grantId } = await client.ask({ ...wish, emergency: true, bypassReason });
  await client.collect(grantId, randomUUID(), 'PT30S');
  await client.withdraw(grantId);
  await client.until(grantId, isOver);
  const security = bench.system.as(bench.security);
  await security.until(grantId, ({ may }) => may.includes('review'));
  await security.review(grantId, { verdict: 'justified', comment: 'Measured.' });
  return closed(security, grantId);
}

async function approve({ system }: Bench, account: string, grantId: string): Promise<void> {
  const client = system.as(account);
  await client.until(grantId, ({ may }) => may.includes('decide'));
  await client.approve(grantId, { decisionId: randomUUID() });
}

async function revoke({ system, security }: Bench, grantId: string): Promise<void> {
  await system.as(security).revoke(grantId, { decisionId: randomUUID(), reason: 'Measured.' });
}

async function closed(client: Client, grantId: string): Promise<string> {
  await client.until(grantId, isOver);
  return grantId;
}
