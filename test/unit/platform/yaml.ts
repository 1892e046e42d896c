/** YAML that is made to hurt is refused in no time, with its line; what would be read in two ways is refused too. */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { parseYaml } from '../../../activities/platform/yaml.js';

/** The one line that says why. */
function refusal(text: string): string {
  try {
    parseYaml('policy.yml', text, z.unknown());
  } catch (error) {
    return error instanceof Error ? error.message : assert.fail();
  }
  return assert.fail('it was read');
}

describe('a YAML text', () => {
  it('reads an alias as what it names, and another directive than that of 1.1', () => {
    const text = '%YAML 1.2\n---\na: &a [yes]\nb: *a\n';
    assert.deepEqual(parseYaml('policy.yml', text, z.unknown()), { a: ['yes'], b: ['yes'] });
  });

  // A policy is read by processes that serve: what takes seconds here is an outage.
  const slow: [what: string, text: string, says: RegExp][] = [
    ['aliases of one name', '- &a x\n' + '- *a\n'.repeat(50_000), /^policy\.yml:1001: More than 1000 anchors/],
    ['aliases of nothing', '- &a x\n' + '- *a\n'.repeat(100) + '- *b\n'.repeat(50_000), /^policy\.yml:102: .*: b$/],
    [
      'aliases of a name each',
      Array.from({ length: 20_000 }, (_, index) => `- &a${index} x\n- *a${index}`).join('\n'),
      /^policy\.yml:1001: More than 1000 anchors/,
    ],
  ];
  for (const [what, text, says] of slow) {
    it(`is refused without a pause: ${what}`, function () {
      const started = performance.now();
      assert.match(refusal(text), says);
      // Reading it takes a second on a busy machine; comparing each alias with each took minutes.
      assert.ok(performance.now() - started < 15_000);
    });
  }

  it('is refused for aliases of aliases that come to more than could be held', () => {
    const text = ['- &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]'];
    for (const [index, name] of [...'bcdef'].entries()) {
      text.push(`- &${name} [${Array(10).fill(`*${'abcde'[index]}`).join(', ')}]`);
    }
    assert.match(refusal(text.join('\n')), /^policy\.yml:2: Excessive alias count/);
  });

  it('is refused for an alias before its anchor, or of another name', () => {
    assert.match(refusal('- &a 1\n- *b\n- &b 2\n'), /^policy\.yml:2: Unresolved alias .*: b$/);
  });

  it('is refused as YAML 1.1, which merges and reads `yes` as true', () => {
    const text = '# people\n%YAML 1.1\n---\nbase: &base {a: yes}\nb: {<<: *base}\n';
    assert.match(refusal(text), /^policy\.yml:2: YAML 1\.1 /);
  });
});
