/** Live views: counted down whenever their reader leaves, and only for who may still see. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createLog } from '../../../activities/platform/log.js';
import type { Policy } from '../../../activities/policy/policy.js';
import { initialView, type Found } from '../../../api/memo.js';
import { answerProblems } from '../../../api/problem.js';
import { mount } from '../../../api/route.js';
import { eventRoutes } from '../../../api/routes/events.js';
import { examplePolicy } from '../../support/policy.js';
import { until } from '../../support/until.js';
import { actorOf, grantId, request } from './support/world.js';

describe('live views', () => {
  const watchers = new Set<() => void>();
  const found: Found = { request, view: initialView(request), bodyDigest: '', historyLength: 1 };
  let policy: Policy;
  let lookUp: () => Promise<Found>;
  let url: string;
  let close: () => void;

  beforeEach(async () => {
    policy = examplePolicy();
    lookUp = () => Promise.resolve(found);
    const deps = {
      grants: { find: () => lookUp() },
      policy: () => policy,
      live: {
        watch: (_id: string, changed: () => void) => {
          watchers.add(changed);
          return () => watchers.delete(changed);
        },
        onSignOut: () => () => undefined,
      },
      temporalUi: () => undefined,
      log: createLog('test', 'fatal', () => undefined),
    };
    const app = express();
    app.use((_request, response, next) => {
      response.locals['actor'] = actorOf('engineer');
      next();
    });
    mount(app, eventRoutes(deps as unknown as Parameters<typeof eventRoutes>[0]));
    app.use(answerProblems(() => undefined));
    const server = createServer(app).listen(0, 'localhost');
    await until(() => server.listening);
    url = `http://localhost:${(server.address() as AddressInfo).port}/v1/grants/${grantId}/events`;
    close = () => {
      server.close();
      server.closeAllConnections();
    };
  });
  afterEach(() => {
    close();
    watchers.clear();
  });

  it('of readers who left while their grant was looked up are counted no more, and watch nothing', async () => {
    let asked = 0;
    let answer = () => {};
    const answered = new Promise<Found>((resolve) => (answer = () => resolve(found)));
    lookUp = () => {
      asked += 1;
      return answered;
    };
    const readers = Array.from({ length: 10 }, () => new AbortController());
    const left = readers.map(({ signal }) => fetch(url, { signal }).catch(() => undefined));
    await until(() => asked === 10);
    assert.equal((await fetch(url)).status, 429);
    for (const reader of readers) reader.abort();
    await Promise.all(left);
    const next = new AbortController();
    const response = await until(async () => {
      const one = fetch(url, { signal: next.signal });
      answer();
      const found = await one;
      return found.status === 200 ? found : undefined;
    });
    await until(() => watchers.size === 1);
    next.abort();
    await response.text().catch(() => undefined);
    await until(() => watchers.size === 0);
  });

  it('end for who is no longer active in the directory', async () => {
    const response = await fetch(url);
    const reader = response.body?.getReader();
    await reader?.read();
    policy = { ...policy, isActive: () => false };
    for (const changed of watchers) changed();
    await until(async () => (await reader?.read())?.done);
    assert.equal(watchers.size, 0);
  });
});
