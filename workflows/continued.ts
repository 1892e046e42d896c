/**
 * Was this run begun by the run before it? Whoever reaches Temporal can start a workflow with any input, also one of an older run;
 * a run before us that hands something on, nobody but the server can pretend.
 */
import { workflowInfo } from '@temporalio/workflow';

/** A retry and a schedule begin further runs too, with the input that somebody started the first one with. */
export function isContinued(): boolean {
  const { continuedFromExecutionRunId, retryPolicy, cronSchedule } = workflowInfo();
  return continuedFromExecutionRunId !== undefined && retryPolicy === undefined && !cronSchedule;
}
