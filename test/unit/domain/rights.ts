/** Who may do what in which state: the whole table, action by role by state. */
import assert from 'node:assert/strict';
import {
  grantActions,
  grantRoles,
  may,
  mayEver,
  mayEverywhere,
  roles,
  type GrantAction,
  type InstallationAction,
  type Role,
} from '../../../workflows/domain/rights.js';
import { grantStates, liveStates, type GrantState } from '../../../workflows/domain/states.js';
import { viewOf } from '../../../workflows/domain/shown.js';
import { inState } from '../../support/histories.js';

const undecided = ['REQUESTED', 'APPROVAL_AWAITED', 'SCHEDULED'] as const;
const before = [...undecided, 'ACTIVATING', 'ACTIVE'] as const;
const everywhere = grantStates;

/** Written out a second time and by hand, so that a slip in the table shows. Nothing means never. */
const expected: Record<GrantAction, Partial<Record<(typeof roles)[number], readonly GrantState[]>>> = {
  see: {
    requester: everywhere,
    subject: everywhere,
    approver: everywhere,
    operator: everywhere,
    security: everywhere,
    auditor: everywhere,
  },
  'see-record': {
    requester: everywhere,
    subject: everywhere,
    approver: everywhere,
    operator: everywhere,
    security: everywhere,
    auditor: everywhere,
  },
  decide: { approver: ['APPROVAL_AWAITED', 'ACTIVE'] },
  withdraw: { requester: before, subject: before },
  revoke: { approver: liveStates, operator: liveStates, security: liveStates },
  extend: { requester: ['ACTIVE'], subject: ['ACTIVE'] },
  collect: { subject: ['ACTIVE'] },
  renew: { subject: ['ACTIVE'] },
  review: { approver: everywhere, security: everywhere },
};

describe('rights', () => {
  for (const action of grantActions) {
    describe(`to ${action}`, () => {
      for (const role of roles) {
        const states = expected[action][role];
        it(`${role}: ${states ? (states === everywhere ? 'always' : states.join(', ')) : 'never'}`, () => {
          for (const state of grantStates) {
            assert.equal(may(action, [role], state), states?.includes(state) ?? false, `${action} in ${state}`);
          }
          assert.equal(mayEver(action, [role]), states !== undefined);
        });
      }
    });
  }

  it('over the whole installation are with the roles that the table names, and with nobody else', () => {
    const whose = {
      'see-all': ['operator', 'security', 'auditor'],
      'open-payloads': ['operator', 'maintainer'],
      'see-temporal': ['operator', 'maintainer'],
      'change-temporal': ['maintainer'],
      'search-audit': ['security', 'auditor'],
    } as const satisfies Record<InstallationAction, readonly Role[]>;
    for (const action of Object.keys(whose) as InstallationAction[]) {
      const allowed = roles.filter((role) => mayEverywhere(action, [role]));
      assert.deepEqual(allowed, whose[action], action);
      assert.ok(!mayEverywhere(action, []), action);
    }
  });

  it('of someone who is nothing to the grant are none at all', () => {
    for (const action of grantActions) {
      assert.ok(!mayEver(action, []));
      for (const state of grantStates) assert.ok(!may(action, [], state));
    }
  });

  it('of someone with several roles are those of each', () => {
    assert.ok(may('collect', ['auditor', 'subject'], 'ACTIVE'));
    assert.ok(!may('decide', ['requester', 'subject', 'operator', 'security', 'auditor'], 'APPROVAL_AWAITED'));
  });
});

describe('roles in a grant', () => {
  const view = { ...viewOf(inState.APPROVAL_AWAITED()), subject: 'person:contractor', asked: ['group:db-owners'] };
  const rolesOf = (ref: string, ...groups: string[]) => grantRoles({ ref, groups }, view);

  it('come from the view: requester, subject, and whoever was asked in person or by group', () => {
    assert.deepEqual(rolesOf('person:engineer'), ['requester']);
    assert.deepEqual(rolesOf('person:contractor'), ['subject']);
    assert.deepEqual(rolesOf('person:owner', 'db-owners'), ['approver']);
    assert.deepEqual(grantRoles({ ref: 'person:owner', groups: [] }, { ...view, asked: ['person:owner'] }), [
      'approver',
    ]);
    assert.deepEqual(rolesOf('person:stranger', 'engineers'), []);
  });

  it('are not had through a group that only looks like the one that was asked', () => {
    assert.deepEqual(rolesOf('person:x', 'group:db-owners', 'db-owners ', 'DB-OWNERS', 'db'), []);
  });
});
