/** What need not be done again: only while nothing changed at all. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUnchanged } from '../../../workers/dev/unchanged.js';

describe('what went well before', () => {
  let root: string;
  const notes = (): string => join(root, 'node_modules/.cache');
  const seen = () => createUnchanged(root, notes());
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'daypass-test-'));
    await mkdir(join(root, 'api/web'), { recursive: true });
    await writeFile(join(root, 'package-lock.json'), '{}');
    await writeFile(join(root, 'api/web/page.ts'), 'one');
    await (await seen()).keep('lint');
  });
  afterEach(() => rm(root, { recursive: true }));

  it('is not done again while no file changes, whatever is installed or made beside them', async () => {
    assert.equal(await (await seen()).has('lint'), true);
    assert.equal(await (await seen()).has('types'), false);
    for (const folder of ['node_modules/express', '.daypass', 'dist']) {
      await mkdir(join(root, folder), { recursive: true });
      await writeFile(join(root, folder, 'index.js'), 'made');
    }
    assert.equal(await (await seen()).has('lint'), true);
  });

  const changes: [what: string, change: () => Promise<void>][] = [
    ['is changed', () => writeFile(join(root, 'api/web/page.ts'), 'two')],
    ['is new', () => writeFile(join(root, 'api/web/more.ts'), '')],
    ['is gone', () => rm(join(root, 'api/web/page.ts'))],
    ['has another name', () => rename(join(root, 'api/web/page.ts'), join(root, 'api/page.ts'))],
    ['says that other packages are installed', () => writeFile(join(root, 'package-lock.json'), '{ }')],
  ];
  for (const [what, change] of changes) {
    it(`is done again when a file ${what}`, async () => {
      await change();
      assert.equal(await (await seen()).has('lint'), false);
    });
  }

  it('has a number of its own, of the code alone', async () => {
    const { number } = await seen();
    await writeFile(join(root, 'README.md'), 'Read me.');
    await writeFile(join(root, '.settings.json'), 'of a machine');
    assert.equal((await seen()).number, number);
    await writeFile(join(root, 'api/web/page.ts'), 'two');
    assert.notEqual((await seen()).number, number);
  });

  it('is not remembered of files that changed while it was done', async () => {
    const run = await seen();
    await writeFile(join(root, 'api/web/page.ts'), 'two');
    await run.keep('lint');
    assert.equal(await (await seen()).has('lint'), false);
    await writeFile(join(root, 'api/web/page.ts'), 'one');
    assert.equal(await (await seen()).has('lint'), false);
  });
});
