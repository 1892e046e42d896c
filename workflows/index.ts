/** Everything that the bundle holds. */
export { grant } from './grant.js';
export { journal } from './journal.js';
export { person } from './person.js';
export { reassess, reconcile } from './reconcile.js';
export { seals } from './seals.js';
