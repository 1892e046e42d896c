/** A wrong policy is refused whole, and every problem is named with file, line, field and the way out. */
import assert from 'node:assert/strict';
import { PolicyError, type Problem } from '../../../activities/policy/problems.js';
import { parsePolicy } from '../../../activities/policy/read.js';
import { check } from '../../../activities/policy/check.js';
import { exampleTexts, swap, type Edits } from '../../support/policy.js';

function problems(edits: Edits): readonly Problem[] {
  try {
    parsePolicy('policy', exampleTexts(edits));
  } catch (error) {
    if (error instanceof PolicyError) return error.problems;
    throw error;
  }
  return [];
}

/** The line, from 1, of the first text that holds `part` once the edits are made. */
function lineOf(edits: Edits, file: keyof Edits, part: string): number {
  const lines = (exampleTexts(edits)[file] ?? '').split('\n');
  return lines.findIndex((line) => !line.startsWith('#') && line.includes(part)) + 1;
}

/** Seven steps of three. */
const crowd =
  '  - name: crowd\n    steps:\n' +
  '      - { name: many, approvers: [group:db-owners, group:security], needed: 3, expireAfter: PT1H }\n'.repeat(7);

interface Wrong {
  what: string;
  edits: Edits;
  file: keyof Edits;
  /** On this line. */
  line: string;
  field: string;
  says: RegExp;
}

const engineer = '  - id: engineer\n    name: Engineer\n';

