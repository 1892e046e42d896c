/** Wrong settings of the launcher end with one sentence that names the setting and the way out. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { worryIn } from '../../../workers/dev/logs.js';
import { html } from '../../../workers/dev/page.js';
import { freePort, freePorts, mustBeFree, portsPart } from '../../../workers/dev/ports.js';
import { ownProcesses } from '../../../workers/dev/processes.js';
import { newProviderSecrets } from '../../../workers/dev/provider/secrets.js';
import { render } from '../../../workers/dev/screen.js';
import { stackSettings } from '../../../workers/dev/settings.js';

describe('the settings of the launcher', () => {
  it('has the documented ports when nothing is set', () => {
    assert.deepEqual(stackSettings({}).ports, {
      portal: 7300,
      provider: 7301,
      mail: 7302,
      smtp: 7303,
      temporal: 7233,
      temporalUi: 8233,
      redis: 7379,
      ordersDb: 7432,
    });
  });

  for (const [env, sentence] of [
    [
      { DAYPASS_PORT: 'x' },
      /^DAYPASS_PORT is "x", which is no port: give a number from 1 to 65535, or leave it out\.$/,
    ],
    [{ DAYPASS_PORT: '0' }, /DAYPASS_PORT is "0"/],
    [{ DAYPASS_PORT: '70000' }, /DAYPASS_PORT is "70000"/],
    [{ DAYPASS_MAIL_PORT: '7300' }, /^DAYPASS_MAIL_PORT and DAYPASS_PORT are both 7300: give one another port\.$/],
    [
      { OIDC_ISSUER: 'https://id.example.org' },
      /OIDC_CLIENT_ID and OIDC_CLIENT_SECRET_FILE and OIDC_AUDIENCE must be set/,
    ],
  ] as const) {
    it(`refuses ${JSON.stringify(env)}`, () => {
      assert.throws(() => stackSettings(env), { name: 'Trouble', message: sentence });
    });
  }

  it('uses what is configured elsewhere as it is', () => {
    const { elsewhere } = stackSettings({ TEMPORAL_ADDRESS: 'there:7233', REDIS_URL: 'redis://there', SMTP_URL: '' });
    assert.deepEqual(elsewhere, { temporal: true, redis: true, mail: false, provider: false, zone: false });
  });

  it('names the busy port, what wants it, and the variable that moves it', async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await assert.rejects(mustBeFree(port, 'Redis', 'DAYPASS_REDIS_PORT'), {
      name: 'Trouble',
      message: `Port ${port} for Redis is busy: stop what listens there, or choose another with DAYPASS_REDIS_PORT=<port> npm start.`,
    });
    await new Promise((resolve) => server.close(resolve));
    await mustBeFree(port, 'Redis', 'DAYPASS_REDIS_PORT');
  });

  it('gives no port twice, and only those of its part', async () => {
    const before = process.env[portsPart];
    // Another lane may be stopping what listens in its own part.
    const part = Number(before ?? 6) % 8;
    process.env[portsPart] = String(part);
    try {
      const ports = new Set<number>();
      // Given and let go again: by chance alone, some would be among the next.
      for (let times = 0; times < 20; times += 1) for (const port of await freePorts(10)) ports.add(port);
      assert.equal(ports.size, 200);
      assert.ok(
        [...ports].every((port) => Math.floor((port - 15_000) / 2_125) === part),
        [...ports].join(' '),
      );
    } finally {
      if (before === undefined) delete process.env[portsPart];
      else process.env[portsPart] = before;
    }
  });
});

describe('what each process is given', () => {
  it('is what it may know, and nothing that belongs to another', async () => {
    const settings = stackSettings({ PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'of-the-developer' });
    const file = (name: string): string => `/keys/${name}`;
    const processes = ownProcesses({
      settings,
      keys: {
        files: {
          codec: file('codec'),
          apiSigning: file('signing'),
          apiPublic: file('public'),
          credential: file('credential'),
          credentialPublic: file('credential-public'),
          session: file('session'),
          risk: file('risk'),
          receipt: file('receipt'),
          receiptPublic: file('receipt-public'),
          seal: file('seal'),
          sealPublic: file('seal-public'),
          portalSecret: file('oidc'),
        },
        provider: await newProviderSecrets(),
        provisioner: 'provisioner-password',
        postgres: 'superuser-password',
      },
      addresses: {
        portal: 'http://localhost:7300',
        docs: '',
        issuer: 'http://localhost:7301',
        temporal: { address: 'localhost:7233', namespace: 'daypass' },
        redis: 'redis://localhost:7379',
        smtp: 'smtp://localhost:7303',
      },
      temporalEnv: {},
      zoneDir: '/zone',
      provider: { clientId: 'daypass-portal', clientSecretFile: file('oidc'), audience: 'a' },
      healthPorts: { decisions: 1, connectors: 2 },
    });
    const holders = (value: string): string[] =>
      processes.filter(({ env }) => Object.values(env).includes(value)).map(({ name }) => name);
    assert.deepEqual(holders('of-the-developer'), []);
    assert.deepEqual(holders('superuser-password'), []);
    assert.deepEqual(holders('provisioner-password'), ['connectors']);
    for (const name of ['signing', 'credential', 'session', 'oidc']) assert.deepEqual(holders(file(name)), ['api']);
    assert.deepEqual(holders(file('risk')), ['decisions']);
    assert.deepEqual(holders('redis://localhost:7379'), ['decisions', 'api']);
    assert.deepEqual(holders(settings.policyDir), ['decisions', 'api']);
  });
});

describe('what the launcher shows', () => {
  it('names every place, one account for each role, and three commands', () => {
    const people = [
      { id: 'engineer', name: 'Engineer', email: '', groups: ['engineers'], status: 'active' as const },
      { id: 'engineer-2', name: 'Second', email: '', groups: ['engineers'], status: 'active' as const },
      { id: 'owner', name: 'Owner', email: '', groups: ['db-owners'], status: 'active' as const },
    ];
    const text = render(
      {
        portal: 'http://localhost:7300',
        docs: 'http://localhost:7300/docs',
        issuer: '',
        temporal: { address: '', namespace: '' },
        temporalUi: 'http://localhost:8233',
        redis: '',
        smtp: '',
        mail: 'http://localhost:7302',
      },
      { people, services: [{ id: 'deploy-bot', clientId: 'deploy-bot' }] },
      '/logs',
      1234,
    );
    for (const part of [
      '7300\n',
      '/docs',
      '/temporal',
      '7302',
      'engineer ',
      'owner ',
      'deploy-bot',
      'npm run demo',
      'curl',
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.ok(!text.includes('engineer-2'));
    assert.ok(text.split('\n').length <= 30, 'one screen');
  });

  it('passes on warnings of our own processes and nothing else', () => {
    assert.equal(worryIn('{"level":"info","msg":"started"}'), undefined);
    assert.equal(
      worryIn('{"level":"warn","msg":"cannot serve","err":{"message":"down"}}'),
      'warn: cannot serve (down)',
    );
    assert.equal(worryIn('2026-11-22 LOG: ready'), undefined);
    assert.equal(worryIn('{"level":30'), undefined);
    const usual = 'No workflows registered, not polling for workflow tasks';
    assert.equal(worryIn(JSON.stringify({ level: 'warn', msg: usual })), undefined);
  });

  it('escapes whatever is put into a page', () => {
    assert.equal(html`<p title="${'"'}">${`<b>&'`}</p>`.markup, '<p title="&quot;">&lt;b&gt;&amp;&#39;</p>');
  });
});
