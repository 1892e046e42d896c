/** A collector of audit events: a real HTTP server that takes them, or does what a bad one does. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OcsfEvent } from '../../activities/audit/ocsf.js';

export interface Collector {
  url: string;
  /** Everything that was taken, in its order. */
  taken: OcsfEvent[];
  /** Every POST that came, taken or not: its authorization and how many events it held. */
  posts: { authorization: string | undefined; events: number }[];
  /** What becomes of a POST; answers whether its events are taken. */
  behave(how: Behaviour): void;
  stop(): Promise<void>;
}

export type Behaviour = (response: ServerResponse, events: OcsfEvent[]) => boolean;

/** Takes everything. */
export const takes: Behaviour = (response) => {
  response.writeHead(202).end();
  return true;
};

export function answers(status: number, headers: Record<string, string> = {}): Behaviour {
  return (response) => {
    response.writeHead(status, headers).end('{"secret":"of the collector"}');
    return false;
  };
}

export async function startCollector(port = 0): Promise<Collector> {
  const taken: OcsfEvent[] = [];
  const posts: Collector['posts'] = [];
  let how = takes;
  const server = createServer((request, response) => {
    void body(request).then((text) => {
      const events = JSON.parse(text) as OcsfEvent[];
      posts.push({ authorization: request.headers.authorization, events: events.length });
      if (how(response, events)) taken.push(...events);
    });
  });
  await listening(server, port);
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/events`,
    taken,
    posts,
    behave: (next) => (how = next),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function body(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part;
  return text;
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, 'localhost', resolve);
  });
}
