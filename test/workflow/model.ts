/**
 * Random lives of grants on the real server, with its own skipping of time: whatever happens, each comes to an end at which nothing
 * stands, and its history and record hold every promise that they can show. A failure prints its seed: see test/support/seed.ts.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import fc from 'fast-check';
import { isTerminal } from '../../workflows/domain/states.js';
import type { GrantView } from '../../workflows/domain/view.js';
import * as messages from '../../workflows/messages.js';
import { atOnce } from '../support/in-parallel.js';
import { promises, type Facts } from '../support/invariants.js';
import { grantsOf } from '../support/invariants/at-temporal.js';
import { goodFacts } from '../support/invariants/good-facts.js';
import { runs, type Move, type Run } from '../support/model/server-moves.js';
import { rule, Script, step } from '../support/script.js';
import { holdsFor, seeded } from '../support/seed.js';
import type { TestGrant } from '../support/test-grant.js';
import { WorkflowWorld } from '../support/workflow-world.js';

describe('a grant on the server, whatever happens to it', function () {
  this.timeout(240_000);
  let world: WorkflowWorld;
  before(async function () {
    this.timeout(120_000);
    world = await WorkflowWorld.start();
  });
  after(() => world.stop());

  /** Several at once: each waits mostly. */
  const some = fc.array(runs, { minLength: 4, maxLength: 4 });

  it('keeps every promise on the way, ends as its record explains, and replays', async () => {
    await holdsFor(some, (runs) => atOnce(runs.map((each) => lived(world, each))), seeded({ numRuns: 6 }));
  });
});

/** The ids of the decisions so far. */
type Sent = ReturnType<typeof randomUUID>[];

async function lived(world: WorkflowWorld, { automatic, needed, faults, moves }: Run): Promise<void> {
  const left = { provision: faults.provision, remove: faults.remove };
  let eligible = true;
  const script: Script = new Script({
    rule: rule({
      automatic,
      flow: { name: 'flow', steps: needed.map((votes) => step(['person:manager'], { needed: votes })) },
    }),
    provision: async (order) => {
      if (left.provision === 'refused')
        throw ApplicationFailure.nonRetryable('It is not allowed there.', 'target-refused');
      const made = await script.provision(order);
      if (left.provision === 0) return made;
      left.provision = 0;
      // Done, and nobody hears of it.
      throw ApplicationFailure.retryable('The answer was lost.', 'target-unavailable');
    },
    remove: async (ref) => {
      const removal = await script.remove(ref);
      if (left.remove === 0) return removal;
      left.remove -= 1;
      throw ApplicationFailure.retryable('The answer was lost.', 'target-unavailable');
    },
    stillEligible: async () => script.eligible(eligible),
  });
  const it = await world.grant(script);
  const sent: Sent = [];
  const changes = (now: boolean): void => {
    eligible = now;
    script.rule = { ...script.rule, automatic: !script.rule.automatic, policyVersion: `${script.rule.policyVersion}+` };
  };
  for (const each of moves) if (await isOpen(it)) await happens(it, each, sent, changes);
  await happens(it, { do: 'revoke', by: 'person:security' }, sent, changes);
  const over = await it.ends(30_000);
  assert.ok(
    isTerminal(over.state) && !script.standing,
    `${over.state}, and it ${script.standing ? 'stands' : 'is gone'}`,
  );
  await holds(world, it, over);
}

async function happens(it: TestGrant, move: Move, sent: Sent, rules: (eligible: boolean) => void): Promise<void> {
  const decisionId = randomUUID();
  try {
    switch (move.do) {
      case 'approve':
        sent.push(decisionId);
        await it.approve(
          { ...move, ...(move.by === 'person:engineer' && { refuse: 'own-request' as const }) },
          decisionId,
        );
        return;
      case 'extend':
        sent.push(decisionId);
        await it.extend(move, decisionId);
        return;
      case 'deny':
      case 'withdraw':
      case 'revoke':
        sent.push(decisionId);
        await it.narrow(move.do, move.by, decisionId);
        return;
      case 'skip':
        await it.skip(move.ms);
        return;
      case 'policy':
        rules(move.eligible);
        await it.handle.signal(messages.reassess);
        return;
      case 'again':
        if (sent[0] !== undefined) await it.narrow('deny', 'person:manager', sent[0]);
    }
  } catch (error) {
    // It ended while this was under way.
    if (await isOpen(it)) throw error;
  }
}

async function isOpen(it: TestGrant): Promise<boolean> {
  return (await it.handle.describe()).status.name === 'RUNNING';
}

/** What can be asked of a scripted world: all but signatures, which have tests of their own. */
async function holds(world: WorkflowWorld, { script, request }: TestGrant, { target }: GrantView): Promise<void> {
  const { grantId } = request;
  const grants = await grantsOf(world.client, world.keys, new Map([[grantId, []]]));
  const account = `daypass_${grantId}`;
  const standing = { account, grantId, mayLogIn: true, memberOf: [] };
  const there = { target, accounts: script.standing ? [standing] : [], sessions: [] };
  const good = await goodFacts();
  const facts: Facts = { ...good, grants, targets: [{ ...there, ledger: [{ account, grantId, ...script.line }] }] };
  const checks = [promises[2], promises[3], promises[4], promises[10], promises[12]].flatMap((row) =>
    Object.values(row.checks),
  );
  const { narrowingIsHonoured, denyIsHonoured } = promises[5].checks;
  const { isExplained } = promises[11].checks;
  const told = [...checks, narrowingIsHonoured, denyIsHonoured, isExplained].flatMap(
    (check) => check?.(facts) ?? [{ because: 'no such check' }],
  );
  assert.deepEqual(told, []);
}
