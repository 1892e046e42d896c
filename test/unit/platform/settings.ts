/** docs/settings.md is what an operator goes by. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

describe('docs/settings.md', () => {
  it('names every setting that a process or the launcher reads', async () => {
    const document = await readFile('docs/settings.md', 'utf8');
    const sources = await Promise.all(
      ['activities/platform/config.ts', 'workers/dev/settings.ts'].map((file) => readFile(file, 'utf8')),
    );
    const names = sources.flatMap((text) => text.match(/\b(?:DAYPASS|OIDC|SMTP|REDIS|ORDERS)_[A-Z_]+\b/g) ?? []);
    assert.ok(names.length > 20);
    const missing = [...new Set(names)].filter((name) => !document.includes(`\`${name}\``));
    assert.deepEqual(missing, []);
  });
});
