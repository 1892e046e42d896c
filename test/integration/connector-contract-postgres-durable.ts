/** What the connector answers is on PostgreSQL's disk, whatever its administrators have set for the server, the role or a database. */
import assert from 'node:assert/strict';
import { parseAddress } from '../../activities/connectors/postgres/address.js';
import { connectServer } from '../../activities/connectors/postgres/server.js';
import { type PostgresGround, postgresGround } from '../support/connector-contract-postgres-ground.js';

const signal = new AbortController().signal;

describe('commits of the connector at PostgreSQL', () => {
  let ground: PostgresGround;
  before(async () => {
    ground = await postgresGround();
  });
  after(() => ground.stop());

  it('wait for the disk where that was turned off, and for replicas as it was set', async () => {
    await ground.sql(`ALTER ROLE daypass_provisioner PASSWORD 'durable'`);
    const address = parseAddress({ host: '127.0.0.1', port: ground.port, database: 'orders' });
    for (const [set, kept] of [
      ['off', 'on'],
      ['local', 'on'],
      ['remote_write', 'remote_write'],
      ['remote_apply', 'remote_apply'],
    ]) {
      await ground.sql(`ALTER ROLE daypass_provisioner SET synchronous_commit = ${set}`);
      const server = connectServer(address, 'durable');
      const show = 'SHOW synchronous_commit';
      try {
        const here = await server.home(signal, (session) => session.query(show));
        const there = await server.elsewhere('orders', signal, (session) => session.query(show));
        assert.deepEqual([here, there], [[{ synchronous_commit: kept }], [{ synchronous_commit: kept }]], set);
      } finally {
        await server.close();
      }
    }
  });
});
