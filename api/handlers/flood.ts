/** How many decisions a grant takes before only its end is left. */
import type { Found } from '../memo.js';
import { Problem } from '../problem.js';
import type { HandlerDeps } from './deps.js';

/** Temporal bounds signals at about five times this; the rest is left for those who must end a grant. */
const decisionsMost = 100;

export async function refuseFlood(deps: Pick<HandlerDeps, 'grants'>, found: Found): Promise<void> {
  if ((await deps.grants.decisionsSoFar(found)) < decisionsMost) return;
  throw new Problem('too-many-decisions', `This grant had ${decisionsMost} decisions; it takes only its end now.`);
}
