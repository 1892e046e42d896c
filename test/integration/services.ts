/** The development services answer, keep their settings, and come back with their data. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { Redis } from 'ioredis';
import pg from 'pg';
import { ownPostgres, ownRedis, ownTemporal, postgres, redis, temporal } from '../support/services.js';

describe('the development services', () => {
  it('gives Temporal the namespace, retention and search attributes of temporal-dev.yml', async () => {
    const { address, namespace } = await temporal();
    const connection = await Connection.connect({ address });
    try {
      const { config } = await connection.workflowService.describeNamespace({ namespace });
      assert.equal(Number(config?.workflowExecutionRetentionTtl?.seconds), 90 * 24 * 3600);
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      for (const name of ['GrantState', 'Approvers', 'RiskScore', 'ExpireTime', 'Emergency']) {
        assert.ok(customAttributes?.[name], `${name} is missing`);
      }
    } finally {
      await connection.close();
    }
  });

  it('starts each service once, however often it is asked for', async () => {
    const [first, second] = await Promise.all([temporal(), temporal()]);
    assert.equal(first.address, second.address);
    assert.equal((await redis()).url, (await redis()).url);
    assert.equal((await postgres()).port, (await postgres()).port);
  });

  it('has Temporal write each change to the disk once, in a write-ahead log', async () => {
    const service = await ownTemporal();
    try {
      const header = await readFile(join(service.state, 'temporal.db'));
      // The write and read versions of SQLite's file format: 1 is a rollback journal, 2 a write-ahead log.
      assert.deepEqual([...header.subarray(18, 20)], [2, 2]);
    } finally {
      await service.stop();
    }
  });

  it('brings Redis back at the same address with the same data', async () => {
    const service = await ownRedis();
    const before = new Redis(service.url);
    await before.set('kept', 'yes');
    before.disconnect();
    await service.stop();
    await service.start();
    const after = new Redis(service.url);
    try {
      assert.equal(await after.get('kept'), 'yes');
    } finally {
      after.disconnect();
    }
  });

  it('brings PostgreSQL back at the same address with the same data', async () => {
    const service = await ownPostgres();
    await query(service, 'CREATE TABLE kept AS SELECT 7 AS value');
    await service.stop();
    await service.start();
    assert.deepEqual(await query(service, 'SELECT value FROM kept'), [{ value: 7 }]);
  });
});

async function query(service: Awaited<ReturnType<typeof postgres>>, text: string): Promise<unknown[]> {
  const { host, port, superuser } = service;
  const client = new pg.Client({ host, port, ...superuser, database: 'postgres' });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
