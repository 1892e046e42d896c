/** The example database and the example ceiling belong together, and are as safe as the connector asks others to be. */
import assert from 'node:assert/strict';
import { chmod, copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomGrantId } from '../../api/grant-id.js';
import { readZone } from '../../activities/zone.js';
import { postgres } from '../../activities/connectors/postgres/index.js';
import { folder } from '../support/services.js';
import { type PostgresGround, postgresGround } from '../support/connector-contract-postgres-ground.js';

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const signal = new AbortController().signal;
const password = 'the password of the provisioner';

describe('the example database with the example ceiling', () => {
  let ground: PostgresGround;

  before(async () => {
    const setting = `SET daypass.provisioner_password = '${password}';`;
    ground = await postgresGround(setting + (await readFile(file('workers/dev/orders-db.sql'), 'utf8')));
  });
  after(() => ground.stop());

  it('passes the check, and each entitlement gives what it says', async () => {
    const zoneFile = join(await folder(), 'orders-db.yml');
    await copyFile(file('policy/ceilings/orders-db.yml'), zoneFile);
    await chmod(zoneFile, 0o600);
    const env = { ORDERS_DB_PORT: String(ground.port), ORDERS_DB_PROVISIONER: password };
    const { address, credential, ceilings } = await readZone(zoneFile, env);
    const connector = postgres({ installation: 'example', address, credential });
    try {
      const privileges = [...ceilings.values()].map(({ privilege }) => connector.parsePrivilege(privilege));
      await connector.check(privileges);
      for (const [entitlement, may] of Object.entries(expected)) {
        const grantId = randomGrantId();
        const { credential: login } = await connector.provision(
          {
            grantId,
            subject: 'person:engineer',
            entitlement,
            privilege: connector.parsePrivilege(ceilings.get(entitlement)?.privilege),
            durationMs: 60_000,
            endBy: Date.now() + 60_000,
            evidenceDigest: 'e'.repeat(64),
            signedBy: ['key-1'],
            recipientKey: { kty: 'OKP' },
            attempt: 1,
          },
          signal,
        );
        assert.ok(login);
        assert.equal(login.host, 'localhost');
        const client = await ground.client(login);
        for (const [statement, allowed] of Object.entries(may)) {
          const done = client.query(statement);
          if (allowed) await done;
          else await assert.rejects(done, { code: '42501' }, `${entitlement}: ${statement}`);
        }
        assert.equal((await connector.remove(grantId, signal)).sessionsEnded, 1);
      }
    } finally {
      await connector.close();
    }
  });
});

const read = 'SELECT count(*) FROM orders';
const write = `UPDATE orders SET status = 'paid' WHERE id = 1`;
const watch = 'SELECT count(*) FROM pg_ls_waldir()';
const maintain = 'ANALYZE orders';
const create = 'CREATE TABLE public.mine ()';

const expected: Record<string, Record<string, boolean>> = {
  'orders-db/read': { [read]: true, [write]: false, [watch]: false, [create]: false },
  'orders-db/write': { [read]: true, [write]: true, [watch]: false, [create]: false },
  'orders-db/administer': { [read]: true, [write]: true, [watch]: true, [maintain]: true, [create]: false },
};
