/** What must hold at the end of every section: nothing stands that should not, and every promise was kept on the way. */
import { brokenPromises, factsOf, type Accepted } from '../support/invariants.js';
import { isTerminal } from '../../workflows/domain/states.js';
import { until } from '../support/until.js';
import type { Bench } from './bench.js';

/** Of more, the histories alone would take longer to read than the section took. */
const checkedMost = 1_200;

/** Every grant was ended by now. Answers with what was found, for a note under a table: a promise that broke takes no figure away. */
export async function mustBeKept({ system, tell, broken }: Bench, accepted: Accepted): Promise<string> {
  await until(async () => (await system.roles()).length === 0, {
    withinMs: 120_000,
    everyMs: 250,
    what: 'an empty target',
  });
  const every = Math.max(1, accepted.grants.length / checkedMost);
  const grants = accepted.grants.filter((_, index) => Math.floor(index / every) !== Math.floor((index - 1) / every));
  const among = new Set(grants.map(({ grantId }) => grantId));
  await allOver(system, [...among]);
  tell(`looking whether every promise was kept to ${grants.length} grants`);
  const decisions = accepted.decisions.filter(({ grantId }) => among.has(grantId));
  const found = brokenPromises(await factsOf(system, { ...accepted, grants, decisions }, { among }));
  if (found.length > 0) {
    broken.push(...found.map((each) => JSON.stringify(each)));
    return `${found.length} times a promise was BROKEN.`;
  }
  const { length } = accepted.grants;
  const some = grants.length < length ? `${grants.length} grants, evenly taken of ${length}` : `all ${length} grants`;
  return `At the end nothing stands at the target, and every promise holds for ${some} (test/support/invariants.ts).`;
}

async function allOver(system: Bench['system'], grantIds: string[]): Promise<void> {
  const security = system.as('security');
  for (const grantId of grantIds) await security.until(grantId, ({ state }) => isTerminal(state), 60_000);
}
