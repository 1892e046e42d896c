/** Builds the Temporal CLI with Go, from the module proxy. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onPath } from './find-program.js';
import type { Tell } from './find-temporal.js';

const run = promisify(execFile);
const cli = 'github.com/temporalio/cli';
/** The CLI's own module file replaces this one by a folder, which holds only inside its repository. */
const cliext = `${cli}/cliext@v0.0.0-20260813031431-9112b4e0ac7a`;

/** Answers with what went wrong, if anything. */
export async function buildTemporal(
  version: string,
  draft: string,
  tell: Tell,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const go = await onPath('go');
  if (go === undefined) return 'Go is not installed';
  const work = await mkdtemp(join(tmpdir(), 'daypass-temporal-'));
  const startedAt = Date.now();
  const progress = setInterval(() => {
    tell(`  still building Temporal, ${Math.round((Date.now() - startedAt) / 1000)} s so far`);
  }, 20_000);
  const step = (...args: string[]): Promise<unknown> =>
    run(go, args, { cwd: work, maxBuffer: 64 * 1024 * 1024, ...(signal && { signal }) });
  try {
    tell(`Building Temporal CLI ${version} with Go: once per user, 3 to 4 minutes on two cores.`);
    await writeFile(join(work, 'go.mod'), 'module daypass/temporal\n\ngo 1.26\n');
    await step('mod', 'edit', '-replace', `${cli}/cliext=${cliext}`);
    await step('get', '-tool', `${cli}/cmd/temporal@v${version}`);
    tell(`  everything is fetched after ${Math.round((Date.now() - startedAt) / 1000)} s; compiling.`);
    await mkdir(draft, { recursive: true });
    await step('build', '-ldflags=-s -w', '-o', join(draft, 'temporal'), `${cli}/cmd/temporal`);
    tell(`  Temporal is built, in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    return said.split('\n').at(-1) ?? 'go failed';
  } finally {
    clearInterval(progress);
    await rm(work, { recursive: true, force: true });
  }
}
