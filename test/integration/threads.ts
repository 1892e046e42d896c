/** The threads of workflows: one that does not come back from a turn is ended with its worker, and leaves nothing that the next one lacks. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { WorkerOptionsWithDefaults } from '@temporalio/worker/lib/worker-options.js';
import { standInBundle } from '../support/bundle.js';
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
  async function serves(
    patience: Pick<WorkerOptionsWithDefaults, 'isolateExecutionTimeout'>,
    until?: Promise<unknown>,
  ) {
    const { address, namespace } = await temporal();
    const connection = await NativeConnection.connect({ address });
    try {
      const common = { connection, namespace, taskQueue, workflowBundle: await standInBundle() };
      const worker = await Worker.create({ ...common, ...patience });
      await (until === undefined ? worker.run() : worker.runUntil(until));
    } finally {
      await connection.close();
    }
  }

  it('whose turn never ends is ended when its time is up, and its worker with it; the next worker serves at once', async () => {
    const endless = await client.workflow.start('endless', { taskQueue, workflowId: randomUUID() });
    await assert.rejects(serves({ isolateExecutionTimeout: '1s' }), /A turn of a workflow did not end within 1 s/);
    await endless.terminate();
    const grant = await client.workflow.start('grant', { taskQueue, workflowId: randomUUID(), args: [{}] });
    await serves({ isolateExecutionTimeout: '10s' }, grant.query('__temporal_workflow_metadata'));
    await grant.terminate();
  });
});
