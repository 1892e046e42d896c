/** What must hold at the end of every section: nothing stands at the target that no grant explains. */
import { until } from '../support/until.js';
import type { Bench } from './bench.js';

/** Every grant was ended: so nothing may stand, as the target itself says. */
export async function mustBeEmpty({ system }: Bench): Promise<void> {
  await until(async () => (await system.roles()).length === 0, {
    withinMs: 60_000,
    everyMs: 250,
    what: 'an empty target',
  });
}
