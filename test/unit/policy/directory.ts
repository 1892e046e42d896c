/** Who someone is, who may ask for what, and who may never decide: each with a no and its reason. */
import assert from 'node:assert/strict';
import { examplePolicy, swap, type Edits } from '../../support/policy.js';

const policy = examplePolicy();

describe('asking', () => {
  const table: [who: string, entitlement: string, subject: string, refused?: string, because?: RegExp][] = [
    ['person:engineer', 'orders-db/read', 'person:engineer'],
    ['person:engineer', 'orders-db/write', 'person:engineer'],
    [
      'person:engineer',
      'orders-db/administer',
      'person:engineer',
      'not-eligible',
      /eligible are Database owners, On call/,
    ],
    ['person:owner', 'orders-db/administer', 'person:owner'],
    ['person:oncall', 'orders-db/administer', 'person:oncall'],
    [
      'person:contractor',
      'orders-db/read',
      'person:contractor',
      'not-eligible',
      /Contractor is not eligible for orders-db\/read/,
    ],
    ['person:security', 'orders-db/read', 'person:security', 'not-eligible'],
    ['person:leaver', 'orders-db/read', 'person:leaver', 'not-eligible', /is not active/],
    ['person:nobody', 'orders-db/read', 'person:nobody', 'not-eligible'],
    ['service:deploy-bot', 'orders-db/write', 'service:deploy-bot'],
    ['service:deploy-bot', 'orders-db/administer', 'service:deploy-bot', 'not-eligible'],
    ['service:engineer', 'orders-db/read', 'service:engineer', 'not-eligible'],
    [
      'person:engineer',
      'orders-db/drop',
      'person:engineer',
      'unknown-entitlement',
      /There is no entitlement "orders-db\/drop"/,
    ],
    // For others: the manager for their people, the owner for the service, nobody else.
    ['person:manager', 'orders-db/read', 'person:engineer'],
    [
      'person:manager',
      'orders-db/read',
      'person:engineer-2',
      'may-not-request-for',
      /Manager may not ask .* for Second engineer/,
    ],
    ['person:manager', 'orders-db/read', 'person:contractor', 'not-eligible'],
    ['person:manager', 'orders-db/read', 'person:leaver', 'inactive-subject'],
    ['person:engineer', 'orders-db/read', 'service:deploy-bot'],
    ['person:engineer-2', 'orders-db/read', 'service:deploy-bot', 'may-not-request-for'],
    ['person:engineer', 'orders-db/read', 'person:engineer-2', 'may-not-request-for'],
    ['service:deploy-bot', 'orders-db/read', 'person:engineer', 'may-not-request-for'],
    ['person:director', 'orders-db/administer', 'person:owner', 'may-not-request-for'],
    ['person:owner', 'orders-db/read', 'person:owner-admin'],
  ];
  for (const [who, entitlement, subject, refused, because] of table) {
    const whom = who === subject ? 'themselves' : subject;
    it(`${who} may ${refused === undefined ? '' : 'not '}ask for ${entitlement} for ${whom}`, () => {
      const refusal = policy.refusalToAsk(who, entitlement, subject);
      assert.equal(refusal?.refused, refused, refusal?.because);
      assert.equal(policy.mayAsk(who, entitlement, subject), refused === undefined);
      if (because) assert.match(refusal?.because ?? '', because);
    });
  }

  it('lists what one may ask for', () => {
    const ids = (ref: string) => policy.entitlementsFor(ref).map(({ id }) => id);
    assert.deepEqual(ids('person:engineer'), ['orders-db/read', 'orders-db/write']);
    assert.deepEqual(ids('person:owner'), ['orders-db/read', 'orders-db/write', 'orders-db/administer']);
    assert.deepEqual(ids('person:contractor'), []);
    assert.deepEqual(ids('person:leaver'), []);
  });
});

