/**
 * Preloaded, for its effect alone: errors inside workflows carry no stack.
 *
 * The SDK notes a stack for every promise of every workflow, through the source map, to answer the query `__stack_trace`: four
 * tenths of what a turn took, as measured over the stored histories. What that costs is that the failure of a workflow task
 * has its message and no line. A replay of its history, with this file left out of `workers/bundle.ts`, has the line too.
 */
Error.stackTraceLimit = 0;

export {};
