/** Programs are found in the documented order, and an old one is not taken. */
import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findChromium } from '../../../workers/dev/find-chromium.js';
import { findRedis } from '../../../workers/dev/find-redis.js';
import { findTemporal } from '../../../workers/dev/find-temporal.js';
import { isAtLeast, onPath, versionIn } from '../../../workers/dev/find-program.js';
import { readCompose } from '../../../workers/dev/compose.js';
import { folder } from '../../support/services.js';

describe('finding programs', () => {
  const before_ = { ...process.env };
  let bin: string;
  let cache: string;
  beforeEach(async () => {
    const home = await folder();
    bin = join(home, 'bin');
    cache = join(home, 'cache');
    await mkdir(bin);
    // Shell scripts need a shell; nothing else of the machine is visible.
    process.env['PATH'] = bin;
    process.env['XDG_CACHE_HOME'] = cache;
  });
  afterEach(() => {
    for (const name of ['PATH', 'XDG_CACHE_HOME', 'CHROMIUM_PATH']) {
      if (before_[name] === undefined) delete process.env[name];
      else process.env[name] = before_[name];
    }
  });

  const program = async (path: string, says: string): Promise<string> => {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, `#!/bin/sh\necho '${says}'\n`);
    await chmod(path, 0o755);
    return path;
  };
  const heard: string[] = [];
  const tell = (line: string): void => void heard.push(line);

  it('reads versions out of what programs say', () => {
    const says = 'temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)';
    assert.deepEqual(versionIn(says, 'Server '), [1, 32, 0]);
    assert.deepEqual(versionIn('Redis server v=7.0.15 sha=0'), [7, 0, 15]);
    assert.equal(versionIn('no version', 'Server '), undefined);
  });

  for (const [version, least, enough] of [
    [[1, 32, 0], [1, 32, 0], true],
    [[1, 33, 0], [1, 32, 5], true],
    [[2, 0, 0], [1, 32, 0], true],
    [[1, 31, 9], [1, 32, 0], false],
    [[1, 32, 0], [1, 32, 1], false],
    [undefined, [0, 0, 1], false],
  ] as const) {
    it(`takes ${version?.join('.') ?? 'no version'} where ${least.join('.')} is asked for: ${enough}`, () => {
      assert.equal(isAtLeast(version, least), enough);
    });
  }

  it('passes over a file on PATH that is no program', async () => {
    await writeFile(join(bin, 'redis-server'), 'text');
    assert.equal(await onPath('redis-server'), undefined);
  });

  it('takes the Temporal on PATH when its server is new enough', async () => {
    const path = await program(join(bin, 'temporal'), 'temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)');
    assert.equal(await findTemporal(await readCompose(), tell), path);
  });

  it('takes the cached Temporal when the one on PATH is too old, and says so', async () => {
    await program(join(bin, 'temporal'), 'temporal version 1.5.1 (Server 1.29.1, UI 2.40.0)');
    const kept = await program(join(cache, 'daypass/temporal-1.9.1/temporal'), 'whatever');
    heard.length = 0;
    assert.equal(await findTemporal(await readCompose(), tell), kept);
    assert.match(heard.join('\n'), /too old: Daypass needs a Temporal server of 1\.32\.0 or newer/);
  });

  it('takes the Redis on PATH, and refuses an old one with the way out', async () => {
    const path = await program(join(bin, 'redis-server'), 'Redis server v=7.2.4 sha=0');
    assert.equal(await findRedis(await readCompose(), tell), path);
    await program(path, 'Redis server v=5.0.7 sha=0');
    await assert.rejects(
      findRedis(await readCompose(), tell),
      /too old \(5\.0\.7\): install Redis .* or set REDIS_URL/,
    );
  });

  it('names what to install when Redis or Chromium is missing and packages are not ours to install', async () => {
    await assert.rejects(findRedis(await readCompose(), tell), /redis-server is missing: install Redis .* REDIS_URL/);
    await assert.rejects(findChromium(tell), /no Chromium .* install one, or set CHROMIUM_PATH/);
  });

  it('takes the Chromium that is named, and refuses a name that is no program', async () => {
    const path = await program(join(bin, 'my-browser'), 'Chromium 140');
    assert.equal(await findChromium(tell, { CHROMIUM_PATH: path }), path);
    await assert.rejects(findChromium(tell, { CHROMIUM_PATH: '/nowhere' }), /CHROMIUM_PATH is \/nowhere/);
  });
});
