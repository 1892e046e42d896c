/** `npm start`: everything up with one command, one screen, and nothing left after one Ctrl-C; what was there goes on. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../../workers/dev/ports.js';
import { root } from '../../workers/dev/settings.js';
import { bundleFile } from '../support/bundle-file.js';
import { folder } from '../support/services.js';
import { until } from '../support/until.js';

const run = promisify(execFile);

describe('npm start', function () {
  this.timeout(180_000);
  let env: NodeJS.ProcessEnv;
  let stateDir: string;
  let ports: Record<string, number>;

  before(async () => {
    stateDir = join(await folder(), 'state');
    const names = ['DAYPASS_PORT', 'DAYPASS_PROVIDER_PORT', 'DAYPASS_MAIL_PORT', 'DAYPASS_SMTP_PORT'];
    names.push('DAYPASS_TEMPORAL_PORT', 'DAYPASS_TEMPORAL_UI_PORT', 'DAYPASS_REDIS_PORT', 'ORDERS_DB_PORT');
    const free = await freePorts(names.length);
    ports = Object.fromEntries(names.map((name, index) => [name, free[index] ?? 0]));
    const { TEMPORAL_ADDRESS: _t, REDIS_URL: _r, SMTP_URL: _s, OIDC_ISSUER: _o, ...surroundings } = process.env;
    const asText = Object.entries(ports).map(([name, port]) => [name, String(port)]);
    env = { ...surroundings, ...Object.fromEntries(asText), DAYPASS_STATE_DIR: stateDir };
  });

  it('ends with one sentence when a port is busy, having started nothing', async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(ports['DAYPASS_REDIS_PORT'], '127.0.0.1', resolve));
    try {
      const launcher = launch(env);
      assert.equal(await launcher.ended(), 1);
      assert.match(launcher.said().trim(), /^Port \d+ for Redis is busy: .* DAYPASS_REDIS_PORT=<port> npm start\.$/);
    } finally {
      server.close();
    }
  });

  it('brings everything up, stops it with one signal, and goes on where it was', async () => {
    const first = launch(env);
    await first.isUp();
    const portal = `http://localhost:${ports['DAYPASS_PORT']}`;
    for (const [name, path] of [
      ['DAYPASS_PORT', '/health/ready'],
      ['DAYPASS_PORT', '/openapi.json'],
      ['DAYPASS_PROVIDER_PORT', '/.well-known/openid-configuration'],
      ['DAYPASS_MAIL_PORT', '/messages.json'],
      ['DAYPASS_TEMPORAL_UI_PORT', '/'],
    ] as const) {
      const response = await fetch(`http://localhost:${ports[name]}${path}`);
      assert.equal(response.status, 200, `${name}${path}`);
    }
    for (const account of [
      'engineer',
      'manager',
      'owner',
      'oncall',
      'contractor',
      'security',
      'operator',
      'maintainer',
      'deploy-bot',
    ]) {
      assert.match(first.said(), new RegExp(`^  ${account} `, 'm'));
    }
    for (const key of await readdir(join(stateDir, 'keys'))) {
      assert.equal((await stat(join(stateDir, 'keys', key))).mode & 0o777, 0o600, key);
    }

    const headers = await bearer('engineer');
    const asked = await fetch(`${portal}/v1/grants`, {
      method: 'POST',
      headers,
      body: JSON.stringify({
        entitlement: 'orders-db/read',
        justification: 'To see that a grant outlives a restart.',
        requestedDuration: 'PT1H',
      }),
    });
    assert.equal(asked.status, 201, await asked.clone().text());
    const grant = new URL(asked.headers.get('location') ?? '', portal);

    const second = launch(env);
    assert.equal(await second.ended(), 1);
    assert.match(second.said(), /Daypass runs already, as process \d+ at http:/);

    const started = await childrenOf(first.pid);
    assert.ok(started.length >= 6, `only ${started.length} programs were started`);
    first.interrupt();
    assert.equal(await first.ended(), 0);
    assert.deepEqual(started.filter(isRunning), []);
    await assert.rejects(run('npm', ['run', '-s', 'token', '--', 'engineer'], { cwd: root, env }), /does not run here/);

    const again = launch({ ...env, DAYPASS_WORKFLOW_BUNDLE_FILE: await bundleFile() });
    await again.isUp();
    const found = await fetch(grant, { headers });
    assert.equal(found.status, 200);

    // A part that dies is not restarted in silence.
    const redis = await childrenOf(again.pid, 'redis-server');
    const all = await childrenOf(again.pid);
    process.kill(redis[0] ?? 0, 'SIGKILL');
    assert.equal(await again.ended(), 1);
    assert.match(again.said(), /Redis ended by itself \(by SIGKILL\), so everything is stopped\./);
    assert.deepEqual(all.filter(isRunning), []);
  });

  async function bearer(account: string): Promise<Record<string, string>> {
    const { stdout } = await run('npm', ['run', '-s', 'token', '--', account], { cwd: root, env });
    return {
      authorization: `Bearer ${stdout.trim()}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
    };
  }
});

const launched = new Set<ChildProcess>();
after(() => {
  for (const child of launched) child.kill('SIGTERM');
});

function launch(env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, ['workers/dev/run.mjs', 'main'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  launched.add(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  const end = once(child, 'close').then(() => {
    launched.delete(child);
    return child.exitCode;
  });
  return {
    pid: child.pid ?? 0,
    said: () => text,
    interrupt: () => child.kill('SIGINT'),
    ended: () => end,
    isUp: () =>
      until(
        () => {
          if (child.exitCode !== null) throw new Error(text);
          return text.includes('Daypass is up') && text.includes('Ctrl-C stops everything');
        },
        { withinMs: 120_000, everyMs: 100, what: 'the launcher’s screen' },
      ),
  };
}

/** Processes whose parent is `pid`; with `name`, those that run that program. */
async function childrenOf(pid: number, name = ''): Promise<number[]> {
  const { stdout } = await run('ps', ['-e', '-o', 'pid=,ppid=,args=']);
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([own, parent, ...args]) =>
        own && Number(parent) === pid && !args[0]?.endsWith('ps') && args.join(' ').includes(name),
    )
    .map(([own]) => Number(own));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
