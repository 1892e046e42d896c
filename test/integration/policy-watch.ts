/** A changed policy is taken up without a restart; a wrong one is refused whole and the last good one stays. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { watchPolicy, type PolicyWatch } from '../../activities/policy/load.js';
import { policyFolder, swap } from '../support/policy.js';
import { until } from '../support/until.js';

describe('watching a policy folder', () => {
  let dir: string;
  let policy: PolicyWatch | undefined;
  let logged: { level: string; fields: Record<string, unknown>; message: string }[];

  beforeEach(async () => {
    dir = await policyFolder();
    logged = [];
  });
  afterEach(() => policy?.close());

  const log = {
    info: (fields: object, message: string) => void logged.push({ level: 'info', fields: { ...fields }, message }),
    error: (fields: object, message: string) => void logged.push({ level: 'error', fields: { ...fields }, message }),
  };
  const watch = (options = {}) =>
    (policy = watchPolicy(dir, log as unknown as Parameters<typeof watchPolicy>[1], options));
  const change = async (file: string, edit: (text: string) => string) => {
    const path = join(dir, file);
    await writeFile(path, edit(await readFile(path, 'utf8')));
  };
  const errors = () => logged.filter(({ level }) => level === 'error');

  it('takes up a change, and tells who asked to hear of it', async () => {
    const watched = watch();
    const before = watched.current().version;
    const heard: string[] = [];
    const stop = watched.onChange(({ version }) => heard.push(version));
    await change('directory.yml', swap('name: Contractor', 'name: Consultant'));
    await until(() => watched.current().nameOf('person:contractor') === 'Consultant', { withinMs: 2000 });
    assert.notEqual(watched.current().version, before);
    assert.deepEqual(heard, [watched.current().version]);
    stop();
    await change('directory.yml', swap('name: Consultant', 'name: Contractor'));
    await until(() => watched.current().version === before, { withinMs: 2000 });
    assert.equal(heard.length, 1);
  });

  it('takes up files that are replaced by a rename, as editors and deployments do', async () => {
    const watched = watch();
    const text = await readFile(join(dir, 'directory.yml'), 'utf8');
    await writeFile(join(dir, 'directory.yml.new'), swap('name: Contractor', 'name: Consultant')(text));
    await rename(join(dir, 'directory.yml.new'), join(dir, 'directory.yml'));
    await until(() => watched.current().nameOf('person:contractor') === 'Consultant', { withinMs: 2000 });
  });

  it('refuses a wrong change whole, says why once, and keeps the last good one', async () => {
    const before = dir;
    dir = await policyFolder();
    // One good change and one wrong one: neither counts.
    await change('directory.yml', swap('name: Contractor', 'name: Consultant'));
    await change('risk.yml', swap('elevated: 30', 'elevated: thirty'));
    // They come as one, or the good one might be taken up before the wrong one is there.
    const next = `${dir}-link`;
    await symlink(dir, next);
    dir = `${before}-link`;
    await symlink(before, dir);
    const watched = watch({ pollMs: 50 });
    const good = watched.current();
    await rename(next, dir);
    await until(() => errors().length > 0, { withinMs: 2000 });
    assert.equal(watched.current().nameOf('person:contractor'), good.nameOf('person:contractor'));
    assert.equal(watched.current(), good);
    const [refused] = errors();
    assert.equal(refused?.message, 'policy refused as a whole; the last good one stays');
    assert.equal(refused?.fields.kept, good.version);
    assert.match(String(refused?.fields.problems), /^risk\.yml:\d+:\d+ bands\.elevated: must be number/);

    await change('risk.yml', swap('elevated: thirty', 'elevated: 31'));
    await until(() => watched.current().risk.bands.elevated === 31, { withinMs: 2000 });
    assert.equal(watched.current().nameOf('person:contractor'), 'Consultant');
    assert.equal(errors().length, 1);
  });

  it('keeps the last good one while the folder is gone, and takes it up when it is back', async () => {
    const watched = watch({ pollMs: 50 });
    const good = watched.current();
    await rename(dir, `${dir}-away`);
    await until(() => errors().length > 0, { withinMs: 2000 });
    assert.equal(watched.current(), good);
    await rename(`${dir}-away`, dir);
    await change('directory.yml', swap('name: Contractor', 'name: Consultant'));
    await until(() => watched.current().nameOf('person:contractor') === 'Consultant', { withinMs: 2000 });
  });

  it('finds by looking what the file watcher does not see: a link that points elsewhere', async () => {
    const [first, second] = [await policyFolder(), await policyFolder()];
    const path = join(second, 'directory.yml');
    await writeFile(path, swap('name: Contractor', 'name: Consultant')(await readFile(path, 'utf8')));
    await mkdir(join(dir, 'at'));
    await symlink(first, join(dir, 'at', 'current'));
    dir = join(dir, 'at', 'current');
    const watched = watch({ pollMs: 50 });
    await rm(dir);
    await symlink(second, dir);
    await until(() => watched.current().nameOf('person:contractor') === 'Consultant', { withinMs: 2000 });
  });

  it('stops at the start with one readable message when there is no good one to keep', async () => {
    await change('flows.yml', swap('clock: office-hours', 'clock: opening-hours'));
    assert.throws(
      () => watch(),
      (error: Error) => {
        assert.match(
          error.message,
          /^The policy in .* has one problem:\n {2}flows\.yml:\d+:\d+ flows\[1\]\.steps\[1\]\.clock: "opening-hours" is not in calendars; add it there or correct the name$/,
        );
        return true;
      },
    );
  });
});
