/** Services that run elsewhere are used as they are: not started, not changed, not stopped. */
import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { checkTemporal } from '../../workers/dev/configured.js';
import { readCompose } from '../../workers/dev/compose.js';
import { freePort, freePorts } from '../../workers/dev/ports.js';
import { startStack } from '../../workers/dev/stack.js';
import { answers } from '../../workers/dev/temporal.js';
import { bundleFile } from '../support/bundle-file.js';
import { folder, mail, redis, temporal } from '../support/services.js';

describe('npm start with services elsewhere', () => {
  it('starts on them, and leaves them as they were', async function () {
    this.timeout(120_000);
    const [{ address, namespace }, { url }, { smtpUrl }] = await Promise.all([temporal(), redis(), mail()]);
    const [portal, provider, ordersDb] = (await freePorts(3)).map(String);
    const heard: string[] = [];
    const stack = await startStack({
      tell: (line) => heard.push(line),
      env: {
        ...process.env,
        TEMPORAL_ADDRESS: address,
        TEMPORAL_NAMESPACE: namespace,
        REDIS_URL: url,
        SMTP_URL: smtpUrl,
        DAYPASS_PORT: portal,
        DAYPASS_PROVIDER_PORT: provider,
        ORDERS_DB_PORT: ordersDb,
        DAYPASS_STATE_DIR: await folder(),
        DAYPASS_WORKFLOW_BUNDLE_FILE: await bundleFile(),
      },
    });
    try {
      assert.deepEqual(stack.addresses.temporal, { address, namespace });
      assert.equal(stack.addresses.redis, url);
      assert.equal(stack.addresses.mail, undefined);
      assert.ok(heard.some((line) => line.startsWith(`Using Temporal at ${address}`)));
      assert.ok(!heard.some((line) => /Starting (Temporal|Redis)/.test(line)));
      assert.equal((await fetch(`${stack.addresses.portal}/health/ready`)).status, 200);
    } finally {
      await stack.stop();
    }
    assert.ok(await answers(address, namespace));
    const client = new Redis(url);
    assert.equal(await client.ping(), 'PONG');
    client.disconnect();
  });

  it('ends with one sentence when the configured Temporal does not answer', async function () {
    this.timeout(60_000);
    const address = `127.0.0.1:${await freePort()}`;
    await assert.rejects(checkTemporal(await readCompose(), { TEMPORAL_ADDRESS: address }), {
      name: 'Trouble',
      message: new RegExp(`^Temporal does not answer at ${address} .* correct TEMPORAL_ADDRESS, or unset it`),
    });
  });

  it('ends with the command to run when the configured namespace lacks search attributes', async () => {
    const { address, namespace } = await temporal();
    const services = await readCompose();
    services.temporal.command.push('--search-attribute=NotThere=Keyword');
    await assert.rejects(checkTemporal(services, { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace }), {
      name: 'Trouble',
      message: /temporal operator search-attribute create .* --name NotThere --type Keyword$/,
    });
  });
});
