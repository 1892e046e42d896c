/** Things break at the points where it hurts most, and every promise holds: a short run of what `npm run test:chaos` does for minutes. */
import assert from 'node:assert/strict';
import { catalogue, chaos, plan, type Outcome } from './support/chaos.js';
import { scheduleOf, scheduleText } from './support/schedule.js';

/** Draws twenty grants that are all over by themselves within the time that a test may take. */
const seed = 11;

const named = [
  'kill -9 connector worker: account committed, the target’s answer under way',
  'kill -9 connector worker: removal: door shut',
  'kill -9 decisions worker: intent recorded, effect ordered',
  'kill -9 decisions worker: approve in flight',
  'garbage at the target’s port',
];

describe('a schedule of faults', () => {
  it('is drawn from its seed alone', () => {
    assert.equal(scheduleText(plan(4, 200, 40)), scheduleText(plan(4, 200, 40)));
    assert.notEqual(scheduleText(plan(4, 200, 40)), scheduleText(plan(5, 200, 40)));
  });

  it('has each fault once, and all that must be there', () => {
    const { faults } = plan(4, 200, 40);
    const names = faults.map(({ fault }) => fault.name);
    assert.equal(new Set(names).size, 40);
    for (const { name, always } of catalogue) assert.ok(!always || names.includes(name), name);
    assert.equal(new Set(catalogue.map(({ name }) => name)).size, catalogue.length);
  });
});

describe('the whole system, while things break', function () {
  this.timeout(300_000);
  let outcome: Outcome;

  before(async () => {
    const faults = catalogue.filter(({ name }) => named.includes(name));
    assert.equal(faults.length, named.length);
    // 2 s is what is promised; beside the other tests, no processor may be free for as long.
    outcome = await chaos(scheduleOf(seed, 20, faults), (line) => void process.stderr.write(`${line}\n`), 5_000);
  });

  it(`keeps every promise and loses nothing that it accepted (seed ${seed})`, () => {
    assert.deepEqual(outcome.broken, []);
    assert.deepEqual(outcome.lost, []);
    assert.ok(outcome.facts.grants.length >= 20);
  });

  it('leaves nothing at the target', () => {
    const [target] = outcome.facts.targets;
    assert.deepEqual([target?.accounts, target?.sessions], [[], []]);
    assert.deepEqual(outcome.strays, []);
    // What was made there is on the target's own account, and gone by it.
    assert.ok(target && target.ledger.filter(({ madeAt }) => madeAt !== undefined).length >= 5);
    for (const { account, madeAt, removedAt } of target.ledger) {
      assert.ok(madeAt === undefined || removedAt !== undefined, account);
    }
  });
});
