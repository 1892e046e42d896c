/** A Redis that is away or hangs fails a call within half a second, and nobody waits for it. */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createLog } from '../../activities/platform/log.js';
import { connectRedis } from '../../activities/platform/redis.js';
import { ownRedis } from '../support/services.js';
import { until } from '../support/until.js';

type Redis = ReturnType<typeof connectRedis>;

/** How long a call took to fail. */
async function failsAfter(call: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await assert.rejects(call);
  return performance.now() - start;
}

describe('the Redis client', () => {
  let redis: Redis | undefined;
  const lines: string[] = [];
  const log = createLog('test', 'info', (line) => lines.push(line));
  const connect = (url: string): Redis => (redis = connectRedis(url, log));
  beforeEach(() => lines.splice(0));
  afterEach(() => redis?.disconnect());

  it('fails at once where nothing listens, and says so in one line', async () => {
    const dead = connect('redis://127.0.0.1:1');
    await until(() => lines.length > 0);
    assert.ok((await failsAfter(dead.get('x'))) < 200);
    assert.equal(lines.length, 1);
  });

  it('fails within half a second where Redis hangs before its first answer', async () => {
    await withHungServer(async (port, sockets) => {
      const hung = connect(`redis://127.0.0.1:${port}`);
      await until(() => sockets.size > 0);
      assert.ok((await failsAfter(hung.get('x'))) < 1_000);
    });
  });

  it('fails within half a second where Redis hangs later, and works again when it is back', async () => {
    const own = await ownRedis();
    const client = connect(own.url);
    await until(() => client.status === 'ready');
    assert.equal(await client.set('x', '1'), 'OK');

    // A client elsewhere stops the server from answering anyone.
    const other = connectRedis(own.url);
    await until(() => other.status === 'ready');
    await other.call('CLIENT', 'PAUSE', '1500', 'ALL');
    const took = await failsAfter(client.get('x'));
    assert.ok(took > 400 && took < 1_000, `took ${took} ms`);
    await until(async () => (await client.get('x')) === '1');
    other.disconnect();

    await own.stop();
    await until(() => client.status !== 'ready');
    assert.ok((await failsAfter(client.get('x'))) < 200);
    await own.start();
    await until(async () => (await client.set('x', '2')) === 'OK');
    assert.deepEqual(
      lines.map((line) => (line.includes('redis is back') ? 'back' : 'away')),
      ['away', 'back'],
    );
  });
});

async function withHungServer(work: (port: number, sockets: Set<Socket>) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work((server.address() as AddressInfo).port, sockets);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
