/** A wrong policy is refused whole, and every problem is named with file, line, field and the way out. */
import assert from 'node:assert/strict';
import { PolicyError, type Problem } from '../../../activities/policy/problems.js';
import { parsePolicy } from '../../../activities/policy/read.js';
import { check } from '../../../activities/policy/check.js';
import { exampleTexts, swap, type Edits } from '../../support/policy.js';
import { wrongPolicies } from '../../support/wrong-policies.js';

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

describe('a wrong policy', () => {
  for (const { what, edits, file, line, field, says } of wrongPolicies) {
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
    assert.match(says, /^The policy in policy is good: 15 people, 1 services, 3 entitlements/);
    const { version } = parsePolicy('policy', exampleTexts());
    assert.equal(parsePolicy('elsewhere', exampleTexts()).version, version);
    assert.notEqual(parsePolicy('policy', exampleTexts({ risk: (text) => `${text}# more\n` })).version, version);
  });
});