describe('promise 6: these never decide', () => {
  const barred = (requester: string, subject = requester, edits: Edits = {}) =>
    examplePolicy(edits).barred({ requester, subject }).sort();

  const awayEngineer = swap(
    '    groups: [engineers]\n    timeZone: Europe/Berlin\n',
    '    groups: [engineers]\n    timeZone: Europe/Berlin\n    away: { until: 2099-12-31, delegate: owner }\n',
  );
  const long = swap('away: { until: 2099-12-31', 'away: { until: 2020-01-01');

  const table: [what: string, found: string[], expected: string[]][] = [
    ['the requester', barred('person:engineer'), ['person:engineer']],
    [
      'the requester and the subject',
      barred('person:director', 'person:engineer'),
      ['person:director', 'person:engineer'],
    ],
    ['a second account of the requester', barred('person:owner'), ['person:owner', 'person:owner-admin']],
    ['the first account of a second one', barred('person:owner-admin'), ['person:owner', 'person:owner-admin']],
    ['the owner of a service', barred('service:deploy-bot'), ['person:engineer', 'service:deploy-bot']],
    ['whom the requester stands in for', barred('person:manager'), ['person:manager', 'person:manager-2']],
    [
      'and no longer when they are back',
      barred('person:manager', 'person:manager', { directory: long }),
      ['person:manager'],
    ],
    ['who stands in for the requester', barred('person:manager-2'), ['person:manager', 'person:manager-2']],
    [
      'who stands in for the owner of a service, with their other accounts',
      barred('service:deploy-bot', 'service:deploy-bot', { directory: awayEngineer }),
      ['person:engineer', 'person:owner', 'person:owner-admin', 'service:deploy-bot'],
    ],
  ];
  for (const [what, found, expected] of table) it(what, () => assert.deepEqual(found, expected));
});

describe('the directory', () => {
  it('says which accounts are one human', () => {
    assert.equal(policy.human('person:owner-admin'), policy.human('person:owner'));
    assert.notEqual(policy.human('person:owner'), policy.human('person:owner-2'));
    assert.equal(policy.human('service:owner'), 'service:owner');
  });

  it('gives roles by group, and none to those who left', () => {
    assert.deepEqual(policy.rolesOf('person:operator'), ['operator']);
    assert.deepEqual(policy.rolesOf('person:auditor'), ['auditor']);
    assert.deepEqual(policy.rolesOf('person:maintainer'), ['maintainer']);
    assert.deepEqual(policy.rolesOf('person:security'), ['security']);
    assert.deepEqual(policy.rolesOf('person:engineer'), []);
    const left = examplePolicy({ directory: swap('groups: [operators]', 'groups: [operators]\n    status: inactive') });
    assert.deepEqual(left.rolesOf('person:operator'), []);
    assert.deepEqual(left.groupsOf('person:operator'), []);
  });

  it('names active members only', () => {
    assert.deepEqual(policy.members('group:engineers'), ['person:engineer', 'person:engineer-2', 'person:oncall']);
    assert.deepEqual(policy.members('oncall:database'), ['person:oncall']);
    assert.deepEqual(policy.members('person:leaver'), []);
    assert.deepEqual(policy.members('group:nobody'), []);
  });

  it('lets a service act only while its owner is active', () => {
    const left = examplePolicy({ directory: swap('manager: manager\n', 'status: inactive\n') });
    assert.equal(left.isActive('service:deploy-bot'), false);
    assert.equal(left.mayAsk('service:deploy-bot', 'orders-db/read'), false);
    assert.equal(policy.isActive('service:deploy-bot'), true);
  });

  it('knows a service by its client, and writes to its owner', () => {
    assert.equal(policy.serviceOfClient('deploy-bot')?.ref, 'service:deploy-bot');
    assert.equal(policy.mailOf('service:deploy-bot'), 'engineer@example.org');
    assert.equal(policy.nameOf('service:deploy-bot'), 'Deploy bot');
    assert.equal(policy.nameOf('group:db-owners'), 'Database owners');
  });

  it('follows delegates who are away too, and finds nobody where none is there', () => {
    const chain = examplePolicy({
      directory: (text) =>
        swap(
          '    timeZone: Europe/London\n',
          '    timeZone: Europe/London\n    away: { until: 2099-12-31, delegate: manager-2 }\n',
        )(text),
    });
    assert.equal(chain.delegateOf('person:director'), 'person:manager');
    assert.equal(chain.delegateOf('person:engineer'), undefined);
    const none = examplePolicy({ directory: swap('delegate: manager }', 'delegate: leaver }') });
    assert.equal(none.delegateOf('person:manager-2'), undefined);
  });

  it('shuts out whoever is blocked, with every account of theirs, and keeps the others', () => {
    const shut = examplePolicy({ directory: swap('blocked: []', 'blocked: [person:owner, service:deploy-bot]') });
    for (const ref of ['person:owner', 'person:owner-admin', 'service:deploy-bot']) {
      assert.equal(shut.isBlocked(ref), true, ref);
      assert.equal(shut.isActive(ref), false, ref);
      assert.deepEqual(shut.groupsOf(ref), []);
      assert.equal(shut.isEligible(ref, 'orders-db/read'), false, ref);
    }
    assert.ok(!shut.members('group:db-owners').includes('person:owner'));
    assert.ok(shut.members('group:db-owners').includes('person:owner-2'));
    assert.equal(shut.isActive('person:engineer'), true);
  });
});
