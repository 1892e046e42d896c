/** `npm run demo`: one whole grant against the running system, or one that it starts, each step with its time. */
import { join } from 'node:path';
import pg from 'pg';
import { Client, type Grant } from '../../api/client/client.js';
import { isTerminal } from '../../workflows/domain/states.js';
import { readDirectory } from './directory.js';
import { developmentKeys } from './keys.js';
import type { Addresses } from './processes.js';
import { tokenFor } from './provider/token.js';
import { findStack } from './running.js';
import { stackSettings } from './settings.js';
import { startStack } from './stack.js';
import { Trouble } from './trouble.js';

/** Two steps of approval, so that the whole story is seen. */
const entitlement = 'orders-db/write';
const seconds = 8;

const settings = stackSettings(process.env);
try {
  await main();
} catch (error) {
  const text = error instanceof Trouble ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`\n${text}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const running = await findStack(settings.stateDir);
  if (running) return walk(running.addresses);
  say('Daypass does not run here, so it is started for this demo.');
  const interrupted = new AbortController();
  const interruption = new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        interrupted.abort();
        resolve();
      });
    }
  });
  const stack = await startStack({ tell: say, signal: interrupted.signal });
  try {
    await Promise.race([walk(stack.addresses), interruption]);
  } finally {
    await stack.stop();
  }
}

/** The steps of one grant, as a person, two approvers and a database see them. */
async function walk(addresses: Addresses): Promise<void> {
  const engineer = await as('engineer', addresses);
  const manager = await as('manager', addresses);
  const owner = await as('owner', addresses);
  say(`\nOne grant: ${entitlement} for ${seconds} seconds, asked for by the engineer.\n`);
  const step = stopwatch();

  const { grantId } = await engineer.ask({
    entitlement,
    justification: 'Correct the address of one order, as the customer asked.',
    requestedDuration: `PT${seconds}S`,
    ticket: { system: 'OPS', number: 'OPS-1' },
  });
  step('asked', `${addresses.portal}/grants/${grantId}`);

  const scored = await engineer.until(grantId, ({ state }) => state !== 'REQUESTED');
  mustBe(scored, 'APPROVAL_AWAITED');
  step('scored', `${scored.risk?.score} of 100 (${scored.risk?.band}), so the flow is ${scored.flow}`);
  for (const { points, evidence } of scored.risk?.factors ?? []) say(`${' '.repeat(30)}${points} for: ${evidence}`);

  await manager.approve(grantId, { comment: 'Go ahead.' });
  step('approved', 'by the manager, step 1 of 2');
  const second = await owner.until(grantId, (grant) => grant.step?.index === 1);
  await owner.approve(grantId);
  step('approved', 'by a database owner, step 2 of 2');
  if (second.step?.needed === 2) {
    // Many requests in a short time raise the risk, and the heavy flow asks a second owner.
    await (await as('owner-2', addresses)).approve(grantId);
    step('approved', 'by a second database owner');
  }

  mustBe(await engineer.until(grantId, ({ state }) => state === 'ACTIVE' || isTerminal(state)), 'ACTIVE');
  const { credential } = await engineer.collect(grantId);
  if (!credential) throw new Error('The API handed no credential over.');
  const { host, port, database, username: user, password } = credential;
  const login = { host, port, database, user, password };
  const session = new pg.Client(login);
  // The first error says why; the end of the connection follows as another.
  const cut = new Promise<string>((resolve) => session.on('error', ({ message }) => resolve(message)));
  await session.connect();
  const { rows } = await session.query<{ count: string }>('select count(*) from orders');
  step('usable', `logged in as ${user} and counted ${rows[0]?.count} orders`);

  step('session cut', `the database said: ${await cut}`);
  const over = await engineer.until(grantId, ({ state }) => isTerminal(state));
  mustBe(over, 'ENDED');
  step(
    'over',
    `${Date.parse(over.accessRemoveTime ?? '') - Date.parse(over.expireTime ?? '')} ms after its time was up`,
  );
  step('login refused', `the database said: ${await refusalOf(login)}`);
  step('removal verified', `read back at the database at ${over.removalVerifiedTime}`);

  const { records } = await engineer.record(grantId);
  say(`\nIts record: ${records.map(({ type }) => type).join(', ')}.`);
  const { portal, temporalUi, temporal } = addresses;
  if (temporalUi !== undefined) {
    say(
      `Its story, for the operator: ${portal}/temporal/namespaces/${temporal.namespace}/workflows/grant%2F${grantId}`,
    );
  }
}

/** Why the database lets nobody in any more. Throws when it does. */
async function refusalOf(login: pg.ClientConfig): Promise<string> {
  const client = new pg.Client(login);
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  await client.end();
  throw new Error('The login still works after the end of the grant.');
}

async function as(account: string, { portal, issuer }: Addresses): Promise<Client> {
  const { provider } = await developmentKeys(join(settings.stateDir, 'keys'));
  const directory = await readDirectory(settings.policyDir);
  const token = await tokenFor(account, { issuer, directory, serviceSecret: provider.serviceSecret });
  return new Client({ url: portal, token: () => Promise.resolve(token) });
}

function mustBe(grant: Grant, state: Grant['state']): void {
  if (grant.state !== state)
    throw new Error(`The grant is ${grant.state}: ${grant.ending?.reason ?? 'no reason given'}`);
}

function stopwatch(): (name: string, what: string) => void {
  const startedAt = performance.now();
  return (name, what) => {
    const elapsed = `${((performance.now() - startedAt) / 1000).toFixed(2)} s`;
    say(`${elapsed.padStart(9)}  ${name.padEnd(18)} ${what}`);
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
