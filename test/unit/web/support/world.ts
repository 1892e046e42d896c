/** The pages alone, over HTTP: handlers answer from lists that a test fills, and remember what they were called with. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Audit } from '../../../../api/audit/audit.js';
import type { Handlers } from '../../../../api/handlers.js';
import type { Actor } from '../../../../api/identity/actor.js';
import { createCsrf } from '../../../../api/identity/csrf.js';
import { createNonces } from '../../../../api/identity/nonces.js';
import { createWebauthn, type Webauthn } from '../../../../api/identity/webauthn.js';
import type { People } from '../../../../api/people.js';
import { notFound } from '../../../../api/problem.js';
import type { EntitlementBody, RecordBody } from '../../../../api/schemas/answers.js';
import type { GrantBody } from '../../../../api/schemas/grant.js';
import { pages } from '../../../../api/web/pages.js';
import { page } from '../../../support/authenticator.js';
import { peopleInMemory } from '../../../support/people-in-memory.js';
import { entitlements, now } from './fixtures.js';

export interface World {
  grants: GrantBody[];
  waiting: GrantBody[];
  entitlements: EntitlementBody[];
  records: RecordBody['records'] | undefined;
  actor: Actor | undefined;
  /** What the handlers were called with, by name. */
  calls: [name: string, ...input: unknown[]][];
  audit: Audit;
  /** Whose passkeys the pages show. */
  people: People;
  /** Replaces single handlers. */
  handlers: Partial<Handlers>;
  url: string;
  close(): Promise<void>;
  get(path: string): Promise<{ status: number; html: string; headers: Headers }>;
  post(path: string, fields: Record<string, string>): Promise<{ status: number; html: string; headers: Headers }>;
}

export function actor(id: string, change: Partial<Actor> = {}): Actor {
  return {
    ref: `person:${id}`,
    name: id.charAt(0).toUpperCase() + id.slice(1),
    signIn: { time: now, methods: ['pwd'], groups: [] },
    groups: [],
    roles: [],
    by: 'session',
    sessionId: `session of ${id}`,
    madeAt: now,
    until: now + 3_600_000,
    signOutsKnown: true,
    ...change,
  };
}

/** With steps of their own, and statements that nobody signed. */
function passkeysInMemory(people: People): Webauthn {
  return createWebauthn({
    people,
    signer: { passkey: () => Promise.resolve('a.b.c') },
    nonces: createNonces(new Uint8Array(32)),
    installation: 'test',
    portalUrl: page.origin,
    log: { warn: () => undefined },
  });
}

/** The policy that the pages are served with; the real one is checked in the browser tests. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export async function openWorld(clock: () => number = () => now): Promise<World> {
  const csrf = createCsrf(new Uint8Array(32));
  const people = peopleInMemory();
  const find = (id: string): GrantBody => {
    const found = [...world.grants, ...world.waiting].find((grant) => grant.grantId === id);
    if (!found) throw notFound();
    return found;
  };
  const decided =
    (name: keyof Handlers) =>
    (id: string, body: { decisionId?: string }): Promise<{ decisionId: string; recorded: true }> => {
      find(id);
      world.calls.push([name, id, body]);
      return Promise.resolve({ decisionId: body.decisionId ?? '', recorded: true });
    };
  const answers: Handlers = {
    ask: (body, by, key) => {
      world.calls.push(['ask', body, by.ref, key]);
      return Promise.resolve({ grant: world.grants[0] ?? find('none'), isNew: true });
    },
    list: (query) => {
      world.calls.push(['list', query]);
      return Promise.resolve({ grants: world.grants });
    },
    approvals: () => Promise.resolve({ grants: world.waiting }),
    see: async (id) => find(id),
    record: () => Promise.resolve({ records: world.records ?? [] }),
    approve: decided('approve'),
    deny: decided('deny'),
    withdraw: decided('withdraw'),
    revoke: decided('revoke'),
    extend: decided('extend'),
    review: decided('review'),
    challengedByAsk: () => Promise.reject(new Error('not part of this test')),
    challengedByApproval: () => Promise.reject(new Error('not part of this test')),
    collect: (id, body) => {
      world.calls.push(['collect', id, body]);
      return Promise.resolve({
        collectId: body.collectId,
        expireTime: find(id).expireTime ?? '',
        credential: {
          kind: 'postgres',
          host: 'localhost',
          port: 7432,
          database: 'orders',
          username: 'dp_1',
          password: 'p w"',
        },
      });
    },
    entitlements: () => Promise.resolve({ entitlements: world.entitlements }),
  };
  const app = express();
  app.use((_request, response, next) => {
    response.locals['actor'] = world.actor;
    response.locals['requestId'] = 'request-1';
    response.set('Content-Security-Policy', policy);
    next();
  });
  const directory: Record<string, string> = { 'person:manager': 'Mara Manager', 'person:owner': 'Oda Owner' };
  const handlers = new Proxy(answers, {
    get: (target, name: keyof Handlers) => world.handlers[name] ?? target[name],
  });
  app.use(
    pages({
      handlers,
      audit: { search: (asked) => world.audit.search(asked), export: (...asked) => world.audit.export(...asked) },
      passkeys: passkeysInMemory(people),
      stepUp: () => Promise.resolve('daypass=stepped-up'),
      csrf,
      portalUrl: page.origin,
      nameOf: (ref) => directory[ref],
      report: () => undefined,
      now: clock,
    }),
  );
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://localhost:${port}`;
  const call = async (path: string, init: RequestInit) => {
    const answer = await fetch(url + path, { redirect: 'manual', ...init });
    return { status: answer.status, html: await answer.text(), headers: answer.headers };
  };
  const world: World = {
    grants: [],
    waiting: [],
    entitlements,
    records: [],
    actor: actor('engineer', { name: 'Enno Engineer' }),
    calls: [],
    audit: {
      search: () => Promise.resolve({ records: [], unreadable: [] }),
      export: () => Promise.reject(new Error('not part of this test')),
    },
    people,
    handlers: {},
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    get: (path) => call(path, {}),
    post: (path, fields) => {
      const token = csrf.token(world.actor?.sessionId ?? '');
      return call(path, { method: 'POST', body: new URLSearchParams({ csrf: token, ...fields }) });
    },
  };
  return world;
}
