/** The threads of workflows: one that does not come back from a turn is ended with its worker, and leaves nothing that the next one lacks. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { WorkerOptionsWithDefaults } from '@temporalio/worker/lib/worker-options.js';
import { standInBundle } from '../support/bundle.js';
import { changedBundle } from '../support/changed-workflows.js';
import { temporal } from '../support/services.js';

describe('a thread of workflows', function () {
  this.timeout(60_000);
  const taskQueue = randomUUID();
  let client: Client;
  before(async () => {
    const { address, namespace } = await temporal();
    client = new Client({ connection: await Connection.connect({ address }), namespace });
  });
  after(() => client.connection.close());

  /** As a process serves: with a connection of its own, which can be closed only when its worker is done with it. */
  async function serving(turn: Pick<WorkerOptionsWithDefaults, 'isolateExecutionTimeout'>) {
    const { address, namespace } = await temporal();
    const connection = await NativeConnection.connect({ address });
    const common = { connection, namespace, taskQueue, workflowBundle: await standInBundle() };
    return { connection, worker: await Worker.create({ ...common, ...turn }) };
  }

  it('whose turn never ends is ended when its time is up, and its worker with it; the next worker serves at once', async () => {
    const endless = await client.workflow.start('endless', { taskQueue, workflowId: randomUUID() });
    const stuck = await serving({ isolateExecutionTimeout: '1s' });
    await assert.rejects(stuck.worker.run(), /A turn of a workflow did not end within 1 s/);
    await stuck.connection.close();
    await endless.terminate();
    const grant = await client.workflow.start('grant', { taskQueue, workflowId: randomUUID(), args: [{}] });
    const { worker, connection } = await serving({ isolateExecutionTimeout: '10s' });
    await worker.runUntil(grant.query('__temporal_workflow_metadata'));
    await connection.close();
    await grant.terminate();
  });

  it('has nothing of Node but what one file needs to verify: whatever else imports it is refused while bundling', async () => {
    const first = "import { Alarm } from './alarm.js';";
    const more = "import { randomUUID } from 'node:crypto';\nrandomUUID();";
    const changed = changedBundle({ file: 'life.ts', from: first, to: `${first}\n${more}` });
    await assert.rejects(changed, /Webpack finished with errors/);
  });
});
