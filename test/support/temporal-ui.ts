/** The way to the Temporal UI as the API mounts it, for callers of any role, and a UI server that does what a bad one could. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import express from 'express';
import type { Actor, InstallationRole } from '../../api/identity/actor.js';
import { refuseCrossSite } from '../../api/identity/csrf.js';
import { answerProblems } from '../../api/problem.js';
import { temporalUi, uiPath } from '../../api/temporal/ui.js';
import { createLog } from '../../activities/platform/log.js';
import type { JournalRecordType } from '../../workflows/domain/record.js';

export const portalOrigin = 'http://localhost:7300';

export interface Noted {
  event: JournalRecordType;
  by: string;
  detail: { [key: string]: unknown };
}

export interface Way {
  url: string;
  noted: Noted[];
  said: string[];
  /** The journal cannot be written from now on. */
  journalFails: boolean;
  /** Sign-outs cannot be read from now on, and everyone signed in long ago. */
  signOutsKnown: boolean;
  close(): Promise<void>;
}

/** Callers say by a header of the test's own which role they have; nobody without it. */
export async function wayToTheUi(upstream: string | undefined): Promise<Way> {
  const app = express();
  app.use(refuseCrossSite({ origin: portalOrigin, sendsCookie: (cookie) => cookie !== undefined }));
  app.use((request, response, next) => {
    const role = request.headers['x-test-role'];
    if (role !== undefined) response.locals['actor'] = actorOf(String(role), way.signOutsKnown);
    next();
  });
  const said: string[] = [];
  const noted: Noted[] = [];
  const journal = {
    note: (event: JournalRecordType, by: string, detail: Noted['detail']) => {
      if (way.journalFails) return Promise.reject(new Error('no journal'));
      noted.push({ event, by, detail });
      return Promise.resolve();
    },
  };
  const log = createLog('test', 'debug', (line) => said.push(line));
  app.use(uiPath, temporalUi({ upstream, portalUrl: portalOrigin, namespace: 'daypass', journal, log }));
  app.use(answerProblems(() => undefined));
  const server = await listening(createServer(app));
  const way: Way = { ...server, noted, said, journalFails: false, signOutsKnown: true };
  return way;
}

function actorOf(role: string, signOutsKnown: boolean): Actor {
  const roles: readonly InstallationRole[] = ['operator', 'security', 'auditor', 'maintainer'];
  return {
    ref: `person:${role}`,
    name: role,
    signIn: { time: signOutsKnown ? Date.now() : 0, methods: ['pwd'], groups: [] },
    groups: [],
    roles: roles.filter((each) => each === role),
    by: 'session',
    madeAt: Date.now(),
    until: Date.now() + 60_000,
    signOutsKnown,
  };
}

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface BadServer {
  url: string;
  received: Received[];
  close(): Promise<void>;
}

/** Keeps everything that it gets, and answers as `answer` says. */
export async function badServer(answer: (request: Received, response: ServerResponse) => void): Promise<BadServer> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body };
      received.push(one);
      answer(one, response);
    });
  });
  return { ...(await listening(server)), received };
}

async function listening(server: Server): Promise<{ url: string; close: () => Promise<void> }> {
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return {
    url: `http://localhost:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
