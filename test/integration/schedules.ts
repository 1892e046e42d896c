/** The schedules follow the policy, through changes of it and absences of Temporal. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createLog } from '../../activities/platform/log.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import { watchSigningKeys, type KeyWatch } from '../../activities/platform/keys.js';
import { watchPolicy, type PolicyWatch } from '../../activities/policy/load.js';
import { keepSchedules } from '../../workers/schedules.js';
import { reassessId, reconcileWorkflowId } from '../../workflows/ids.js';
import { folder, ownTemporal, type Restartable, type TestTemporal } from '../support/services.js';
import { until } from '../support/until.js';

const log = createLog('test', 'fatal');

describe('the schedules', function () {
  this.timeout(90_000);
  let server: TestTemporal & Restartable;
  let client: Client;
  let policy: PolicyWatch;
  let apiKeys: KeyWatch;
  let keyFile: string;
  let dir: string;
  let stop: AbortController;
  let keeping: Promise<void>;

  before(async () => {
    server = await ownTemporal();
    dir = join(await folder(), 'policy');
    await cp('policy', dir, { recursive: true });
    keyFile = join(await folder(), 'keys.json');
    policy = watchPolicy(dir, log, { settleMs: 10, pollMs: 200 });
    const keys = { current: 'test', keys: { test: randomBytes(32) } };
    const connection = Connection.lazy({ address: server.address });
    client = new Client({ connection, namespace: server.namespace, dataConverter: dataConverter(keys) });
    stop = new AbortController();
    await pin('one');
    apiKeys = watchSigningKeys(keyFile, log);
    keeping = keepSchedules(client, policy, apiKeys, log, stop.signal);
  });

  after(async () => {
    stop.abort();
    await keeping;
    policy.close();
    apiKeys.close();
    await client.connection.close();
    await server.stop();
  });

  const pin = (...kids: string[]): Promise<void> =>
    writeFile(
      keyFile,
      JSON.stringify({ keys: kids.map((kid) => ({ kty: 'OKP', crv: 'Ed25519', x: 'B'.repeat(43), kid })) }),
    );

  /** How often every grant was asked who signed for it. */
  async function keyPasses(): Promise<number> {
    let count = 0;
    for await (const { workflowId } of client.workflow.list()) {
      if (workflowId.startsWith(`${reassessId}/keys-`)) count += 1;
    }
    return count;
  }

  const passes = async (): Promise<number> => {
    const { info } = await client.schedule.getHandle(reassessId).describe();
    return info.numActionsTaken + info.runningActions.length;
  };
  const interval = async (id: string): Promise<unknown> =>
    (await client.schedule.getHandle(id).describe()).spec.intervals?.map(({ every }) => every);

  /** Ends what the last pass left running: no worker is here to do it, and a running one would hold the next back. */
  async function endPasses(): Promise<void> {
    for await (const { workflowId } of client.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
      if (workflowId.startsWith(reassessId)) await client.workflow.getHandle(workflowId).terminate('no worker');
    }
  }

  it('are made for every target of the policy, and grants are asked once at the start', async () => {
    await until(async () => (await passes()) > 0, { what: 'the first pass' });
    assert.deepEqual(await interval(reconcileWorkflowId('orders-db')), [60_000]);
    assert.deepEqual(await interval(reassessId), [3_600_000]);
  });

  it('ask running grants again when the policy changed', async () => {
    await endPasses();
    const before = await passes();
    const file = join(dir, 'directory.yml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('name: Contractor', 'name: Former contractor'));
    await until(async () => (await passes()) > before, { what: 'a pass after the change' });
  });

  it('ask every running grant when a key is pinned or unpinned, also when it is unpinned again', async () => {
    await until(async () => (await keyPasses()) === 1, { what: 'the pass of the start' });
    await endPasses();
    await pin('one', 'two');
    await until(async () => (await keyPasses()) === 2, { what: 'a pass for the new key' });
    await endPasses();
    await pin('one');
    await until(async () => (await keyPasses()) === 3, { what: 'a pass for the key that went' });
  });

  it('are made when Temporal comes back, for a change that it missed', async () => {
    await endPasses();
    await client.schedule.getHandle(reconcileWorkflowId('orders-db')).delete();
    await server.stop();
    const file = join(dir, 'directory.yml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('Former contractor', 'Contractor'));
    await until(() => policy.current().person('contractor')?.name === 'Contractor', { what: 'the change' });
    await server.start();
    await until(() => interval(reconcileWorkflowId('orders-db')), { what: 'the schedule', withinMs: 30_000 });
  });
});
