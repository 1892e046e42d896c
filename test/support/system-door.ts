/** A way to the target that can swallow an answer: what was asked is done there, and whoever asked never hears of it. */
import { connect, createServer, type Socket } from 'node:net';

export interface Door {
  port: number;
  close(): Promise<void>;
}

/**
 * Passes everything between a connector and PostgreSQL, until a connection that created a role sends its COMMIT: that is
 * passed too, and its answer, like all that would follow, is kept back.
 */
export async function doorThatKeepsTheAnswer(to: { host: string; port: number }): Promise<Door> {
  const sockets = new Set<Socket>();
  const server = createServer((inside) => {
    const outside = connect(to.port, to.host);
    let hasCreated = false;
    let keepsBack = false;
    inside.on('data', (chunk) => {
      hasCreated ||= chunk.includes('CREATE ROLE');
      keepsBack ||= hasCreated && chunk.includes('COMMIT\0');
      outside.write(chunk);
    });
    outside.on('data', (chunk) => {
      if (!keepsBack) inside.write(chunk);
    });
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(socket);
      // The end of the connection follows, and is passed on like everything else.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, 'localhost', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The door has no port.');
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
