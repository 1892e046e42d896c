/** Who is asked for a step: nobody who is barred, somebody for whoever is away, and nobody at all rather than too few. */
import assert from 'node:assert/strict';
import { openStep, type OpenStep } from '../../../activities/policy/approvers.js';
import type { Step } from '../../../workflows/domain/rule.js';
import { examplePolicy, swap, type Edits } from '../../support/policy.js';
import { requestOf } from '../../support/statements.js';

const hour = 3_600_000;
const openedAt = Date.parse('2026-09-16T10:00:00Z');

function stepOf(changes: Partial<Step>): Step {
  return {
    name: 'step',
    approvers: ['manager'],
    needed: 1,
    escalateTo: [],
    fallback: [],
    expireAfterMs: 8 * hour,
    clock: 'always',
    ...changes,
  };
}

function open(step: Partial<Step>, by: string, more: Partial<OpenStep> & { edits?: Edits } = {}) {
  const { edits = {}, ...input } = more;
  const request = requestOf({ requester: by });
  const all = { step: stepOf(step), request, barred: [], escalated: false, openedAt, ...input };
  return openStep(examplePolicy(edits), all, all.openedAt);
}

interface Row {
  what: string;
  step: Partial<Step>;
  by: string;
  asked: string[];
  usedFallback?: boolean;
  more?: Partial<OpenStep> & { edits?: Edits };
}

const owners = 'group:db-owners';
const security = 'group:security';
const two: Edits = { directory: swap('groups: [db-owners]\n    timeZone: Asia', 'groups: []\n    timeZone: Asia') };
const owner2Away: Edits = {
  directory: swap(
    'timeZone: Asia/Kolkata\n',
    'timeZone: Asia/Kolkata\n    away: { until: 2099-12-31, delegate: director }\n',
  ),
};

const rows: Row[] = [
  { what: 'the manager of the subject', step: {}, by: 'person:engineer', asked: ['person:manager'] },
  {
    what: 'the delegate of a manager who is away',
    step: {},
    by: 'person:engineer-2',
    asked: ['person:manager'],
  },
  {
    what: 'the manager again once they are back',
    step: {},
    by: 'person:engineer-2',
    asked: ['person:manager-2'],
    more: { edits: { directory: swap('until: 2099-12-31', 'until: 2026-09-15') } },
  },
  {
    what: 'the manager of the owner, for a service',
    step: {},
    by: 'service:deploy-bot',
    asked: ['person:manager'],
  },
  { what: 'who is on call', step: { approvers: ['oncall:database'] }, by: 'person:engineer', asked: ['person:oncall'] },
  {
    what: 'who takes the next turn, in the next week',
    step: { approvers: ['oncall:platform'] },
    by: 'person:engineer',
    asked: ['person:owner-2'],
    more: { openedAt: Date.parse('2026-09-23T10:00:00Z') },
  },
  { what: 'a group as a whole', step: { approvers: [owners] }, by: 'person:engineer', asked: [owners] },
  {
    what: 'a group while one who is not barred is in it',
    step: { approvers: [owners] },
    by: 'person:owner',
    asked: [owners],
  },
  {
    what: 'the fallback at once where everybody in the group is barred',
    step: { approvers: [owners], fallback: [security] },
    by: 'person:owner',
    asked: [security],
    usedFallback: true,
    more: { edits: two },
  },
  {
    what: 'nobody where everybody is barred and no fallback is stated',
    step: { approvers: [owners] },
    by: 'person:owner',
    asked: [],
    more: { edits: two },
  },
  {
    what: 'the fallback for someone without a manager',
    step: { fallback: [owners] },
    by: 'person:auditor',
    asked: [owners],
    usedFallback: true,
  },
  { what: 'nobody for someone without a manager and no fallback', step: {}, by: 'person:auditor', asked: [] },
  {
    what: 'nobody who left',
    step: { approvers: ['person:leaver'], fallback: ['person:director'] },
    by: 'person:engineer',
    asked: ['person:director'],
    usedFallback: true,
  },
  {
    what: 'nobody in the place of someone who is barred, though they named a delegate',
    step: { approvers: ['person:manager-2'], fallback: ['person:director'] },
    by: 'person:manager-2',
    asked: ['person:director'],
    usedFallback: true,
  },
  {
    what: 'nobody whom the assessment barred, whatever the directory says today',
    step: { approvers: ['person:owner', 'person:owner-2'] },
    by: 'person:engineer',
    asked: ['person:owner-2'],
    more: { barred: ['person:owner-admin'] },
  },
  {
    what: 'the delegate beside the group of whoever is away',
    step: { approvers: [owners], needed: 2 },
    by: 'person:engineer',
    asked: [owners, 'person:director'],
    more: { edits: owner2Away },
  },
  {
    what: 'the delegate alone where the rest of the group is barred',
    step: { approvers: [owners] },
    by: 'person:owner',
    asked: ['person:director'],
    more: { edits: owner2Away },
  },
  {
    what: 'those who are left and the fallback, where they are too few for the quorum',
    step: { approvers: [owners], needed: 2, fallback: [security] },
    by: 'person:owner',
    asked: [owners, security],
    usedFallback: true,
  },
  {
    what: 'nobody where the quorum cannot be reached even so: two accounts are one human',
    step: { approvers: ['person:owner', 'person:owner-admin'], needed: 2 },
    by: 'person:engineer',
    asked: [],
  },
  {
    what: 'those who are left, where the escalation will bring the rest',
    step: { approvers: [owners], needed: 2, escalateAfterMs: hour, escalateTo: [security] },
    by: 'person:owner',
    asked: [owners],
  },
  {
    what: 'more people after the escalation',
    step: { escalateAfterMs: hour, escalateTo: ['oncall:database', security] },
    by: 'person:engineer',
    asked: [security, 'person:manager', 'person:oncall'],
    more: { escalated: true },
  },
];

