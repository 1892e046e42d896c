/** Whoever can poll a queue can answer anything, or nothing: a grant ends as it must, and none is wedged. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ReceiptKey } from '../../workflows/domain/receipt.js';
import type { Finding, Opening } from '../../workflows/domain/rule.js';
import type { Removal } from '../../workflows/domain/target.js';
import { deep } from '../support/deep.js';
import { hour, Script, type Activities } from '../support/script.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';
type Passed = Extract<Finding, { verdict: 'pass' }>;
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
  { allows: true, automatic: true, leastApprovals: 0, attested: false, more: deep(2_800) },
];

describe('an answer of the wrong shape', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
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

  it('of a check of eligibility passes for no other event, whatever it says beside', async () => {
    const withdrawn = {
      type: 'withdrawn',
      decisionId: randomUUID(),
      by: 'person:engineer',
      reason: 'forged',
      check: 7,
    };
    const script = new Script();
    const plain = script.stillEligible;
    script.stillEligible = async (input) => ({ ...(await plain(input)), ...withdrawn });
    const it = await world.grant(script);
    await it.shows({ state: 'APPROVAL_AWAITED' });
    await it.approve({ by: manager });
    await it.shows({ state: 'ACTIVE' });
    await it.handle.signal('reassess');
    await until(async () =>
      (await it.record()).some(({ type }) => type === 'eligibility-checked' || type === 'withdrawn'),
    );
    assert.equal((await it.narrow('revoke', manager)).result, 'applied');
    assert.equal((await it.ends()).state, 'REVOKED');
  });

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
    for (const failures of [1, 2, 3]) {
      const isTold = async () =>
        (await it.record()).filter(({ type }) => type === 'removal-failed').length === failures;
      await until(isTold, { what: `failure ${failures}` });
      await it.skip(11_000 * 2 ** (failures - 1));
    }
    assert.equal((await it.ends()).state, 'REVOKED');
  });
});

describe('an answer of the right shape, and out of all bounds', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  before(async () => {
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  const late = 1e300;
  const long = 'x'.repeat(50_000);

  /** What the server would terminate a workflow for, or no timer and no clock can show. */
  const findings: [string, (found: Passed) => Finding][] = [
    ['a score that is no whole number', (found) => ({ ...found, risk: { ...found.risk, score: 20.5 } })],
    ['a score that is no number', (found) => ({ ...found, risk: { ...found.risk, score: NaN } })],
    ['reasons without end', (found) => ({ ...found, risk: { ...found.risk, missing: [long] } })],
    ['a title without end', (found) => ({ ...found, rule: { ...found.rule, title: long } })],
    ['people without end', (found) => ({ ...found, barred: Array.from({ length: 3_000 }, () => 'person:barred') })],
    ['steps without end', (found) => ({ ...found, rule: { ...found.rule, title: 'x'.repeat(15_000) } })],
    ['keys without end', (found) => ({ ...found, receiptKeys: [{ kid: long, x: 'x', targets: [] }] })],
    ['keys that are none', (found) => ({ ...found, receiptKeys: [{ kid: 'x', x: 'x' } as unknown as ReceiptKey] })],
    ['a step at the end of time', (found) => ({ ...found, opening: { ...opening, expireAt: late } })],
    ['a step before all time', (found) => ({ ...found, opening: { ...opening, remindAt: -late } })],
    ['an approver without end', (found) => ({ ...found, opening: { ...opening, selectors: [long] } })],
  ];
  const opening: Opening = { selectors: [manager], usedFallback: false, expireAt: Date.now() + hour };
  for (const [what, change] of findings) {
    it(`of assess denies: ${what}`, async () => {
      const script: Script = new Script({
        assess: async (input) => {
          const found = await script.assess(input);
          return found.verdict === 'pass' ? change(found) : found;
        },
      });
      assert.equal((await (await world.grant(script)).ends()).state, 'DENIED');
    });
  }

  it('of a step asks as many as can be indexed, and the grant goes on', async () => {
    const selectors = Array.from({ length: 40 }, (_, index) => `group:${String(index).padStart(94, 'g')}`);
    const it = await world.grant(new Script({ openStep: async () => ({ ...opening, selectors }) }));
    await it.shows({ state: 'APPROVAL_AWAITED', asked: selectors.slice(0, 20) });
    await it.narrow('deny', manager);
    assert.equal((await it.ends()).state, 'DENIED');
  });

  it('of a connector makes nothing: an end at the end of time, or before all time', async () => {
    for (const endsAt of [late, -late, NaN, 1.5]) {
      const script: Script = new Script({ provision: async ({ grantId }) => script.account(grantId, endsAt) });
      const it = await world.grant(script);
      await it.shows({ state: 'APPROVAL_AWAITED' });
      await it.approve({ by: manager });
      assert.equal((await it.ends()).state, 'ACTIVATION_FAILED');
    }
  });

  it('of a removal is believed however much was left behind', async () => {
    const remarks = Array.from({ length: 50 }, () => '\u6f22'.repeat(300));
    const script: Script = new Script({
      remove: async ({ grantId }) => {
        script.standing = false;
        return script.removal(grantId, { remarks });
      },
    });
    const it = await world.grant(script);
    await it.shows({ state: 'APPROVAL_AWAITED' });
    await it.approve({ by: manager });
    await it.shows({ state: 'ACTIVE' });
    await it.narrow('revoke', manager);
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
