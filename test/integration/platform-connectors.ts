/** The connector process, as it is run: it removes without Temporal, comes back with it, and creates only where that is safe. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import { postgres as connectPostgres } from '../../activities/connectors/postgres/index.js';
import type { Order } from '../../activities/connectors/connector.js';
import { claimed } from '../../workflows/domain/signature.js';
import { changeQueue, grantIdFrom, undoQueue } from '../../workflows/ids.js';
import { folder, ownOrdersDb, ownPostgres, ownTemporal, type TestOrdersDb } from '../support/services.js';
import { createSigner, hourMs, privateKey } from '../support/signer.js';
import { until } from '../support/until.js';
import { startWorker, type WorkerProcess } from '../support/worker-process.js';

const installation = 'test';
const nowhere = '127.0.0.1:1';
const apiKid = 'api-key';

describe('the connector process', function () {
  this.timeout(120_000);
  let db: TestOrdersDb;
  let env: Record<string, string>;
  let zone: string;
  let receipts: string;
  let keyFile: string;
  let worker: WorkerProcess | undefined;

  before(async () => {
    db = await ownOrdersDb(await ownPostgres());
    const keys = await folder();
    const file = async (name: string, content: object): Promise<string> => {
      await writeFile(join(keys, name), JSON.stringify(content), { mode: 0o600 });
      return join(keys, name);
    };
    zone = await folder();
    await writeFile(join(zone, 'orders-db.yml'), zoneFile, { mode: 0o600 });
    const { kty, crv, x } = await privateKey('X25519');
    const receiptKey = await privateKey('Ed25519');
    receipts = join(await folder(), 'receipts');
    keyFile = join(keys, 'api.json');
    env = {
      DAYPASS_INSTALLATION: installation,
      DAYPASS_CODEC_KEYS_FILE: await file('codec.json', {
        current: 'k',
        keys: { k: randomBytes(32).toString('base64') },
      }),
      DAYPASS_API_KEYS_FILE: await pinned(),
      DAYPASS_CREDENTIAL_PUBLIC_KEY_FILE: await file('credential.json', { kty, crv, x }),
      DAYPASS_ZONE_DIR: zone,
      DAYPASS_RECEIPT_KEY_FILE: await file('receipt.json', receiptKey),
      DAYPASS_RECEIPTS_DIR: receipts,
      DAYPASS_PORTAL_URL: 'http://localhost:7300',
      ORDERS_DB_PORT: String(db.port),
      ORDERS_DB_PROVISIONER: db.provisioner.password,
      TEMPORAL_ADDRESS: nowhere,
    };
  });

  afterEach(async () => {
    await worker?.stop('SIGKILL');
    worker = undefined;
    await pinned();
  });

  /** Pins keys of these ids and no others, as an administrator does. */
  async function pinned(...kids: string[]): Promise<string> {
    const { key } = await createSigner(Date.now());
    const keys = [apiKid, ...kids].map((kid) => ({ kty: key.kty, crv: key.crv, x: key.x, kid }));
    await writeFile(keyFile, JSON.stringify({ keys }));
    return keyFile;
  }

  const start = async (change: Record<string, string> = {}): Promise<WorkerProcess> =>
    (worker = await startWorker('connectors', { ...env, ...change }));

  const admin = async (sql: string): Promise<pg.QueryResultRow[]> => {
    const client = new pg.Client({ ...db.superuser, host: db.host, port: db.port, database: 'orders' });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };

  /** Makes an account. The connector makes none that is over already, so for that the label is set back. */
  async function standing(by: { endsAt: number; signedBy?: string[] }): Promise<string> {
    const connector = connectPostgres({
      installation,
      address: { host: db.host, port: db.port, database: 'orders' },
      credential: db.provisioner.password,
    });
    const order: Order<{ role: string }> = {
      grantId: grantIdFrom(randomBytes(32)),
      subject: 'person:engineer',
      entitlement: 'orders-db/read',
      privilege: { role: 'orders_reader' },
      durationMs: hourMs,
      endBy: Date.now() + hourMs,
      evidenceDigest: 'a'.repeat(64),
      signedBy: by.signedBy ?? [apiKid],
      recipientKey: { kty: 'OKP' },
      attempt: 1,
    };
    try {
      const { account } = await connector.provision(order, AbortSignal.timeout(5_000));
      const [role] = await admin(`SELECT shobj_description(to_regrole('${account}'), 'pg_authid') AS label`);
      const { signedBy, ...made } = JSON.parse(String(role?.['label']));
      // Without anybody who signed it, the label is as an older version wrote it.
      const label = JSON.stringify({
        ...made,
        ...(signedBy.length > 0 ? { signedBy } : {}),
        endsAt: new Date(by.endsAt).toISOString(),
      });
      await admin(`COMMENT ON ROLE ${pg.escapeIdentifier(account)} IS ${pg.escapeLiteral(label)}`);
      return account;
    } finally {
      await connector.close();
    }
  }

  const stands = async (account: string): Promise<boolean> =>
    (await admin(`SELECT FROM pg_roles WHERE rolname = '${account}'`)).length === 1;

  it('removes what stands past its end from its first second on, without Temporal, and nothing else', async () => {
    const over = await standing({ endsAt: Date.now() - 61_000 });
    const active = await standing({ endsAt: Date.now() + hourMs });
    const { output } = await start();
    await until(async () => !(await stands(over)), { withinMs: 20_000, what: 'the overdue account is gone' });
    assert.ok(await stands(active));
    await until(() => output().includes('sweep removed what may not stand'));
    await until(() => output().includes(`Temporal cannot be reached at ${nowhere}`));
    assert.ok(!output().includes(db.provisioner.password));
  });

  it('removes what an unpinned key signed within seconds, without Temporal, with a receipt, and nothing else', async () => {
    await pinned('leaked');
    const endsAt = Date.now() + hourMs;
    const leaked = await standing({ endsAt, signedBy: ['leaked', apiKid] });
    const sound = await standing({ endsAt });
    const unsigned = await standing({ endsAt, signedBy: [] });
    const { output } = await start();
    await until(async () => !(await stands(unsigned)), { withinMs: 20_000, what: 'what nobody known signed is gone' });
    assert.ok((await stands(leaked)) && (await stands(sound)));
    const from = performance.now();
    await pinned();
    await until(async () => !(await stands(leaked)), { withinMs: 5_000, what: 'what the leaked key signed is gone' });
    assert.ok(performance.now() - from < 5_000);
    assert.ok(await stands(sound));
    await until(() => output().includes('"because":"key not pinned"'));
    await until(async () => (await booked()).filter(({ kind }) => kind === 'swept').length >= 2);

    // Half a file, or none, is nobody's wish: what was pinned last stays pinned.
    await writeFile(keyFile, '{ "keys": [');
    await until(() => output().includes('pinned keys refused; the last good set stays'));
    assert.ok(await stands(sound));
  });

  async function booked(): Promise<{ kind?: unknown }[]> {
    const files = await readdir(receipts);
    const texts = await Promise.all(files.map((name) => readFile(join(receipts, name), 'utf8')));
    return texts
      .flatMap((text) => text.split('\n'))
      .filter((line) => line !== '')
      .map(claimed);
  }

  it('goes on sweeping when the target was away', async () => {
    const started = await start();
    await until(() => started.output().includes('cannot serve'), { withinMs: 60_000 });
    await db.stop();
    await until(() => started.output().includes('sweep cannot reach the target'), { withinMs: 30_000 });
    await db.start();
    const over = await standing({ endsAt: Date.now() - 61_000 });
    await until(async () => !(await stands(over)), { withinMs: 30_000 });
    await until(() => started.output().includes('sweep reaches the target again'));
  });

  it('serves both queues once Temporal is there, again after it was away, and ends in peace', async () => {
    const server = await ownTemporal();
    await server.stop();
    const started = await start({ TEMPORAL_ADDRESS: server.address, TEMPORAL_NAMESPACE: server.namespace });
    await until(async () => (await started.waitsFor())?.includes(undoQueue('orders-db')), { withinMs: 60_000 });
    await server.start();
    await started.ready();
    const isPolled = async (queue: string): Promise<boolean> => {
      const connection = await Connection.connect({ address: server.address });
      try {
        const { pollers } = await connection.workflowService.describeTaskQueue({
          namespace: server.namespace,
          taskQueue: { name: queue },
          taskQueueType: 2,
        });
        return (pollers ?? []).length > 0;
      } finally {
        await connection.close();
      }
    };
    const bothPolled = async (): Promise<boolean> =>
      (await isPolled(undoQueue('orders-db'))) && (await isPolled(changeQueue('orders-db')));
    await until(bothPolled, { withinMs: 20_000, what: 'both queues are polled' });

    await server.stop();
    await server.start();
    await until(bothPolled, { withinMs: 60_000, what: 'both queues are polled again' });
    assert.equal(await started.stop('SIGTERM'), 0);
    assert.ok(started.output().includes('"ended"'));
  });

  it('ends at once without Temporal too', async () => {
    const started = await start();
    await until(() => started.output().includes('cannot serve'), { withinMs: 60_000 });
    const from = performance.now();
    assert.equal(await started.stop('SIGINT'), 0);
    assert.ok(performance.now() - from < 5_000);
  });

  it('creates nothing where a privilege is unsafe, says what mends it, and begins when it is mended', async () => {
    const server = await ownTemporal();
    await admin('GRANT CREATE ON DATABASE orders TO orders_reader');
    const started = await start({ TEMPORAL_ADDRESS: server.address, TEMPORAL_NAMESPACE: server.namespace });
    const waitsFor = await until(
      async () => {
        const missing = (await started.waitsFor()) ?? [];
        return missing.length === 1 && missing[0]?.startsWith('orders-db: ') ? missing[0] : undefined;
      },
      { withinMs: 60_000, what: 'removals are served, and creation waits' },
    );
    assert.match(waitsFor, /REVOKE CREATE ON DATABASE orders FROM orders_reader/);
    assert.ok(!started.output().includes(`"queue":"${changeQueue('orders-db')}"`));
    await admin('REVOKE CREATE ON DATABASE orders FROM orders_reader');
    await started.ready();
  });

  describe('does not start, and says why in one sentence,', () => {
    const wrong: [name: string, prepare: () => Promise<Record<string, string>>, sentence: RegExp][] = [
      [
        'without a setting',
        async () => ({ DAYPASS_API_KEYS_FILE: '' }),
        /^connectors: Wrong settings: DAYPASS_API_KEYS_FILE/m,
      ],
      [
        'with a key file that is not there',
        async () => ({ DAYPASS_CODEC_KEYS_FILE: '/nowhere' }),
        /^connectors: The key file \/nowhere .*ENOENT/m,
      ],
      [
        'with a ceiling that others may write',
        async () => {
          const open = await folder();
          await writeFile(join(open, 'orders-db.yml'), zoneFile);
          await chmod(join(open, 'orders-db.yml'), 0o666);
          return { DAYPASS_ZONE_DIR: open };
        },
        /may be written by others, who could lift the ceiling/,
      ],
      [
        'with a kind of target that it does not know',
        async () => ({ DAYPASS_ZONE_DIR: await zoneWith('kind: postgres', 'kind: oracle') }),
        /kind: oracle is no kind of target; known: postgres/,
      ],
      [
        'with a wrong address',
        async () => ({ DAYPASS_ZONE_DIR: await zoneWith('database: orders', 'databse: orders') }),
        /orders-db\.yml: address: .*databse/,
      ],
      [
        'with a wrong privilege',
        async () => ({ DAYPASS_ZONE_DIR: await zoneWith('role: orders_reader', 'rol: orders_reader') }),
        /orders-db\.yml: entitlements\.orders-db\/read\.privilege: .*rol/,
      ],
    ];
    for (const [name, prepare, sentence] of wrong) {
      it(name, async () => {
        const { ended, output } = await start(await prepare());
        assert.equal(await ended, 1, output());
        assert.match(output(), sentence);
        assert.ok(!output().includes('    at '), 'no stack');
      });
    }

    async function zoneWith(from: string, to: string): Promise<string> {
      assert.ok(zoneFile.includes(from));
      const changed = await folder();
      await writeFile(join(changed, 'orders-db.yml'), zoneFile.replace(from, to), { mode: 0o600 });
      return changed;
    }
  });
});

const zoneFile = `target: orders-db
kind: postgres
address: { host: localhost, port: "\${ORDERS_DB_PORT}", database: orders }
credential: { env: ORDERS_DB_PROVISIONER }
entitlements:
  orders-db/read:
    privilege: { role: orders_reader }
    longest: PT8H
    approvals: { least: 1, groups: [managers] }
`;