describe('a step asks', () => {
  for (const { what, step, by, asked, usedFallback = false, more } of rows) {
    it(what, () => {
      const opening = open(step, by, more);
      assert.deepEqual(opening.selectors, asked);
      assert.equal(opening.usedFallback, usedFallback);
    });
  }

  it('at most 20 selectors, however large the groups are', () => {
    const crowd = Array.from({ length: 500 }, (_, index) => {
      const away = index < 40 ? `away: { until: 2099-12-31, delegate: d${index} }, ` : '';
      const common = 'timeZone: UTC';
      return [
        `  - { id: m${index}, name: Member, email: m${index}@example.org, groups: [db-owners], ${away}${common} }`,
        `  - { id: d${index}, name: Delegate, email: d${index}@example.org, ${common} }`,
      ].join('\n');
    }).join('\n');
    const edits: Edits = { directory: swap('people:\n', `people:\n${crowd}\n`) };
    const { selectors } = open({ approvers: ['manager', owners] }, 'person:engineer', { edits });
    assert.equal(selectors.length, 20);
    assert.equal(selectors[0], owners);
    assert.equal(selectors[1], 'person:manager');
  });
});

describe('whoever asks, for whatever', () => {
  const policy = examplePolicy();
  const flows = policy.entitlements().flatMap(({ flows }) => [flows.elevated, flows.high]);
  const steps = [...new Map(flows.map((flow) => [flow.name, flow])).values()].flatMap(({ steps }) => steps);
  const requesters = [...policy.people(), ...policy.services()].map(({ ref }) => ref);

  it('nobody who is barred is asked by name, and enough others can always decide, or nobody is asked', () => {
    let asked = 0;
    for (const by of requesters) {
      const request = requestOf({ requester: by });
      const barred = policy.barred(request, openedAt).map((ref) => policy.human(ref));
      for (const step of steps) {
        for (const escalated of [false, true]) {
          const { selectors } = openStep(policy, { step, request, barred: [], escalated, openedAt }, openedAt);
          if (selectors.length === 0) continue;
          asked += 1;
          const named = selectors.filter((selector) => selector.startsWith('person:'));
          assert.ok(named.every((ref) => !barred.includes(policy.human(ref)) && policy.isActive(ref)));
          const members = selectors.flatMap((selector) => policy.members(selector, openedAt));
          const humans = new Set(members.map((ref) => policy.human(ref)).filter((human) => !barred.includes(human)));
          assert.ok(humans.size >= step.needed, `${by}: ${step.name}`);
        }
      }
    }
    assert.ok(asked > 100, `${asked}`);
  });
});

describe('the clocks of a step', () => {
  const clocks: Partial<Step> = { remindAfterMs: hour, escalateAfterMs: 2 * hour, escalateTo: [security] };
  const at = (iso: string) => Date.parse(iso);

  it('count every hour', () => {
    const { remindAt, escalateAt, expireAt } = open(clocks, 'person:engineer');
    assert.deepEqual(
      [remindAt, escalateAt, expireAt],
      [1, 2, 8].map((hours) => openedAt + hours * hour),
    );
  });

  it('count office hours where the step says so', () => {
    const friday = at('2026-09-18T14:30:00Z');
    const { remindAt, escalateAt, expireAt } = open({ ...clocks, clock: 'office-hours' }, 'person:engineer', {
      openedAt: friday,
    });
    assert.equal(remindAt, at('2026-09-21T07:30:00Z'));
    assert.equal(escalateAt, at('2026-09-21T08:30:00Z'));
    assert.equal(expireAt, at('2026-09-21T14:30:00Z'));
  });

  it('end sooner, never later, where the calendar is gone from the policy', () => {
    assert.equal(open({ clock: 'gone' }, 'person:engineer').expireAt, openedAt + 8 * hour);
  });

  it('leave out what the step does not have', () => {
    const opening = open({}, 'person:engineer');
    assert.equal('remindAt' in opening, false);
    assert.equal('escalateAt' in opening, false);
  });
});
