/** What each process uses, read from `/proc`: processor time and memory. PostgreSQL counts with its children. */
import { readdir, readFile } from 'node:fs/promises';
import type { Bench } from './bench.js';
import type { Table } from './table.js';

export interface Usage {
  /** Milliseconds of processor time since the process began. */
  cpuMs: number;
  /** Resident bytes; pages that several processes share count once for each. */
  memory: number;
}

/** Ticks of `/proc/<pid>/stat`: Linux has had 100 a second for all programs since it was born. */
const tickMs = 10;

export async function usageOf({ system }: Bench): Promise<Map<string, Usage>> {
  const pids: [name: string, pid: number][] = [
    ['API', system.api.pid()],
    ['decisions', system.decisions.pid()],
    ['connectors', system.connectors.pid()],
    ['Temporal', system.temporal.pid()],
    ['PostgreSQL (target)', system.ordersDb.pid()],
    ['Redis', system.redis.pid()],
    ['the benchmark itself', process.pid],
  ];
  const all = await processes();
  return new Map(
    pids.map(([name, pid]) => [
      name,
      together(
        // All others are children of whoever measures.
        all.filter((it) => it.pid === pid || (it.parent === pid && pid !== process.pid)),
        pid,
      ),
    ]),
  );
}

/** The processor time between two readings, as a table. */
export function cpuTable(
  title: string,
  before: Map<string, Usage>,
  after: Map<string, Usage>,
  grants: number,
  wallMs: number,
): Table {
  const used = [...after].map(([name, { cpuMs }]) => ({ name, cpuMs: cpuMs - (before.get(name)?.cpuMs ?? 0) }));
  const all = used.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  return {
    title,
    columns: ['process', 'share of all processor time', 'cores', 'ms of processor time per grant'],
    rows: used
      .toSorted((one, other) => other.cpuMs - one.cpuMs)
      .map(({ name, cpuMs }) => [
        name,
        `${((cpuMs / all) * 100).toFixed(0)} %`,
        (cpuMs / wallMs).toFixed(2),
        (cpuMs / grants).toFixed(1),
      ]),
    notes: [`${grants} grants in ${(wallMs / 1_000).toFixed(1)} s.`],
  };
}

interface Process {
  pid: number;
  parent: number;
  ownMs: number;
  /** Of children that ended. */
  childrenMs: number;
  memory: number;
}

function together(family: Process[], pid: number): Usage {
  const cpuMs = family.reduce(
    (sum, it) => sum + it.ownMs + (it.pid === pid && pid !== process.pid ? it.childrenMs : 0),
    0,
  );
  return { cpuMs, memory: family.reduce((sum, it) => sum + it.memory, 0) };
}

async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  // Some end while they are read.
  const all = await Promise.all(pids.map((pid) => readProcess(pid).catch(() => undefined)));
  return all.filter((it) => it !== undefined);
}

async function readProcess(pid: number): Promise<Process> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // After the name, which may hold anything, from the third field on.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    pid,
    parent: field(4),
    ownMs: (field(14) + field(15)) * tickMs,
    childrenMs: (field(16) + field(17)) * tickMs,
    memory: field(24) * 4096,
  };
}
