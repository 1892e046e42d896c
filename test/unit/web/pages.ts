/** The pages by themselves: what they show, what they refuse, and what they hand to the handlers. */
import assert from 'node:assert/strict';
import { Problem } from '../../../api/problem.js';
import { activeGrant, at, endedGrant, entitlement, grantBody, recordOf, waitingRecord } from './support/fixtures.js';
import { actor, openWorld, type World } from './support/world.js';

const hostile = `"'><img src=x onerror=alert(1)><script>alert(1)</script><%= it.title %>`;
const anId = '6f1c2d3e-4a5b-4c6d-8e7f-901234567890';

/** Every text in it replaced by something that would like to be markup; ids, states and times stay what they are. */
function poisoned<T>(value: T, keep: readonly string[]): T {
  if (Array.isArray(value)) return value.map((item) => poisoned(item, keep)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => {
    const isText = typeof inner === 'string' && !keep.includes(key) && !/^(P|\d{4}-)/.test(inner);
    return [key, isText ? hostile : poisoned(inner, keep)];
  });
  return Object.fromEntries(entries) as T;
}

const closedWords = [
  'grantId',
  'state',
  'credential',
  'band',
  'code',
  'action',
  'result',
  'sensitivity',
  'decisionId',
  'id',
];

describe('pages', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  describe('text from people', () => {
    it('never becomes markup, whatever field it stands in', async () => {
      const waiting = poisoned(grantBody({ may: ['see', 'decide', 'withdraw'] }), closedWords);
      const active = poisoned(
        activeGrant({
          extension: { decisionId: anId, by: 'x', totalDuration: 'PT2H', reason: 'x' },
          step: {
            about: anId,
            index: 0,
            of: 1,
            name: 'x',
            needed: 2,
            asked: ['group:x'],
            votes: [{ by: 'x', name: 'x', at: at(-1), comment: 'x' }],
            escalated: true,
          },
          ticket: { system: 'x', number: 'x' },
          temporalUi: 'x',
          may: ['see', 'decide', 'revoke', 'extend', 'collect', 'withdraw'],
        }),
        closedWords,
      );
      const ended = poisoned(
        endedGrant({ ending: { code: 'denied', by: 'person:x', reason: 'x', time: at(-9) } }),
        closedWords,
      );
      world.grants = [waiting, active, ended];
      world.waiting = [waiting];
      world.entitlements = [poisoned(entitlement(), closedWords)];
      world.records = poisoned(
        recordOf([
          ['requested', -4, 'person:x'],
          ['denied', -3, 'person:x', { reason: 'x' }],
          ['removed', -2, 'person:x', { remarks: ['x'] }],
          ['decision-refused', -1, 'person:x', { action: 'x', because: 'x' }],
        ]),
        ['type', 'time'],
      );
      world.actor = actor('operator', { name: hostile, roles: ['operator'] });
      const paths = ['/', '/ask', '/ask?entitlement=orders-db/write', '/access', '/approvals', '/grants'];
      for (const grant of world.grants) paths.push(`/grants/${grant.grantId}`);
      paths.push(
        `/ask?q=${encodeURIComponent(hostile)}`,
        `/grants?target=${encodeURIComponent(hostile)}`,
        `/${encodeURIComponent(hostile)}`,
      );
      for (const path of paths) {
        const { html } = await world.get(path);
        assert.match(html, /^<!doctype html>/, path);
        assert.doesNotMatch(html, /<img|<script>/, path);
      }
      const refused = await world.post('/ask', {
        entitlement: 'orders-db/write',
        justification: hostile,
        ticketSystem: hostile,
      });
      assert.equal(refused.status, 422);
      assert.doesNotMatch(refused.html, /<img|<script>/);
    });

    it('leaves no page with a script or a style of its own', async () => {
      world.grants = [grantBody({ may: ['see', 'decide', 'revoke'] }), activeGrant(), endedGrant()];
      world.waiting = world.grants.slice(0, 1);
      world.actor = actor('manager', { roles: ['operator'] });
      const paths = ['/ask', '/ask?entitlement=orders-db/write', '/access', '/approvals', '/grants', '/nowhere'];
      for (const grant of world.grants) paths.push(`/grants/${grant.grantId}`);
      for (const path of paths) {
        const { html } = await world.get(path);
        assert.doesNotMatch(
          html,
          /<script(?! type="module" src="\/assets\/)|<style|\sstyle=|\son[a-z]+=|javascript:/i,
          path,
        );
      }
    });
  });

  describe('who may see them', () => {
    it('tell a stranger what this is, and send them to sign in and back for everything else', async () => {
      world.actor = undefined;
      assert.match((await world.get('/')).html, /Access that ends by itself/);
      for (const path of ['/ask?entitlement=orders-db/read', '/access', '/approvals', '/grants']) {
        const answer = await world.get(path);
        assert.equal(answer.status, 303, path);
        assert.equal(answer.headers.get('location'), `/sign-in?returnTo=${encodeURIComponent(path)}`);
      }
      const sent = await world.post('/ask', {});
      assert.equal(sent.status, 401);
      assert.match(sent.html, /Please sign in/);
      assert.match(sent.html, /href="\/sign-in\?returnTo=%2Fask"/);
    });

    it('refuse a form without the token of this sign-in, and then call nothing', async () => {
      const grant = grantBody();
      world.grants = [grant];
      for (const path of [
        '/ask',
        `/grants/${grant.grantId}/approve`,
        `/grants/${grant.grantId}/deny`,
        `/grants/${grant.grantId}/credential`,
      ]) {
        for (const csrf of ['', 'wrong']) {
          const answer = await world.post(path, {
            csrf,
            entitlement: 'orders-db/write',
            reason: 'no',
            collectId: anId,
          });
          assert.equal(answer.status, 403, path);
          assert.match(answer.html, /This form is too old/);
        }
      }
      assert.deepEqual(world.calls, []);
    });

    it('show all grants only to operators, auditors and security', async () => {
      const { status, html } = await world.get('/grants');
      assert.equal(status, 403);
      assert.match(html, /Only operators, auditors and security/);
      assert.doesNotMatch(html, /href="\/grants"/);
    });

    it('are never kept by a browser, but their assets are', async () => {
      const { headers, html } = await world.get('/access');
      assert.equal(headers.get('cache-control'), 'no-store');
      for (const [, path] of html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
        const asset = await world.get(path ?? '');
        assert.equal(asset.status, 200, path);
        assert.match(asset.headers.get('cache-control') ?? '', /immutable/);
      }
      const older = await world.get('/assets/0123456789ab/base.css');
      assert.equal(older.status, 200);
      assert.doesNotMatch(older.headers.get('cache-control') ?? '', /immutable/);
    });
  });

  describe('failures', () => {
    it('are a sentence and a way out, with the right status', async () => {
      for (const path of ['/nowhere', '/grants/nope', `/grants/${'0'.repeat(26)}x`]) {
        const { status, html } = await world.get(path);
        assert.equal(status, 404, path);
        assert.match(html, /To my access/);
      }
      world.handlers.list = () => Promise.reject(new Problem('temporal-unavailable', 'Temporal cannot be reached.'));
      const down = await world.get('/access');
      assert.equal(down.status, 503);
      assert.match(down.html, /Temporal cannot be reached\./);
      assert.match(down.html, /href="\/access">Try again/);
      assert.match(down.html, /request-1/);
      world.handlers.list = () => Promise.reject(new Error('password=hunter2'));
      const broken = await world.get('/access');
      assert.equal(broken.status, 500);
      assert.doesNotMatch(broken.html, /hunter2/);
    });

    it('of the record leave the page of the grant as it is, and it says so', async () => {
      const grant = endedGrant({ ending: { code: 'revoked', by: 'person:manager', reason: 'Enough.', time: at(-9) } });
      world.grants = [grant];
      world.handlers.record = () => Promise.reject(new Problem('temporal-unavailable', 'no worker'));
      const { status, html } = await world.get(`/grants/${grant.grantId}`);
      assert.equal(status, 200);
      assert.match(html, /No worker answers just now/);
      assert.match(html, /Enough\./);
    });

    it('leave calls of the API to the API', async () => {
      const { html } = await world.get('/v1/nothing');
      assert.doesNotMatch(html, /Daypass/);
    });
  });

  describe('navigation', () => {
    it('counts what waits for the viewer, and goes on without the number when it cannot be had', async () => {
      world.waiting = [grantBody(), grantBody()];
      assert.match((await world.get('/access')).html, /class="count">2</);
      world.handlers.approvals = () => Promise.reject(new Problem('temporal-unavailable', 'down'));
      const { status, html } = await world.get('/access');
      assert.equal(status, 200);
      assert.doesNotMatch(html, /class="count"/);
    });
  });

  describe('an approval', () => {
    it('shows requester, reason, risk with its evidence, and the time left before it asks to decide', async () => {
      const grant = grantBody({ may: ['see', 'decide'] });
      world.grants = [grant];
      world.actor = actor('manager');
      world.records = waitingRecord;
      const { html } = await world.get(`/grants/${grant.grantId}`);
      const decide = html.indexOf('id="decide"');
      for (const words of ['Enno Engineer', 'Correct the shipping address', 'First use of this entitlement', '34']) {
        const found = html.indexOf(words);
        assert.ok(found > 0 && found < decide, words);
      }
      assert.match(html, /in 7 hours 56 minutes/);
    });

    it('offers no decision to whoever asked or gets the access', async () => {
      const grant = grantBody({ may: ['see', 'decide'] });
      world.grants = [grant];
      const { html } = await world.get(`/grants/${grant.grantId}`);
      assert.doesNotMatch(html, /id="decide"/);
      assert.match(html, /Nobody decides on their own request/);
    });
  });
});
