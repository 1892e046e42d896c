/** Time as the core counts it. Only the edges (API, YAML) know ISO 8601. */

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

/** A length of time in milliseconds. */
export type Ms = number;
