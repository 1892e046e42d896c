/** What forms send: to the handlers when it is right, back beside its field when it is not. */
import assert from 'node:assert/strict';
import { Problem } from '../../../api/problem.js';
import { activeGrant, grantBody } from './support/fixtures.js';
import { actor, openWorld, type World } from './support/world.js';

const anId = '6f1c2d3e-4a5b-4c6d-8e7f-901234567890';
/** What the page of the grant showed. */
const seen = { about: 'request', step: '0' };
const good = {
  entitlement: 'orders-db/write',
  key: anId,
  duration: 'PT30M',
  justification: 'Correct 14 shipping addresses.',
};

describe('forms', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
    world.grants = [grantBody({ may: ['see', 'decide'] })];
  });
  afterEach(() => world.close());

  describe('ask', () => {
    it('starts one grant under the key of the form, and goes to its page', async () => {
      const answer = await world.post('/ask', {
        ...good,
        ticketSystem: 'JIRA',
        ticketNumber: 'OPS-1',
        subject: 'service:deploy-bot',
      });
      assert.equal(answer.status, 303);
      assert.equal(answer.headers.get('location'), `/grants/${world.grants[0]?.grantId}`);
      const [call] = world.calls;
      assert.deepEqual(call, [
        'ask',
        {
          entitlement: 'orders-db/write',
          justification: 'Correct 14 shipping addresses.',
          requestedDuration: 1_800_000,
          subject: 'service:deploy-bot',
          ticket: { system: 'JIRA', number: 'OPS-1' },
        },
        'person:engineer',
        anId,
      ]);
    });

    const durations: [fields: Record<string, string>, ms: number | undefined][] = [
      [{ duration: 'PT2H' }, 7_200_000],
      [{ duration: 'own', hours: '1', minutes: '30' }, 5_400_000],
      [{ duration: 'own', hours: '', minutes: '45' }, 2_700_000],
      [{ duration: 'own', hours: '4', minutes: '' }, 14_400_000],
      [{ duration: 'own', hours: '4', minutes: '1' }, undefined],
      [{ duration: 'own', hours: '0', minutes: '0' }, undefined],
      [{ duration: 'own', hours: '-1', minutes: '' }, undefined],
      [{ duration: 'own', hours: '1.5', minutes: '' }, undefined],
      [{ duration: 'own', hours: '1e3', minutes: '' }, undefined],
      [{ duration: 'own' }, undefined],
      [{ duration: '' }, undefined],
      [{ duration: 'half an hour' }, undefined],
      [{ duration: 'PT0S' }, undefined],
    ];
    for (const [fields, ms] of durations) {
      it(`takes ${JSON.stringify(fields)} as ${ms === undefined ? 'a mistake' : `${ms} ms`}`, async () => {
        const answer = await world.post('/ask', { ...good, ...fields });
        const [call] = world.calls;
        assert.equal((call?.[1] as { requestedDuration?: number } | undefined)?.requestedDuration, ms);
        assert.equal(answer.status, ms === undefined ? 422 : 303);
        if (ms === undefined) assert.match(answer.html, /<a href="#duration">/);
      });
    }

    it('reads a start in the zone of the reader, and in UTC without script', async () => {
      await world.post('/ask', { ...good, start: '2027-01-31T09:00', zone: 'Europe/Berlin' });
      await world.post('/ask', { ...good, start: '2027-07-01T09:00', zone: 'UTC' });
      const starts = world.calls.map(
        ([, body]) => (body as { scheduledActivationTime: number }).scheduledActivationTime,
      );
      assert.deepEqual(starts, [Date.parse('2027-01-31T08:00:00Z'), Date.parse('2027-07-01T09:00:00Z')]);
      const wrong = await world.post('/ask', { ...good, start: 'tomorrow', zone: 'Mars/Olympus' });
      assert.equal(wrong.status, 422);
      assert.match(wrong.html, /<a href="#start">/);
    });

    it('reads a start that a clock change skips as the moment after, and one that comes twice as the first', async () => {
      await world.post('/ask', { ...good, start: '2027-03-28T02:30', zone: 'Europe/Berlin' });
      await world.post('/ask', { ...good, start: '2027-10-31T02:30', zone: 'Europe/Berlin' });
      const starts = world.calls.map(
        ([, body]) => (body as { scheduledActivationTime: number }).scheduledActivationTime,
      );
      assert.deepEqual(starts, [Date.parse('2027-03-28T01:30:00Z'), Date.parse('2027-10-31T00:30:00Z')]);
    });

    it('keeps what was typed, names every field that is wrong, and links to it', async () => {
      const typed = {
        entitlement: 'orders-db/administer',
        duration: 'own',
        hours: '9',
        minutes: '7',
        justification: 'short',
        ticketSystem: 'JIRA',
      };
      const { status, html } = await world.post('/ask', typed);
      assert.equal(status, 422);
      assert.deepEqual(world.calls, []);
      for (const field of ['duration', 'justification', 'ticket']) {
        assert.ok(html.includes(`<a href="#${field}">`), field);
        assert.ok(html.includes(`id="${field}"`), field);
      }
      assert.match(html, /3 things need another look/);
      for (const value of ['value="9"', 'value="7"', '>short</textarea>', 'value="JIRA"'])
        assert.ok(html.includes(value), value);
      assert.match(html, /value="own" id="duration-own" checked/);
    });

    it('shows a refusal of the rules beside the field that it speaks of', async () => {
      world.handlers.ask = () =>
        Promise.reject(
          new Problem('inactive-subject', 'Deploy bot is not active.', {
            errors: [{ pointer: '/subject', detail: 'Deploy bot is not active.' }],
          }),
        );
      const { status, html } = await world.post('/ask', { ...good, subject: 'service:deploy-bot' });
      assert.equal(status, 422);
      assert.match(html, /<a href="#subject">Deploy bot is not active\.<\/a>/);
    });

    it('keeps what was typed when Temporal is down', async () => {
      world.handlers.ask = () =>
        Promise.reject(new Problem('temporal-unavailable', 'Temporal cannot be reached; try again soon.'));
      const { status, html } = await world.post('/ask', good);
      assert.equal(status, 503);
      assert.match(html, /try again soon/);
      assert.match(html, /Correct 14 shipping addresses\.<\/textarea>/);
      assert.ok(html.includes(anId), 'the same key, so that sending it again cannot start two');
    });
  });

  describe('decide', () => {
    const id = () => world.grants[0]?.grantId ?? '';
    beforeEach(() => {
      world.actor = actor('manager');
    });

    it('approves with a comment and a shorter duration, and ends on a page that can be loaded again', async () => {
      const answer = await world.post(`/grants/${id()}/approve`, {
        ...seen,
        decisionId: anId,
        comment: ' Fine. ',
        hours: '0',
        minutes: '30',
      });
      assert.equal(answer.status, 303);
      const page = answer.headers.get('location') ?? '';
      assert.ok(page.startsWith(`/grants/${id()}?click=approve&decision=${anId}&mark=`), page);
      assert.match((await world.get(page)).html, /Recorded/);
      const body = { decisionId: anId, comment: 'Fine.', duration: 1_800_000, about: 'request', step: 0 };
      assert.deepEqual(world.calls, [['approve', id(), body]]);
    });

    it('sends no duration where the approver typed the one that was asked, or none', async () => {
      await world.post(`/grants/${id()}/approve`, { ...seen, decisionId: anId, hours: '2', minutes: '0' });
      await world.post(`/grants/${id()}/approve`, { ...seen, decisionId: anId });
      assert.deepEqual(world.calls, [
        ['approve', id(), { decisionId: anId, about: 'request', step: 0 }],
        ['approve', id(), { decisionId: anId, about: 'request', step: 0 }],
      ]);
    });

    it('refuses to lengthen, and keeps the comment', async () => {
      const { status, html } = await world.post(`/grants/${id()}/approve`, {
        ...seen,
        decisionId: anId,
        comment: 'Take more.',
        hours: '3',
      });
      assert.equal(status, 422);
      assert.match(html, /You can shorten the 2 hours, never lengthen it/);
      assert.match(html, />Take more\.<\/textarea>/);
      assert.deepEqual(world.calls, []);
    });

    it('denies only with a reason', async () => {
      for (const reason of ['', '   ', '\u200b']) {
        const { status, html } = await world.post(`/grants/${id()}/deny`, { ...seen, decisionId: anId, reason });
        assert.equal(status, 422);
        assert.match(html, /<a href="#reason">/);
      }
      assert.deepEqual(world.calls, []);
      const answer = await world.post(`/grants/${id()}/deny`, {
        ...seen,
        decisionId: anId,
        reason: 'Use the replica.',
      });
      assert.equal(answer.status, 303);
      const body = { decisionId: anId, reason: 'Use the replica.', about: 'request' };
      assert.deepEqual(world.calls, [['deny', id(), body]]);
    });

    it('says what was looked at, and decides nothing where a form does not', async () => {
      const { html } = await world.get(`/grants/${id()}`);
      assert.equal(
        [...html.matchAll(/name="about" value="request"><input type="hidden" name="step" value="0">/g)].length,
        2,
      );
      const told: Record<string, string>[] = [{}, { about: 'request' }, { step: '0' }, { about: anId, step: '0' }];
      for (const missing of told) {
        for (const action of ['approve', 'deny']) {
          const more = { reason: 'No.' };
          const answer = await world.post(`/grants/${id()}/${action}`, { decisionId: anId, ...missing, ...more });
          assert.equal(answer.status, 422);
          assert.match(answer.html, /did not say what it was about/);
        }
      }
      assert.deepEqual(world.calls, []);
    });

    it('says which total of an extension was looked at', async () => {
      const extension = { decisionId: anId, by: 'person:engineer', totalDuration: 'PT4H', reason: 'More.' };
      const [first] = world.grants;
      assert.ok(first?.step);
      world.grants = [{ ...first, state: 'ACTIVE', extension, step: { ...first.step, about: anId } }];
      const { html } = await world.get(`/grants/${id()}`);
      assert.match(html, /name="totalDuration" value="PT4H"/);
      await world.post(`/grants/${id()}/approve`, { decisionId: anId, about: anId, step: '0', totalDuration: 'PT4H' });
      assert.deepEqual(world.calls, [
        ['approve', id(), { decisionId: anId, about: anId, step: 0, totalDuration: 4 * 3_600_000 }],
      ]);
    });

    it('ends a refusal on the page of the grant, and an outage on a page that says nothing was judged', async () => {
      world.handlers.approve = () => Promise.reject(new Problem('already-over', 'over', { state: 'DENIED' }));
      const late = await world.post(`/grants/${id()}/approve`, { ...seen, decisionId: anId });
      const page = late.headers.get('location') ?? '';
      assert.ok(page.startsWith(`/grants/${id()}?click=approve&decision=${anId}&refused=already-over&mark=`), page);
      assert.match((await world.get(page)).html, /It was already over/);
      world.handlers.approve = () => Promise.reject(new Problem('temporal-unavailable', 'Temporal cannot be reached.'));
      const down = await world.post(`/grants/${id()}/approve`, { ...seen, decisionId: anId });
      assert.equal(down.status, 503);
      world.handlers.approve = () => Promise.reject(new Problem('fresh-sign-in-required', 'Sign in again first.'));
      const stale = await world.post(`/grants/${id()}/approve`, { ...seen, decisionId: anId });
      assert.equal(stale.status, 401);
      assert.match(stale.html, /Please sign in again/);
    });

    it('believes no address that it did not write itself for this click of this person', async () => {
      const sent = await world.post(`/grants/${id()}/approve`, { ...seen, decisionId: anId });
      const page = new URL(sent.headers.get('location') ?? '', world.url);
      const told = async (change: Record<string, string>) => {
        const query = new URLSearchParams({ ...Object.fromEntries(page.searchParams), ...change });
        return (await world.get(`${page.pathname}?${query.toString()}`)).html;
      };
      assert.match(await told({}), /Recorded/);
      const made: Record<string, string>[] = [
        { mark: '' },
        { mark: 'x' },
        { click: 'deny' },
        { decision: anId.replace('6', '7') },
        { refused: 'already-over' },
      ];
      for (const change of made) {
        assert.doesNotMatch(await told(change), /id="happened"/, JSON.stringify(change));
      }
      world.actor = actor('owner');
      assert.doesNotMatch(await told({}), /id="happened"/);
    });

    it('tells the truth where a grant took no more decisions and was ended as a whole', async () => {
      const sent = await world.post(`/grants/${id()}/deny`, { ...seen, decisionId: anId, reason: 'No.' });
      const [first] = world.grants;
      assert.ok(first);
      const ending = { code: 'cancelled' as const, by: 'system:daypass', reason: '', time: first.changeTime };
      world.grants = [{ ...first, state: 'REVOKED', step: undefined, ending }];
      const { html } = await world.get(sent.headers.get('location') ?? '');
      assert.match(html, /It is ended/);
      assert.doesNotMatch(html, /Nothing was changed|already over/);
    });
  });

  describe('give back, revoke and extend', () => {
    it('need no reason to end, and one to go on', async () => {
      const grant = activeGrant();
      world.grants = [grant];
      const at = `/grants/${grant.grantId}`;
      await world.post(`${at}/withdraw`, { decisionId: anId });
      await world.post(`${at}/revoke`, { decisionId: anId, reason: 'Wrong database.' });
      await world.post(`${at}/extend`, { decisionId: anId, reason: 'Not done yet.', hours: '1' });
      assert.deepEqual(world.calls, [
        ['withdraw', grant.grantId, { decisionId: anId }],
        ['revoke', grant.grantId, { decisionId: anId, reason: 'Wrong database.' }],
        ['extend', grant.grantId, { decisionId: anId, reason: 'Not done yet.', duration: 3_600_000 }],
      ]);
      const { status, html } = await world.post(`${at}/extend`, { decisionId: anId, hours: '1' });
      assert.equal(status, 422);
      assert.match(html, /<a href="#extend-reason">/);
      assert.match(html, /id="extend-hours"[^>]*value="1"/);
    });
  });

  describe('the credential', () => {
    it('is shown on an answer that nobody keeps, with the line that logs in', async () => {
      const grant = activeGrant();
      world.grants = [grant];
      const { status, html, headers } = await world.post(`/grants/${grant.grantId}/credential`, { collectId: anId });
      assert.equal(status, 200);
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.match(html, /psql &quot;host=localhost port=7432 dbname=orders user=dp_1&quot;/);
      assert.match(html, /p w&quot;<\/pre>/);
      assert.match(html, /postgresql:\/\/dp_1:p%20w%22@localhost:7432\/orders/);
      assert.deepEqual(world.calls, [['collect', grant.grantId, { collectId: anId }]]);
    });

    it('is refused with a page when it was handed over before', async () => {
      const grant = activeGrant();
      world.grants = [grant];
      world.handlers.collect = () => Promise.reject(new Problem('already-collected', 'It was handed over before.'));
      const { status, html } = await world.post(`/grants/${grant.grantId}/credential`, { collectId: anId });
      assert.equal(status, 409);
      assert.match(html, /Already handed over/);
    });
  });
});
