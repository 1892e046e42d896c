/** Everything that the bundle holds. */
export { grant } from './grant.js';
