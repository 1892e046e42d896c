/** Whoever can poll a queue can answer anything, or nothing: a grant ends as it must, and none is wedged. */
import assert from 'node:assert/strict';
import type { Removal } from '../../workflows/domain/target.js';
import { hour, Script, type Activities } from '../support/script.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';
const nonsense: unknown[] = [
  undefined,
  null,
  {},
  [],
  'x',
  7,
  { verdict: 'pass' },
  { selectors: 'x', expireAt: 'y' },
  { allows: true },
];

describe('an answer of the wrong shape', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  before(async () => {
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  /** An activity that answers nonsense. */
  const answers = <Name extends keyof Activities>(name: Name, answer: unknown): Partial<Activities> => ({
    [name]: async () => answer,
  });
  const each = (test: (answer: unknown) => Promise<void>) => Promise.all(nonsense.map(test));

  it('of assess denies: nothing is granted on what was not understood', () =>
    each(async (answer) => {
      const it = await world.grant(new Script(answers('assess', answer)));
      assert.equal((await it.ends()).state, 'DENIED');
    }));

  it('of a ceiling forbids what would pass automatically, and people are asked', () =>
    each(async (answer) => {
      const entitlement = `nonsense/${nonsense.indexOf(answer)}`;
      world.ceilings.set(entitlement, answers('ceiling', answer).ceiling ?? assert.fail());
      const it = await world.grant(new Script(), { entitlement });
      await it.shows({ state: 'APPROVAL_AWAITED', automatic: false });
      await it.narrow('revoke', manager);
      assert.equal((await it.ends()).state, 'REVOKED');
    }));

  it('of a step that is opened denies', () =>
    each(async (answer) => {
      const it = await world.grant(new Script(answers('openStep', answer)));
      assert.equal((await it.ends()).state, 'DENIED');
    }));

  it('of a check of eligibility changes nothing, and the grant can still be ended', () =>
    each(async (answer) => {
      const it = await world.grant(new Script(answers('stillEligible', answer)));
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.approve({ by: manager });
      await it.shows({ state: 'ACTIVE' });
      await it.handle.signal('reassess');
      assert.equal((await it.narrow('revoke', manager)).result, 'applied');
      assert.equal((await it.ends()).state, 'REVOKED');
    }));

  it('of a judge widens nothing, and says so', () =>
    each(async (answer) => {
      const it = await world.grant(new Script(answers('judge', answer)));
      await it.shows({ state: 'APPROVAL_AWAITED' });
      assert.equal((await it.approve({ by: manager })).result, 'not-judged');
      await it.narrow('deny', manager);
      assert.equal((await it.ends()).state, 'DENIED');
    }));

  it('of a connector that should make an account undoes what may stand', () =>
    each(async (answer) => {
      const it = await world.grant(new Script(answers('provision', answer)));
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.approve({ by: manager });
      assert.equal((await it.ends()).state, 'ACTIVATION_FAILED');
      assert.ok(it.script.tombstone);
    }));

  it('of a removal proves nothing: it is done again', async () => {
    const empty: unknown[] = [undefined, {}, { remarks: 'none' }];
    const script: Script = new Script({
      remove: async (ref) => (empty.length > 0 ? (empty.shift() as Removal) : script.remove(ref)),
    });
    const it = await world.grant(script);
    await it.shows({ state: 'APPROVAL_AWAITED' });
    await it.approve({ by: manager });
    await it.shows({ state: 'ACTIVE' });
    await it.narrow('revoke', manager);
    await it.shows({ state: 'REVOKING' });
    await it.skip(hour);
    assert.equal((await it.ends()).state, 'REVOKED');
  });
});

describe('a reset by hand', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  before(async () => {
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  it('cannot bring back what was revoked before it started: its tombstone stands', async () => {
    const it = await world.grant(new Script(), { scheduledActivationTime: Date.now() + hour });
    await it.shows({ state: 'APPROVAL_AWAITED' });
    await it.approve({ by: manager });
    await it.shows({ state: 'SCHEDULED' });
    await it.narrow('revoke', 'person:security');
    assert.equal((await it.ends()).state, 'REVOKED');
    assert.ok(it.script.tombstone);
    await it.resetBeforeLastSignal();
    await it.skip(hour);
    assert.equal((await it.ends()).state, 'ACTIVATION_FAILED');
    assert.ok(!it.script.standing);
  });
});