const table: Wrong[] = [
  {
    what: 'an unknown manager',
    edits: { directory: swap('manager: manager-2', 'manager: nobody') },
    file: 'directory',
    line: 'manager: nobody',
    field: 'people[1].manager',
    says: /"nobody" is not in people; add it there or correct the name/,
  },
  {
    what: 'an unknown group of a person',
    edits: { directory: swap('groups: [contractors]', 'groups: [contractor]') },
    file: 'directory',
    line: 'groups: [contractor]',
    field: 'people[9].groups[0]',
    says: /"contractor" is not in groups/,
  },
  {
    what: 'an unknown delegate',
    edits: { directory: swap('delegate: manager }', 'delegate: ghost }\n') },
    file: 'directory',
    line: 'delegate: ghost',
    field: 'people[3].away.delegate',
    says: /"ghost" is not in people/,
  },
  {
    what: 'an unknown second account',
    edits: { directory: swap('    sameAs: [owner]', '    sameAs: [ghost]') },
    file: 'directory',
    line: '    sameAs: [ghost]',
    field: 'people[7].sameAs[0]',
    says: /"ghost" is not in people/,
  },
  {
    what: 'a circle of managers',
    edits: { directory: swap('  - id: director\n', '  - id: director\n    manager: engineer\n') },
    file: 'directory',
    line: 'manager: manager',
    field: 'people[0].manager',
    says: /circle \(engineer -> manager -> director -> engineer\)/,
  },
  {
    what: 'two accounts that each name the other',
    edits: {
      directory: swap(
        'groups: [db-owners]\n    timeZone: Europe/Berlin\n',
        'groups: [db-owners]\n    timeZone: Europe/Berlin\n    sameAs: [owner-admin]\n',
      ),
    },
    file: 'directory',
    line: '    sameAs: [owner-admin]',
    field: 'people[5].sameAs',
    says: /circle .*; say it on one of the accounts only/,
  },
  {
    what: 'the same id twice',
    edits: { directory: swap('- id: engineer-2', '- id: engineer') },
    file: 'directory',
    line: 'name: Second engineer',
    field: 'people[1].id',
    says: /"engineer" is there twice; rename or remove one/,
  },
  {
    what: 'a service without an owner who exists',
    edits: { directory: swap('owner: engineer', 'owner: nobody') },
    file: 'directory',
    line: 'owner: nobody',
    field: 'services[0].owner',
    says: /"nobody" is not in people/,
  },
  {
    what: 'a rotation with an unknown person',
    edits: { directory: swap('people: [oncall, owner-2]', 'people: [oncall, ghost]') },
    file: 'directory',
    line: 'people: [oncall, ghost]',
    field: 'rotations[1].people[1]',
    says: /"ghost" is not in people/,
  },
  {
    what: 'a role for an unknown group',
    edits: { directory: swap('operator: [operators]', 'operator: [admins]') },
    file: 'directory',
    line: 'operator: [admins]',
    field: 'roles.operator[0]',
    says: /"admins" is not in groups/,
  },
  {
    what: 'a misspelt field',
    edits: { directory: swap('timeZone: Europe/Lisbon', 'timezone: Europe/Lisbon') },
    file: 'directory',
    line: 'timezone: Europe/Lisbon',
    field: 'people[9].timezone',
    says: /is not a field here; remove it or correct its spelling/,
  },
  {
    what: 'a missing field',
    edits: { directory: swap('    timeZone: Europe/Lisbon\n', '') },
    file: 'directory',
    line: 'id: contractor',
    field: 'people[9].timeZone',
    says: /is missing; add it/,
  },
  {
    what: 'a time zone that is none',
    edits: { directory: swap('Europe/Lisbon', 'Lisbon') },
    file: 'directory',
    line: 'timeZone: Lisbon',
    field: 'people[9].timeZone',
    says: /must be an IANA time zone, such as Europe\/Berlin/,
  },
  {
    what: 'a number where a text belongs',
    edits: { directory: swap(engineer, '  - id: engineer\n    name: 42\n') },
    file: 'directory',
    line: 'name: 42',
    field: 'people[0].name',
    says: /must be string; put it in quotes: '42'/,
  },
  {
    what: 'hidden characters in a name',
    edits: { directory: swap(engineer, '  - id: engineer\n    name: "Engi\\u202eneer"\n') },
    file: 'directory',
    line: '\\u202e',
    field: 'people[0].name',
    says: /control or bidirectional characters; remove them/,
  },
  {
    what: 'a status that does not exist',
    edits: { directory: swap('status: inactive', 'status: gone') },
    file: 'directory',
    line: 'status: gone',
    field: 'people[13].status',
    says: /must be one of: active, inactive/,
  },
  {
    what: 'an unknown target',
    edits: { entitlements: swap('    target: orders-db\n', '    target: order-db\n') },
    file: 'entitlements',
    line: '    target: order-db',
    field: 'entitlements[0].target',
    says: /"order-db" is not in targets.yml/,
  },
  {
    what: 'an unknown flow',
    edits: { entitlements: swap('elevated: manager, high', 'elevated: boss, high') },
    file: 'entitlements',
    line: 'elevated: boss',
    field: 'entitlements[0].flow.elevated',
    says: /"boss" is not in flows.yml/,
  },
  {
    what: 'automatic for a band that is not low',
    edits: { entitlements: swap('elevated: manager, high', 'elevated: automatic, high') },
    file: 'entitlements',
    line: 'elevated: automatic',
    field: 'entitlements[0].flow.elevated',
    says: /may be automatic for "low" only; name a flow/,
  },
  {
    what: 'an unknown eligible group',
    edits: { entitlements: swap('eligible: [group:db-owners, group:oncall]', 'eligible: [group:dbas]') },
    file: 'entitlements',
    line: 'eligible: [group:dbas]',
    field: 'entitlements[2].eligible[0]',
    says: /"dbas" is not in groups of directory.yml/,
  },
  {
    what: 'a kind of selector that eligibility does not have',
    edits: { entitlements: swap('eligible: [group:db-owners, group:oncall]', 'eligible: [oncall:database]') },
    file: 'entitlements',
    line: 'eligible: [oncall:database]',
    field: 'entitlements[2].eligible[0]',
    says: /must be one of: group:<id>, person:<id>, service:<id>/,
  },
  {
    what: 'a preset beyond the maximum',
    edits: { entitlements: swap('presets: [PT15M, PT30M, PT1H]', 'presets: [PT15M, PT2H]') },
    file: 'entitlements',
    line: 'presets: [PT15M, PT2H]',
    field: 'entitlements[2].duration.presets[1]',
    says: /is longer than the maximum \(PT1H\); shorten it or raise the maximum/,
  },
  {
    what: 'a default below the minimum',
    edits: { entitlements: swap('minimumDuration: PT5S', 'minimumDuration: PT1H') },
    file: 'entitlements',
    line: 'default: PT15M',
    field: 'entitlements[0].duration.default',
    says: /is shorter than the minimum \(PT1H\)/,
  },
  {
    what: 'a duration that is none',
    edits: { entitlements: swap('maximum: PT8H', 'maximum: 8h') },
    file: 'entitlements',
    line: 'maximum: 8h',
    field: 'entitlements[0].duration.maximum',
    says: /must be an ISO 8601 duration above zero, such as PT15M/,
  },
  {
    what: 'a duration without a fixed length',
    edits: { entitlements: swap('maximum: PT8H', 'maximum: P1M') },
    file: 'entitlements',
    line: 'maximum: P1M',
    field: 'entitlements[0].duration.maximum',
    says: /must be an ISO 8601 duration/,
  },
  {
    what: 'an unknown approver',
    edits: {
      flows: swap('approvers: [group:db-owners]\n        needed: 2', 'approvers: [person:ghost]\n        needed: 2'),
    },
    file: 'flows',
    line: 'approvers: [person:ghost]',
    field: 'flows[2].steps[1].approvers[0]',
    says: /"ghost" is not in people of directory.yml/,
  },
  {
    what: 'an approver that is no selector',
    edits: { flows: swap('approvers: [group:db-owners, group:security]', 'approvers: [db-owners]') },
    file: 'flows',
    line: 'approvers: [db-owners]',
    field: 'flows[3].steps[0].approvers[0]',
    says: /must be one of: manager, group:<id>, person:<id>, oncall:<id>/,
  },
  {
    what: 'an unknown rotation',
    edits: { flows: swap('fallback: [oncall:platform, group:security]', 'fallback: [oncall:nobody]') },
    file: 'flows',
    line: 'fallback: [oncall:nobody]',
    field: 'flows[1].steps[0].fallback[0]',
    says: /"nobody" is not in rotations of directory.yml/,
  },
  {
    what: 'an unknown calendar',
    edits: { flows: swap('clock: office-hours', 'clock: opening-hours') },
    file: 'flows',
    line: 'clock: opening-hours',
    field: 'flows[1].steps[1].clock',
    says: /"opening-hours" is not in calendars/,
  },
  {
    what: 'an escalation after the end',
    edits: { flows: swap('escalateAfter: PT30M', 'escalateAfter: PT3H') },
    file: 'flows',
    line: 'escalateAfter: PT3H',
    field: 'flows[3].steps[0].escalateAfter',
    says: /is not before expireAfter; shorten it/,
  },
  {
    what: 'an escalation to nobody',
    edits: { flows: swap('        escalateTo: [person:director]\n', '') },
    file: 'flows',
    line: 'escalateAfter: PT30M',
    field: 'flows[3].steps[0].escalateAfter',
    says: /has nobody to escalate to; add escalateTo or leave this out/,
  },
  {
    what: 'a quorum out of reach',
    edits: {
      flows: swap(
        'approvers: [group:db-owners, group:security]\n        needed: 2',
        'approvers: [group:security]\n        needed: 3',
      ),
    },
    file: 'flows',
    line: 'needed: 3',
    field: 'flows[3].steps[0].needed',
    says: /is 3, and only 2 could ever be asked/,
  },
  {
    what: 'more approvals than fit into one order',
    edits: { flows: swap('flows:\n  - name: manager\n', `flows:\n${crowd}  - name: manager\n`) },
    file: 'flows',
    line: '    steps:',
    field: 'flows[0].steps',
    says: /need 21 approvals in all; ask for at most 20/,
  },
  {
    what: 'a calendar without hours',
    edits: { flows: swap("to: '17:00'\n    holidays: [2026-12-24", "to: '09:00'\n    holidays: [2026-12-24") },
    file: 'flows',
    line: "    to: '09:00'",
    field: 'calendars[0].to',
    says: /must be after "from"/,
  },
  {
    what: 'a holiday that does not exist',
    edits: { flows: swap('holidays: [2026-12-24', 'holidays: [2026-02-30') },
    file: 'flows',
    line: 'holidays: [2026-02-30',
    field: 'calendars[0].holidays[0]',
    says: /must be a date that exists/,
  },
  {
    what: 'bands out of order',
    edits: { risk: swap('high: 60, refuse', 'high: 20, refuse') },
    file: 'risk',
    line: 'high: 20, refuse',
    field: 'bands.high',
    says: /must not be below "elevated" \(30\)/,
  },
  {
    what: 'negative points',
    edits: { risk: swap('\n  hour: { points: 10 }', '\n  hour: { points: -10 }') },
    file: 'risk',
    line: 'hour: { points: -10 }',
    field: 'factors.hour.points',
    says: /is too small; the least is 0/,
  },
];

