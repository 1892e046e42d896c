/** docs/settings.md is what an operator goes by: each process has its section, with all that it reads and nothing else. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { settingsOf } from '../../../activities/platform/config.js';

describe('docs/settings.md', () => {
  const sections: [title: string, schema: keyof typeof settingsOf][] = [
    ['All processes', 'common'],
    ['API', 'api'],
    ['Decisions worker', 'decisions'],
    ['Connector worker', 'connectors'],
  ];
  for (const [title, schema] of sections) {
    it(`says of ${title} which settings there are, which are required, and what the others are without a word`, async () => {
      const common = new Set(schema === 'common' ? [] : Object.keys(settingsOf.common.shape));
      const read = Object.entries(settingsOf[schema].shape).filter(([name]) => !common.has(name));
      assert.ok(read.length >= 4);
      const expected = read.map(([name, field]) => {
        const without = field.safeParse(undefined);
        return [name, without.success ? (without.data ?? 'off') : 'required'].map(String);
      });
      const document = await readFile('docs/settings.md', 'utf8');
      assert.deepEqual(new Map(rowsOf(document, title).sort()), new Map(expected.sort() as [string, string][]));
    });
  }

  it('names every setting that the launcher reads', async () => {
    const document = await readFile('docs/settings.md', 'utf8');
    const source = await readFile('workers/dev/settings.ts', 'utf8');
    const names = source.match(/\b(?:DAYPASS|OIDC|SMTP|REDIS|ORDERS)_[A-Z_]+\b/g) ?? [];
    assert.ok(names.length > 5);
    assert.deepEqual(
      names.filter((name) => !document.includes(`\`${name}\``)),
      [],
    );
  });
});

/** Each setting of a section with its default, also where a row has several of both. */
function rowsOf(document: string, title: string): [string, string][] {
  const section = document.split(/^## /m).find((text) => text.startsWith(title)) ?? '';
  return [...section.matchAll(/^\| (`[^|]+) \| ([^|]+) \|/gm)].flatMap(([, left = '', right = '']) => {
    const names = left.split(', ');
    const values = right.split(', ');
    return names.map((name, index): [string, string] => [plain(name), plain(values[index] ?? right)]);
  });
}

function plain(text: string): string {
  return text.replace(/`/g, '');
}
