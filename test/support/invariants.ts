/**
 * The twelve promises of the design as checks over what really stands: at the targets, in Temporal's histories, in the audit and in
 * Redis. A run that was disturbed in any way ends with `brokenPromises(await factsOf(system, accepted))`, which must be empty.
 */
export type {
  Accepted,
  AcceptedDecision,
  AcceptedGrant,
  Broken,
  Facts,
  GrantFacts,
  PromiseNumber,
} from './invariants/facts.js';
export { factsOf } from './invariants/gather.js';
export { brokenPromises, promises } from './invariants/promises.js';
