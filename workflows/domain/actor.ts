/** Who acts, and how the core names them. */

/** `person:<id>` or `service:<id>` of the directory, `system:daypass`, or `unverified:signal`. */
export type Ref = string;

/** Who may decide: `person:<id>`, `group:<id>`; in policy also `manager` and `oncall:<id>`. */
export type Selector = string;

/** Acts when nobody did: a timer, a schedule, a changed policy. */
export const SYSTEM: Ref = 'system:daypass';

/** Signed a narrowing message that carried no readable name. */
export const UNVERIFIED: Ref = 'unverified:signal';
