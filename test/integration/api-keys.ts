/** Anyone can look up the keys that statements are checked with, and the API signs with no other. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiConfig } from '../../activities/platform/config.js';
import { createLog } from '../../activities/platform/log.js';
import { startApi } from '../../api/serve.js';
import { whyNotPublished } from '../../api/published.js';
import { readAuditKeys } from '../../api/audit/verify/keys.js';
import { ApiWorld } from '../support/api-world.js';
import { createSigner, privateKey } from '../support/signer.js';

describe('the published keys', function () {
  this.timeout(120_000);

  it('are there for anyone, whole, and hold nothing private', async () => {
    const world = await ApiWorld.start();
    try {
      const { status, text, headers } = await world.call(undefined, 'GET', '/v1/keys');
      assert.equal(status, 200);
      assert.equal(headers.get('cache-control'), 'no-store', 'an unpinned key is gone at once');
      assert.doesNotMatch(text, /"d":/);
      const folder = await mkdtemp(join(tmpdir(), 'daypass-published-'));
      try {
        const file = join(folder, 'keys.json');
        await writeFile(file, text);
        const { signing, seals, receipts } = await readAuditKeys(file);
        for (const keys of [signing, seals, receipts]) assert.ok(keys.length > 0);
        for (const { kid, x } of [...signing, ...seals, ...receipts]) assert.ok(kid && x);
        assert.deepEqual(receipts[0]?.targets, ['orders-db']);
        assert.equal(await readFile(file, 'utf8'), text);
      } finally {
        await rm(folder, { recursive: true });
      }
    } finally {
      await world.stop();
    }
  });

  it('hold the key that the API signs with, or it does not start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'daypass-published-'));
    const kept = async (name: string, value: unknown): Promise<string> => {
      const file = join(folder, name);
      await writeFile(file, typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o600 });
      return file;
    };
    try {
      const secret = randomBytes(32).toString('base64');
      const [ours, theirs] = [await createSigner(0), await createSigner(0)];
      const config = apiConfig({
        DAYPASS_INSTALLATION: 'test',
        DAYPASS_POLICY_DIR: fileURLToPath(new URL('../../policy', import.meta.url)),
        DAYPASS_PORTAL_URL: 'http://localhost:7300',
        DAYPASS_PORT: '0',
        REDIS_URL: 'redis://localhost:1',
        OIDC_ISSUER: 'http://localhost:1',
        OIDC_CLIENT_ID: 'daypass',
        OIDC_AUDIENCE: 'daypass',
        OIDC_CLIENT_SECRET_FILE: await kept('client', secret),
        DAYPASS_CODEC_KEYS_FILE: await kept('codec', { current: 'a', keys: { a: secret } }),
        DAYPASS_SESSION_KEY_FILE: await kept('session', secret),
        DAYPASS_CREDENTIAL_KEY_FILE: await kept('credential', await privateKey('X25519')),
        DAYPASS_SIGNING_KEY_FILE: await kept('signing', ours.key),
        DAYPASS_API_KEYS_FILE: await kept('signing-set', theirs.keys),
        DAYPASS_SEAL_KEYS_FILE: await kept('seal-set', theirs.keys),
        DAYPASS_RECEIPT_KEYS_FILE: await kept('receipt-set', { keys: [] }),
      });
      await assert.rejects(
        startApi(
          config,
          createLog('api-test', 'fatal', () => undefined),
        ),
        /is not in the published set/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('name a key by its id and its value, and a retired one until its time', async () => {
    const { key, keys } = await createSigner(0);
    assert.equal(whyNotPublished(key, keys), undefined);
    const retired = (until: number) => ({ keys: keys.keys.map((it) => ({ ...it, until })) });
    assert.equal(whyNotPublished(key, retired(10), 10), undefined);
    assert.match(whyNotPublished(key, retired(10), 11) ?? '', /was retired at 1970-.* name another key/);
    assert.match(whyNotPublished(key, { keys: [] }) ?? '', /is not in the published set .*: pin its public file/);
    const other = await privateKey('Ed25519');
    assert.match(whyNotPublished(other, keys) ?? '', /is not in the published set/, 'another key of the same id');
  });
});
