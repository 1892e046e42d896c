/** What one grant cannot do without, in processor time: a bare workflow on the same Temporal, and the connector's own SQL on the same target. */
import { inParallel } from '../support/in-parallel.js';
import type { Bench } from './bench.js';
import { withStandingFloor } from './standing-floor.js';
import { openFloorTarget } from './target-floor.js';
import { usageOf } from './usage.js';

/** Milliseconds of one life, of the server alone. */
export interface CostFloors {
  workflow: number;
  target: number;
}

/** Means of so many lives, `width` at a time. */
export async function costFloors(bench: Bench, lives: number, width: number): Promise<CostFloors> {
  const each = async (life: () => Promise<void>): Promise<void> => {
    await inParallel(Array.from({ length: lives }), width, life);
  };
  const spent = async (server: string, work: () => Promise<void>): Promise<number> => {
    const before = (await usageOf(bench)).get(server)?.cpuMs ?? Number.NaN;
    await work();
    return (((await usageOf(bench)).get(server)?.cpuMs ?? Number.NaN) - before) / lives;
  };
  let workflow = Number.NaN;
  await withStandingFloor(bench.system, async (floor) => {
    workflow = await spent('Temporal', () => each(async () => floor.end(await floor.start(3_600))));
  });
  const connector = await openFloorTarget(bench.system);
  try {
    const target = await spent('PostgreSQL (target)', () =>
      each(async () => {
        const id = connector.newId();
        await connector.provision(id);
        await connector.remove(id);
      }),
    );
    return { workflow, target };
  } finally {
    await connector.close();
  }
}
