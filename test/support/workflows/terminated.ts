/** The real grant and the real reconcile, in one bundle. */
export { grant } from '../../../workflows/grant.js';
export { reconcile } from '../../../workflows/reconcile.js';
