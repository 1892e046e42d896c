/** What is built once per user is built once, also by two runs at once, and never looks finished before it is. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir, cached } from '../../../workers/dev/cache.js';
import { folder } from '../../support/services.js';

describe('the cache', () => {
  it('makes a thing once, however many want it at once', async () => {
    const path = join(await folder(), 'deep', 'thing');
    let made = 0;
    let waited = 0;
    let finish = (): void => undefined;
    const mayFinish = new Promise<void>((resolve) => (finish = resolve));
    const want = (): Promise<string> =>
      cached(
        path,
        async (draft) => {
          made += 1;
          await mayFinish;
          await writeFile(draft, 'whole');
        },
        () => {
          waited += 1;
          // Both others are waiting: now the first may finish.
          if (waited === 2) finish();
        },
      );
    assert.deepEqual(await Promise.all([want(), want(), want()]), [path, path, path]);
    assert.equal(made, 1);
    assert.equal(await readFile(path, 'utf8'), 'whole');
    assert.deepEqual(await readdir(join(path, '..')), ['thing']);
  });

  it('leaves nothing that looks finished when making fails, and can be tried again', async () => {
    const path = join(await folder(), 'thing');
    const failing = cached(path, async (draft) => {
      await writeFile(draft, 'half');
      throw new Error('no space');
    });
    await assert.rejects(failing, /no space/);
    assert.deepEqual(await readdir(join(path, '..')), []);
    assert.equal(await cached(path, (draft) => writeFile(draft, 'whole')), path);
  });

  it('takes over from a run that died while it was making', async () => {
    const path = join(await folder(), 'thing');
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    await writeFile(`${path}.lock`, String(pid));
    await cached(path, (draft) => mkdir(draft));
    assert.deepEqual(await readdir(join(path, '..')), ['thing']);
  });

  it('is the user’s own, outside the checkout', () => {
    assert.equal(cacheDir({ XDG_CACHE_HOME: '/x' }), '/x/daypass');
    assert.match(cacheDir({ XDG_CACHE_HOME: 'relative' }), /\.cache\/daypass$/);
    assert.match(cacheDir({}), /\.cache\/daypass$/);
  });
});
