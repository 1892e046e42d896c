/** Where our own processes spend their processor time: V8's profiler in each, read as the functions that cost most. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.js';
import type { Table } from './table.js';

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
  startTime: number;
}

/** Restarts the three with a profiler, has `work` done, and restarts them without. */
export async function profiles({ system }: Bench, work: () => Promise<void>): Promise<Table[]> {
  const processes = [system.decisions, system.connectors, system.api];
  const dir = await mkdtemp(join(tmpdir(), 'daypass-profile-'));
  try {
    for (const each of processes) {
      await each.stop();
      await each.start({}, ['--cpu-prof', `--cpu-prof-dir=${join(dir, each.name)}`]);
    }
    const from = microseconds();
    await work();
    const to = microseconds();
    for (const each of processes) await each.stop();
    const tables = await Promise.all(processes.map(({ name }) => topFive(name, join(dir, name), { from, to })));
    for (const each of processes) await each.start();
    return tables;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Of the clock that V8 stamps its samples with, which all processes share. */
function microseconds(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

async function topFive(name: string, dir: string, { from, to }: { from: number; to: number }): Promise<Table> {
  const spent = new Map<string, number>();
  // One per thread: workflows run in threads of their own.
  for (const file of await readdir(dir)) {
    const { nodes, samples, timeDeltas, startTime } = JSON.parse(await readFile(join(dir, file), 'utf8')) as CpuProfile;
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    let at = startTime;
    samples.forEach((id, index) => {
      at += timeDeltas[index] ?? 0;
      if (at < from || at > to) return;
      const frame = frames.get(id);
      if (!frame || frame.functionName === '(idle)') return;
      const where = placeOf(frame);
      spent.set(where, (spent.get(where) ?? 0) + (timeDeltas[index] ?? 0) / 1_000);
    });
  }
  const busy = [...spent.values()].reduce((sum, each) => sum + each, 0);
  const top = [...spent].toSorted(([, one], [, other]) => other - one).slice(0, 5);
  return {
    title: `Where the time goes: ${name}`,
    columns: ['function', 'own time', 'share of this process'],
    rows: top.map(([where, spentMs]) => [
      where,
      `${spentMs.toFixed(0)} ms`,
      `${((spentMs / busy) * 100).toFixed(1)} %`,
    ]),
    notes: ['By V8’s sampling profiler, while the grants were made and ended; Temporal’s native core is not in it.'],
  };
}

const root = fileURLToPath(new URL('../..', import.meta.url));

function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(nameless)' : functionName;
  if (url === '') return name;
  const path = url
    .replace('file://', '')
    .replace(root, '')
    .replace(/^.*node_modules\//, '');
  return `${name} (${path}:${lineNumber + 1})`;
}
