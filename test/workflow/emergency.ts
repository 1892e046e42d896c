/** Break-glass on the real server: waits for nobody, is told to security, and is not over before somebody looked back at it. */
import assert from 'node:assert/strict';
import { firstBroken } from '../../workflows/domain/record.js';
import type { Request } from '../../workflows/domain/request.js';
import { hour, rule, Script, silence, step, type Activities } from '../support/script.js';
import type { TestGrant } from '../support/test-grant.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const day = 24 * hour;
const reviewer = 'person:security';

describe('an emergency', () => {
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  const allowed = rule({
    emergency: { longestMs: hour, reviewers: ['group:security'] },
    extension: { automaticUpToMs: 0, byApproval: true },
    flow: { name: 'light', steps: [step(['person:manager'])] },
  });

  const asked = (more: Partial<Activities> = {}, request: Partial<Request> = {}): Promise<TestGrant> =>
    world.grant(new Script({ rule: allowed, ...more }), { emergency: true, ...request });

  const kinds = ({ script }: TestGrant) => script.told.flatMap(({ news }) => news.map(({ kind }) => kind));

  it('is usable without anybody’s approval, and security hears of it at once', async () => {
    const it = await asked();
    const view = await it.shows({ state: 'ACTIVE', conditions: ['emergency', 'reviewPending'] });
    assert.equal(view.automatic, false);
    assert.deepEqual(view.review?.reviewers, ['group:security']);
    assert.ok(view.asked.includes('group:security'), 'reviewers may not see it');
    await until(() => kinds(it).includes('emergency'), { what: 'news of the emergency' });
    const told = it.script.told.flatMap(({ news }) => news).find(({ kind }) => kind === 'emergency');
    assert.deepEqual(told?.to, ['group:security']);
    await it.narrow('revoke', reviewer);
    await it.review({ by: reviewer, verdict: 'justified' });
    await it.ends();
  });

  it('ends as any other access, and stays open until it is reviewed', async () => {
    const it = await asked();
    await it.shows({ state: 'ACTIVE' });
    await it.narrow('withdraw', 'person:engineer');
    await it.shows({ state: 'WITHDRAWN', conditions: ['emergency', 'reviewPending'] });
    assert.ok(!it.script.standing, 'it waits for the review with its access');
    assert.equal((await it.handle.describe()).status.name, 'RUNNING');

    const outcome = await it.review({ by: reviewer, verdict: 'not-justified' });
    assert.equal(outcome.result, 'applied');
    const view = await it.ends();
    assert.deepEqual([view.state, view.conditions], ['WITHDRAWN', ['emergency']]);
    assert.equal(view.review?.given?.verdict, 'not-justified');
    assert.equal(view.review?.given?.by, reviewer);
    assert.equal(view.review?.given?.comment, 'Looked at it.');
  });

  it('keeps the review in the record, with its evidence', async () => {
    const it = await asked();
    await it.shows({ state: 'ACTIVE' });
    await it.review({ by: reviewer, verdict: 'justified' });
    const records = await it.record();
    assert.equal(firstBroken(records), undefined);
    const record = records.find(({ type }) => type === 'reviewed');
    assert.equal(record?.by, reviewer);
    assert.deepEqual(record?.detail.evidence, JSON.stringify({ by: reviewer, verdict: 'justified' }));
    await it.narrow('withdraw', 'person:engineer');
    await it.ends();
  });

  it('reminds its reviewers every day, and no timer ever reviews', async () => {
    const it = await asked();
    await it.shows({ state: 'ACTIVE' });
    await it.narrow('withdraw', 'person:engineer');
    await it.shows({ state: 'WITHDRAWN' });
    const reminders = () => kinds(it).filter((kind) => kind === 'review-reminded').length;
    for (const expected of [1, 2, 3]) {
      await it.skip(day);
      await until(() => reminders() === expected, { what: `reminder ${expected}` });
    }
    await it.shows({ state: 'WITHDRAWN', conditions: ['emergency', 'reviewPending'] });
    await it.review({ by: reviewer, verdict: 'justified' });
    const view = await it.ends();
    assert.equal(view.review?.given?.by, reviewer);
  });

  it('is reviewed once, by somebody the judge accepts, and by no approval', async () => {
    const it = await asked();
    await it.shows({ state: 'ACTIVE' });
    assert.equal((await it.review({ by: 'person:engineer', refuse: 'own-request' })).result, 'own-request');
    assert.equal((await it.approve({ by: reviewer })).result, 'already-decided');
    assert.equal((await it.review({ by: reviewer, verdict: 'justified' })).result, 'applied');
    assert.equal((await it.review({ by: reviewer, verdict: 'not-justified' })).result, 'not-now');
    await it.narrow('withdraw', 'person:engineer');
    assert.equal((await it.ends()).review?.given?.verdict, 'justified');
  });

  it('is not reviewed by whom it was for, even when a rogue judge says so', async () => {
    const it = await asked();
    await it.shows({ state: 'ACTIVE' });
    assert.equal((await it.review({ by: 'person:engineer', verdict: 'justified' })).result, 'own-request');
    await it.shows({ conditions: ['emergency', 'reviewPending'] });
    await it.review({ by: reviewer, verdict: 'justified' });
    await it.narrow('withdraw', 'person:engineer');
    await it.ends();
  });

  const refusals: [what: string, ceiling: Activities['ceiling'], because: RegExp][] = [
    ['the ceiling refuses it', async () => ({ allows: false, because: 'No emergency here.' }), /No emergency here/],
    ['the ceiling does not answer', silence, /did not say/],
    [
      'the ceiling asks for approvals',
      async () => ({ allows: true, automatic: false, leastApprovals: 1, attested: false }),
      /without approvals/,
    ],
  ];
  for (const [what, ceiling, because] of refusals) {
    it(`is refused, and owes no review, when ${what}`, async () => {
      const entitlement = `${what.replaceAll(' ', '-')}/read`;
      world.ceilings.set(entitlement, ceiling);
      const view = await (await asked({}, { entitlement })).ends();
      assert.deepEqual([view.state, view.conditions], ['DENIED', ['emergency']]);
      assert.match(view.ending?.reason ?? '', because);
    });
  }

  it('asks the ceiling as the emergency that it is', async () => {
    let emergency: boolean | undefined;
    world.ceilings.set('asked/read', async (input) => {
      emergency = input.emergency;
      return { allows: false, because: 'Enough seen.' };
    });
    await (await asked({}, { entitlement: 'asked/read' })).ends();
    assert.equal(emergency, true);
  });

  it('is refused where the rule knows no emergency, or not for that long', async () => {
    const none = await world.grant(new Script({ rule: rule({ automatic: true }) }), { emergency: true });
    assert.equal((await none.ends()).state, 'DENIED');
    const long = await asked({}, { requestedDurationMs: hour + 1 });
    assert.equal((await long.ends()).state, 'DENIED');
  });

  it('owes no review when it never could be used', async () => {
    const it = await asked({
      stillEligible: async () => ({ eligible: false, because: 'gone', receiptKeys: [] }),
      provision: silence,
    });
    await it.shows({ state: 'ACTIVATING' });
    await it.narrow('revoke', reviewer);
    const view = await it.ends();
    assert.deepEqual(view.conditions, ['emergency']);
  });

  it('is extended by approval only, whatever a rule says of automatic ones', async () => {
    const generous = { ...allowed, extension: { automaticUpToMs: 8 * hour, byApproval: true } };
    const it = await world.grant(new Script({ rule: generous }), { emergency: true });
    await it.shows({ state: 'ACTIVE' });
    await it.extend({ by: 'person:engineer', totalMs: 2 * hour });
    await it.shows({ conditions: ['emergency', 'reviewPending', 'extensionPending'] });
    assert.ok(!it.script.calls.includes('setEnd'));
    await it.narrow('withdraw', 'person:engineer');
    await it.review({ by: reviewer, verdict: 'justified' });
    await it.ends();
  });

  it('goes on owing its review through a restart of the workers', async () => {
    const it = await asked();
    await it.shows({ state: 'ACTIVE' });
    await world.stopDecisions();
    await it.handle.signal('withdraw', { decisionId: 'x', by: 'person:engineer', reason: '' });
    await world.startDecisions();
    // The turn goes to the worker that stopped first, and begins anew after it.
    await it.shows({ state: 'WITHDRAWN', conditions: ['emergency', 'reviewPending'] }, 20_000);
    await it.review({ by: reviewer, verdict: 'justified' });
    await it.ends();
  });

  it('takes no review where there is no emergency', async () => {
    const it = await world.grant(new Script({ rule: rule({ automatic: true }) }));
    await it.shows({ state: 'ACTIVE' });
    assert.equal((await it.review({ by: reviewer, verdict: 'justified' })).result, 'not-now');
    await it.narrow('withdraw', 'person:engineer');
    await it.ends();
  });
});
