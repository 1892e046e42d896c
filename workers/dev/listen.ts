/** Serves HTTP on loopback until it is stopped; open connections do not hold the stop up. */
import { createServer, type RequestListener } from 'node:http';

export interface Listening {
  port: number;
  stop(): Promise<void>;
}

export async function listenOnLoopback(handler: RequestListener, port: number): Promise<Listening> {
  const server = createServer(handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: 'localhost' }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('An HTTP server has no port.');
  return {
    port: address.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
