/** Ports on loopback: a free one, or a sentence that names the busy one. */
import { createServer } from 'node:net';
import { Trouble } from './trouble.js';

/** Two listeners at once, so that two calls in a row cannot be given the same port. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('A TCP server has no port.');
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error('No free port.');
  return port;
}

/** Refuses with one sentence when something already listens there. */
export async function mustBeFree(port: number, what: string, variable: string): Promise<void> {
  try {
    const server = await listen(port);
    await new Promise((resolve) => server.close(resolve));
  } catch (error) {
    throw new Trouble(
      `Port ${port} for ${what} is busy: stop what listens there, or choose another with ${variable}=<port> npm start.`,
      { cause: error },
    );
  }
}

function listen(port: number): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server));
  });
}
