/** A worker says that it lives, what it still waits for, and its figures; and what stands in the way of saying so. */
import assert from 'node:assert/strict';
import { startHealth, type Health } from '../../../activities/platform/health.js';

describe('the health of a worker', () => {
  let health: Health;
  let missing: string[];
  beforeEach(async () => {
    missing = [];
    health = await startHealth(0, () => missing);
  });
  afterEach(() => health.close());

  const get = (path: string): Promise<Response> => fetch(health.url + path);

  it('is alive whatever it waits for, and ready once it waits for nothing', async () => {
    missing = ['target-orders-db'];
    assert.equal((await get('/health/live')).status, 200);
    const waiting = await get('/health/ready');
    assert.deepEqual(
      [waiting.status, await waiting.json()],
      [503, { status: 'not ready', waitsFor: ['target-orders-db'] }],
    );
    missing = [];
    assert.equal((await get('/health/ready')).status, 200);
  });

  it('shows its figures, and nothing else', async () => {
    assert.match((await get('/metrics')).headers.get('content-type') ?? '', /text\/plain/);
    assert.equal((await get('/metrics/../etc/passwd')).status, 404);
  });

  it('says which port is taken, and the setting that moves it', async () => {
    const { port } = new URL(health.url);
    await assert.rejects(
      startHealth(Number(port), () => []),
      /is taken, .*set DAYPASS_HEALTH_PORT to a free one/,
    );
  });
});
