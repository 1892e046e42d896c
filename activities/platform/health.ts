/** Says whether a worker lives, whether it can do its work, and its figures: `/health/live`, `/health/ready`, `/metrics`. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { register } from 'prom-client';

export interface Health {
  url: string;
  close(): Promise<void>;
}

/** `missing` names what is not there yet; nothing means ready. Listens on loopback only. */
export async function startHealth(port: number, missing: () => string[]): Promise<Health> {
  const server = createServer((request, response) => {
    void answer(request.url ?? '/', missing)
      .catch(() => ({ status: 500, type: 'text/plain', body: 'The figures cannot be read.' }))
      .then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
      });
  });
  await listen(server, port);
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${taken}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(path: string, missing: () => string[]): Promise<{ status: number; type: string; body: string }> {
  const json = (status: number, value: object) => ({ status, type: 'application/json', body: JSON.stringify(value) });
  switch (path) {
    case '/health/live':
      return json(200, { status: 'live' });
    case '/health/ready': {
      const waitsFor = missing();
      return waitsFor.length === 0 ? json(200, { status: 'ready' }) : json(503, { status: 'not ready', waitsFor });
    }
    case '/metrics':
      return { status: 200, type: register.contentType, body: await register.metrics() };
    default:
      return json(404, { status: 'not found' });
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Error(
          error.code === 'EADDRINUSE'
            ? `Port ${port} is taken, so health cannot be served there; set DAYPASS_HEALTH_PORT to a free one.`
            : `Health cannot be served on port ${port}: ${error.message}`,
          { cause: error },
        ),
      ),
    );
    server.listen(port, 'localhost', resolve);
  });
}
