/** The example policy and the example ceiling fit: what the one promises, the other lets through. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { duration } from '../../../activities/policy/schema/common.js';
import type { Flow, Step } from '../../../workflows/domain/rule.js';
import { examplePolicy } from '../../support/policy.js';

const ceilings = z
  .object({
    entitlements: z.record(
      z.string(),
      z.object({
        longest: duration,
        approvals: z.object({ least: z.number(), groups: z.array(z.string()) }),
        automatic: z.object({ longest: duration }).optional(),
      }),
    ),
  })
  .parse(parse(readFileSync('policy/ceilings/orders-db.yml', 'utf8'))).entitlements;

const policy = examplePolicy();

/** Everyone whom this step could ever ask, whoever requests. */
function everAsked({ approvers, escalateTo, fallback }: Step): string[] {
  const selectors = [...approvers, ...escalateTo, ...fallback];
  const everyDay = Array.from({ length: 60 }, (_, day) => Date.parse('2026-09-16T10:00:00Z') + day * 86_400_000);
  const members = selectors.flatMap((selector) => everyDay.flatMap((day) => policy.members(selector, day)));
  const managers = policy.people().flatMap(({ ref }) => policy.managerOf(ref) ?? []);
  const asked = selectors.includes('manager') ? [...members, ...managers] : members;
  return [...new Set(asked.flatMap((ref) => [ref, policy.delegateOf(ref) ?? ref]))].filter((ref) =>
    ref.startsWith('person:'),
  );
}

for (const entitlement of policy.entitlements()) {
  describe(`the example ceiling of ${entitlement.id}`, () => {
    const ceiling = ceilings[entitlement.id];
    const { low, elevated, high } = entitlement.flows;
    const flows: Flow[] = low === 'automatic' ? [elevated, high] : [low, elevated, high];

    it('allows as long as the policy does', () => {
      assert.ok(ceiling !== undefined && ceiling.longest >= entitlement.maximumMs);
    });

    it('counts the approval of everyone whom a flow can ask', () => {
      for (const ref of flows.flatMap((flow) => flow.steps).flatMap(everAsked)) {
        const counts = policy.groupsOf(ref).some((group) => ceiling?.approvals.groups.includes(group));
        assert.ok(counts, `${ref} is in none of ${ceiling?.approvals.groups.join(', ')}`);
      }
    });

    it('asks for no more approvals than every flow brings', () => {
      for (const { name, steps } of flows) {
        const brings = steps.reduce((sum, step) => sum + step.needed, 0);
        assert.ok(brings >= (ceiling?.approvals.least ?? 0), name);
      }
    });

    it('lets pass automatically what the policy would', () => {
      const { automaticUpToMs } = entitlement.extension;
      const longest = ceiling?.automatic?.longest ?? 0;
      assert.equal(low === 'automatic', longest > 0);
      assert.ok(automaticUpToMs <= longest);
    });
  });
}