describe('a wrong policy', () => {
  for (const { what, edits, file, line, field, says } of table) {
    it(`is refused for ${what}, naming ${file}.yml, the line and ${field}`, () => {
      const found = problems(edits).find((problem) => problem.field === field);
      assert.ok(found, JSON.stringify(problems(edits)));
      assert.equal(found.file, `${file}.yml`);
      assert.equal(found.line, lineOf(edits, file, line) - (field === 'people[1].id' ? 1 : 0));
      assert.ok(found.column >= 1);
      assert.match(found.message, says);
    });
  }

  it('names all problems of all files at once', () => {
    const found = problems({
      directory: swap('timeZone: Europe/Lisbon', 'timeZone: Lisbon'),
      risk: swap('elevated: 30', 'elevated: thirty'),
    });
    assert.deepEqual(
      found.map(({ file, field }) => `${file} ${field}`),
      ['directory.yml people[9].timeZone', 'risk.yml bands.elevated'],
    );
  });

  it('is refused for broken YAML at the line where it breaks', () => {
    const [found] = problems({ targets: swap('    kind: postgres', '   kind: [postgres') });
    assert.equal(found?.file, 'targets.yml');
    assert.match(found?.message ?? '', /is not valid YAML/);
  });

  it('is refused for a file that is empty or missing', () => {
    assert.match(problems({ risk: () => '' })[0]?.message ?? '', /is missing; add it/);
    const texts = exampleTexts();
    delete texts.risk;
    assert.throws(() => parsePolicy('policy', texts), /risk\.yml:1:1 is missing in policy; add it/);
  });

  it('is refused for a folder that does not exist, in one readable message', () => {
    const { good, says } = check('policy/nowhere');
    assert.equal(good, false);
    assert.match(
      says,
      /The policy in policy\/nowhere has 5 problems:\n {2}directory\.yml:1:1 is missing in policy\/nowhere/,
    );
  });
});

describe('the example policy', () => {
  it('is good, and its version is the digest of its contents', () => {
    const { good, says } = check('policy');
    assert.equal(good, true);
    assert.match(says, /^The policy in policy is good: 14 people, 1 services, 3 entitlements/);
    const { version } = parsePolicy('policy', exampleTexts());
    assert.equal(parsePolicy('elsewhere', exampleTexts()).version, version);
    assert.notEqual(parsePolicy('policy', exampleTexts({ risk: (text) => `${text}# more\n` })).version, version);
  });
});
