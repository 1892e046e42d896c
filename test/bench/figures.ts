/** `npm run bench`: waits of fifty grants beside the floor measured in the same run, on a stack of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { Client } from '../../api/client/client.js';
import { developmentKeys } from '../../workers/dev/keys.js';
import { readDirectory } from '../../workers/dev/directory.js';
import { freePorts } from '../../workers/dev/ports.js';
import { tokenFor } from '../../workers/dev/provider/token.js';
import { type Stack, startStack } from '../../workers/dev/stack.js';
import { grantWorkflowId } from '../../workflows/ids.js';
import { benchPolicy } from './bench-policy.js';
import { measureFloor, type FloorSpans } from './floor.js';
import { measureGrants, type GrantSpans } from './spans.js';

const count = Number(process.argv[2] ?? 50);
const folder = await mkdtemp(join(tmpdir(), 'daypass-bench-'));
try {
  await main();
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const stack = await start();
  try {
    const { addresses } = stack;
    const floor = await measureFloor(addresses.temporal, count);
    const grants = await measureGrants(await people(stack), count);
    print(floor, grants);
    if (grants.sample) await printSize(addresses.temporal, grants.sample);
  } finally {
    await stack.stop();
  }
}

async function start(): Promise<Stack> {
  const policyDir = join(folder, 'policy');
  await benchPolicy(policyDir);
  const names = ['DAYPASS_PORT', 'DAYPASS_PROVIDER_PORT', 'DAYPASS_MAIL_PORT', 'DAYPASS_SMTP_PORT'];
  names.push('DAYPASS_TEMPORAL_PORT', 'DAYPASS_TEMPORAL_UI_PORT', 'DAYPASS_REDIS_PORT', 'ORDERS_DB_PORT');
  const free = await freePorts(names.length);
  const ports = Object.fromEntries(names.map((name, index) => [name, String(free[index])]));
  const env = {
    ...process.env,
    ...ports,
    DAYPASS_STATE_DIR: join(folder, 'state'),
    DAYPASS_POLICY_DIR: policyDir,
  };
  return startStack({ env, tell: (line) => process.stderr.write(`${line}\n`) });
}

async function people({ addresses, settings }: Stack) {
  const { provider } = await developmentKeys(join(settings.stateDir, 'keys'));
  const directory = await readDirectory(settings.policyDir);
  const options = { issuer: addresses.issuer, directory, serviceSecret: provider.serviceSecret };
  const as = async (account: string): Promise<Client> => {
    const token = await tokenFor(account, options);
    return new Client({ url: addresses.portal, token: () => Promise.resolve(token) });
  };
  return { engineer: await as('engineer'), manager: await as('manager'), security: await as('security') };
}

function print(floor: FloorSpans, grants: GrantSpans): void {
  const memory = Math.round(totalmem() / 2 ** 30);
  say(
    `${cpus().length} cores, ${memory} GiB, Node ${process.version}, ${count} grants of each kind, one after the other\n`,
  );
  say('| span | median | max | floor: median | max | ratio of medians |');
  say('| --- | --- | --- | --- | --- | --- |');
  row('request to automatic decision', grants.requestToDecision, floor.startToFirst);
  row('approval to usable (first login)', grants.approvalToUsable, floor.signalToFirst);
  row('revoke to refused login', grants.revokeToRefused, floor.signalToSecond);
  row('expiry lateness (removal read back)', grants.expiryLateness, floor.timerLateness);
}

function row(name: string, spans: number[], floor: number[]): void {
  const ratio = (median(spans) / median(floor)).toFixed(1);
  const figures = [median(spans), Math.max(...spans), median(floor), Math.max(...floor)].map(
    (ms) => `${ms.toFixed(0)} ms`,
  );
  say(`| ${[name, ...figures, ratio].join(' | ')} |`);
}

function median(values: number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function printSize(at: { address: string; namespace: string }, grantId: string): Promise<void> {
  const connection = await Connection.connect({ address: at.address });
  const client = new TemporalClient({ connection, namespace: at.namespace });
  const execution = { namespace: at.namespace, execution: { workflowId: grantWorkflowId(grantId) } };
  const { workflowExecutionInfo: info } = await client.workflowService.describeWorkflowExecution(execution);
  say(
    `\nHistory of one grant with one approval, collected and used: ${info?.historyLength} events, ${info?.historySizeBytes} bytes.`,
  );
  await connection.close();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
