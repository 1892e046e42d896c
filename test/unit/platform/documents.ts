/** Whoever follows a page of the documentation to a test, a picture or another page finds it there. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

describe('the documentation', () => {
  it('names tests that exist, and links to files and headings that exist', async () => {
    const docs = (await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name));
    const wrong: string[] = [];
    let found = 0;
    for (const page of ['README.md', ...docs]) {
      const text = await readFile(page, 'utf8');
      const tests = [...text.matchAll(/`(test\/[^`\s]+)`/g)].map(([, path = '']) => path);
      const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => to);
      found += tests.length + links.length;
      for (const path of tests) if (!(await isThere(path))) wrong.push(`${page}: ${path}`);
      for (const to of links) if (!(await leadsSomewhere(page, to))) wrong.push(`${page}: ${to}`);
    }
    assert.ok(found > 40);
    assert.deepEqual(wrong, []);
  });
});

/** A name may have a `*`, as in a shell. */
async function isThere(path: string): Promise<boolean> {
  if (!path.includes('*')) return existsSync(path);
  const [before = '', after = ''] = basename(path).split('*');
  return (await readdir(dirname(path))).some((name) => name.startsWith(before) && name.endsWith(after));
}

async function leadsSomewhere(page: string, to: string): Promise<boolean> {
  if (/^https?:/.test(to)) return true;
  const [path = '', heading] = to.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(file)) return false;
  return heading === undefined || anchorsOf(await readFile(file, 'utf8')).includes(heading);
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replace(/ /g, '-'),
  );
}
