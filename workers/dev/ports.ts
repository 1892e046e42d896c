/** Ports on loopback: a free one, or a sentence that names the busy one. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { Trouble } from './trouble.js';

/**
 * Below the ports that systems hand to outgoing connections: one of those could be taken again between our finding it
 * and a service's listening on it. Drawn by chance, since several test runs and stacks look at the same time.
 */
const lowest = 15_000;
const highest = 31_999;

/** `npm test` gives each of its lanes one of so many parts: what a test stops for a while finds its ports free when it comes back. */
const parts = 8;
const partSize = Math.floor((highest + 1 - lowest) / parts);
/** Which part this process draws from, as do those that it starts. */
export const portsPart = 'DAYPASS_TEST_PORTS';

/** Not given again by this process, whether or not something listens there just now. */
const given = new Set<number>();

/** Found while all others are still held. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenSomewhere()));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('A TCP server has no port.');
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function listenSomewhere(): Promise<ReturnType<typeof createServer>> {
  for (let left = 100; left > 0; left -= 1) {
    const port = drawn();
    // Given or busy: the next one is drawn.
    const server = given.has(port) ? undefined : await listen(port).catch(() => undefined);
    given.add(port);
    if (server) return server;
  }
  throw new Error(`No free port from ${lowest} to ${highest} was found in a hundred tries.`);
}

function drawn(): number {
  const part = process.env[portsPart];
  return part === undefined
    ? randomInt(lowest, highest + 1)
    : lowest + (Number(part) % parts) * partSize + randomInt(partSize);
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error('No free port.');
  return port;
}

/** Refuses with one sentence when something already listens there. */
export async function mustBeFree(port: number, what: string, variable: string): Promise<void> {
  try {
    // Services listen on the address, pages on the name; on some machines the name is another address.
    for (const host of ['127.0.0.1', 'localhost']) {
      const server = await listen(port, host);
      await new Promise((resolve) => server.close(resolve));
    }
  } catch (error) {
    throw new Trouble(
      `Port ${port} for ${what} is busy: stop what listens there, or choose another with ${variable}=<port> npm start.`,
      { cause: error },
    );
  }
}

function listen(port: number, host = '127.0.0.1'): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host }, () => resolve(server));
  });
}
