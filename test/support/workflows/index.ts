/** What tests run beside the real workflows, or in place of a grant that somebody else looks at: one bundle for all of them. */
export { reassess, reconcile } from '../../../workflows/reconcile.js';
export { seals } from '../../../workflows/seals.js';
export { endless } from './endless.js';
export { grant } from './grant.js';
export { sealed } from './sealed.js';
export { telling } from './telling.js';
