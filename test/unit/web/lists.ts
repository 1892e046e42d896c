/** The list of one's own access: what is held now is never hidden by what is over. */
import assert from 'node:assert/strict';
import { actor, openWorld, type World } from './support/world.js';
import { activeGrant, endedGrant } from './support/fixtures.js';

describe('my access', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  it('asks for live grants by themselves, and for what was asked for others by who asked', async () => {
    const live = activeGrant();
    const over = Array.from({ length: 20 }, () => endedGrant());
    const forOther = activeGrant({ subject: 'person:engineer-2', subjectName: 'Second engineer' });
    const asked: object[] = [];
    world.handlers.list = (query) => {
      asked.push(query);
      if (query.requester !== undefined) return Promise.resolve({ grants: [forOther, live] });
      return Promise.resolve({ grants: query.live ? [live] : over });
    };
    const { html } = await world.get('/access');
    assert.deepEqual(asked, [
      { subject: 'person:engineer', live: true, limit: 100 },
      { subject: 'person:engineer', live: false, limit: 20 },
      { requester: 'person:engineer', limit: 100 },
    ]);
    for (const { grantId } of [live, ...over, forOther]) assert.ok(html.includes(`/grants/${grantId}"`), grantId);
    assert.match(html, /Asked for others/);
  });

  it('says of a request that never became access that it was taken back, not given back', async () => {
    world.actor = actor('engineer');
    const by = 'person:engineer';
    const ending = { code: 'withdrawn' as const, by, reason: '', time: activeGrant().changeTime };
    const taken = endedGrant({
      state: 'WITHDRAWN',
      accessGrantTime: undefined,
      removalVerifiedTime: undefined,
      ending,
    });
    const given = endedGrant({ state: 'WITHDRAWN', ending });
    world.grants = [taken, given];
    const first = (await world.get(`/grants/${taken.grantId}`)).html;
    assert.match(first, /Taken back/);
    assert.doesNotMatch(first, /given back/i);
    assert.match((await world.get(`/grants/${given.grantId}`)).html, /Given back/);
  });
});
