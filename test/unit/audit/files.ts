/** The append-only files of the audit: what was promised to be there is there, and what cannot be written is not promised. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openAuditFiles, type AuditFiles } from '../../../activities/audit/files.js';
import { createLog } from '../../../activities/platform/log.js';
import { folder } from '../../support/services.js';

const opened: AuditFiles[] = [];

function open(dir: string, more: { fileBytesMax?: number; now?: () => number; lines?: string[] } = {}): AuditFiles {
  const { fileBytesMax = 1_000_000, now, lines = [] } = more;
  const log = createLog('test', 'info', (line) => lines.push(line));
  const files = openAuditFiles({ dir, fileBytesMax, log, ...(now && { now }) });
  opened.push(files);
  return files;
}

const namesIn = async (dir: string): Promise<string[]> =>
  (await readdir(dir)).filter((name) => name.endsWith('.jsonl')).sort();

async function linesIn(dir: string): Promise<string[]> {
  const texts = await Promise.all((await namesIn(dir)).map((name) => readFile(join(dir, name), 'utf8')));
  return texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
}

describe('audit files', () => {
  afterEach(async () => {
    for (const files of opened.splice(0)) await files.close();
  });

  it('hold what was appended, in its order, whoever appends at once, and are for their owner alone', async () => {
    const dir = join(await folder(), 'new');
    const files = open(dir);
    const all = Array.from({ length: 200 }, (_, at) => JSON.stringify({ at }));
    await Promise.all(all.map((line) => files.append([line])));
    assert.deepEqual(await linesIn(dir), all);
    const [name = ''] = await namesIn(dir);
    assert.equal((await stat(join(dir, name))).mode & 0o777, 0o600);
    assert.equal((await stat(dir)).mode & 0o777, 0o700);
    assert.ok(files.owns(name));
  });

  it('are one for each process and day, and a new one when one is full', async () => {
    const dir = await folder();
    let today = Date.parse('2026-11-22T23:59:59Z');
    const files = open(dir, { fileBytesMax: 50, now: () => today });
    for (let count = 0; count < 3; count += 1) await files.append(['"' + 'x'.repeat(30) + '"']);
    today = Date.parse('2026-11-23T00:00:01Z');
    await files.append(['"y"']);
    await open(dir, { now: () => today }).append(['"z"']);
    const names = await namesIn(dir);
    assert.equal(names.filter((name) => name.startsWith('audit-2026-11-22-')).length, 2);
    assert.equal(names.filter((name) => name.startsWith('audit-2026-11-23-')).length, 2);
    assert.equal((await linesIn(dir)).length, 5);
  });

  it('promise nothing that is not on the disk, say so once, and go on when the folder is there again', async () => {
    const dir = join(await folder(), 'audit');
    const lines: string[] = [];
    // A file stands where the folder should be: root is stopped by it as anybody else.
    await writeFile(dir, '');
    const files = open(dir, { lines });
    for (let count = 0; count < 3; count += 1) await assert.rejects(files.append(['"lost"']));
    assert.equal(lines.filter((line) => line.includes('audit files cannot be written')).length, 1);
    await rm(dir);
    await files.append(['"kept"']);
    assert.deepEqual(await linesIn(dir), ['"kept"']);
    assert.ok(lines.some((line) => line.includes('can be written again')));
  });

  // A limit on the size of files stands in for a full disk: writes end in the middle of a line, for any user.
  it('leave no half line where a write ends in the middle, and promise the line only when it is whole', async () => {
    const dir = await folder();
    const script = `ulimit -f 8; exec "$0" --import tsx test/support/audit-process.ts "$1" "" 1 100`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script, process.execPath, dir]);
    const promised = JSON.parse(stdout) as number[];
    const kept = (await linesIn(dir)).map((line) => (JSON.parse(line) as { sequence: number }).sequence);
    assert.deepEqual(
      kept.sort((a, b) => a - b),
      promised,
    );
    assert.ok(promised.length > 80 && promised.length < 100, stdout);
    assert.match(stderr, /audit files cannot be written/);
  });

  it('are begun anew when somebody removes one', async () => {
    const dir = await folder();
    const files = open(dir);
    await files.append(['"gone"']);
    for (const name of await namesIn(dir)) await rm(join(dir, name));
    await files.append(['"here"']);
    assert.deepEqual(await linesIn(dir), ['"here"']);
    await rm(dir, { recursive: true });
    await files.append(['"again"']);
    assert.deepEqual(await linesIn(dir), ['"again"']);
  });

  it('keep the newest seal for the process after this one', async () => {
    const dir = await folder();
    assert.equal(await open(dir).newestSeal(), undefined);
    await open(dir).keepSeal('one');
    await open(dir).keepSeal('two');
    assert.equal(await open(dir).newestSeal(), 'two');
    assert.ok((await readdir(dir)).every((name) => !name.endsWith('.draft')));
  });
});
