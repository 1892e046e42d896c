/** How long what people and policies write may be: a grant stays within every bound, and still ends. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { firstBroken } from '../../workflows/domain/record.js';
import { viewBytesMax } from '../../workflows/domain/shown.js';
import * as messages from '../../workflows/messages.js';
import { hour, rule, Script, step } from '../support/script.js';
import type { TestGrant } from '../support/test-grant.js';
import { until } from '../support/until.js';
import { WorkflowWorld } from '../support/workflow-world.js';

const manager = 'person:manager';
const engineer = 'person:engineer';

describe('a grant of size', function () {
  this.timeout(60_000);
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  const has = (it: TestGrant, wanted: string) =>
    until(async () => (await it.wholeRecord()).some(({ type }) => type === wanted), { what: `a record ${wanted}` });
  const count = (it: TestGrant, name: string) => it.script.calls.filter((call) => call === name).length;

  it('stays within every bound with 500 approvers in twenty groups and the longest texts', async () => {
    const groups = Array.from({ length: 20 }, (_, index) => `group:${index}${'g'.repeat(37)}`);
    const flow = { name: 'f', steps: [step(groups, { needed: 9, name: '\u6f22'.repeat(200) })] };
    const factors = Array.from({ length: 12 }, (_, index) => ({
      id: `f${index}`,
      points: 8,
      evidence: '\u6f22'.repeat(200),
    }));
    const script: Script = new Script({
      rule: rule({ flow, title: '\u6f22'.repeat(200) }),
      assess: async () => ({
        verdict: 'pass',
        rule: script.rule,
        risk: { score: 96, band: 'high', factors, missing: [] },
        barred: Array.from({ length: 500 }, (_, index) => `person:barred-${index}`),
        receiptKeys: script.receiptKeys,
      }),
    });
    // As long as a signed statement may be, each.
    const padding = 'x'.repeat(15_500);
    const signInGroups = Array.from({ length: 250 }, (_, index) => `group-${index}-${'g'.repeat(30)}`);
    const it = await world.awaited(
      script,
      { justification: '\u6f22'.repeat(4_000), requesterName: '\u6f22'.repeat(200) },
      { signIn: { time: Date.now(), methods: ['pwd'], groups: signInGroups } },
    );
    for (let voter = 0; voter < 9; voter += 1) {
      const by = `person:voter-${voter}`;
      const evidence = JSON.stringify(voter < 2 ? { by, padding } : { by });
      const comment = '\u6f22'.repeat(1_000);
      const decisionId = randomUUID();
      await it.handle.signal(messages.approve, { decisionId, by, comment, evidence });
      assert.equal((await it.outcome(decisionId)).result, 'applied');
      const bytes = Buffer.byteLength(JSON.stringify(await it.view()));
      assert.ok(bytes <= viewBytesMax, `${bytes} bytes`);
    }
    await it.shows({ state: 'ACTIVE', asked: groups });
    const { searchAttributes } = await it.handle.describe();
    assert.ok(Buffer.byteLength(JSON.stringify(searchAttributes)) < 2_048);
    await it.handle.signal(messages.reassess);
    await has(it, 'eligibility-checked');
    await it.narrow('revoke', manager);
    assert.equal((await it.ends()).state, 'REVOKED');

    const records = await it.wholeRecord();
    assert.equal(firstBroken(records), undefined);
    const longest = Math.max(...records.map((record) => Buffer.byteLength(JSON.stringify(record))));
    assert.ok(longest > 28_000, `the longest record has ${longest} bytes`);
    const heard = [...script.told.flatMap((change) => change.records), ...script.published];
    assert.deepEqual(
      heard.map(({ sequence }) => sequence).sort((one, other) => one - other),
      records.map(({ sequence }) => sequence),
    );
    const evidence = records.flatMap(({ detail }) => detail.evidence ?? []);
    assert.equal(evidence.length, 10);
    assert.deepEqual(script.checked, evidence);
  });

  it('refuses one extension too many for a payload, and still ends', async () => {
    const it = await world.active();
    const extend = async (totalMs: number) => {
      const decisionId = randomUUID();
      const evidence = JSON.stringify({ by: engineer, totalMs, padding: 'x'.repeat(15_500) });
      await it.handle.signal(messages.extend, { decisionId, by: engineer, comment: '', evidence });
      return it.outcome(decisionId);
    };
    for (const hours of [1.25, 1.5, 1.75]) {
      await extend(hours * hour);
      await it.shows({ grantedDurationMs: hours * hour });
    }
    await extend(2 * hour);
    await has(it, 'extension-ended');
    await it.shows({ state: 'ACTIVE', grantedDurationMs: 1.75 * hour });
    assert.equal(count(it, 'setEnd'), 3);
    await it.narrow('revoke', manager);
    assert.equal((await it.ends()).state, 'REVOKED');
  });
});
