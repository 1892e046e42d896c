/** What our processes send when they do a certain thing, as it stands in the bytes: field numbers are those of Temporal's API. */

/** A text as a field of a protobuf message. */
function field(number: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, text.length]), Buffer.from(text)]);
}

/** A message that holds one text as its first field, itself as a field of another. */
function named(number: number, text: string): Buffer {
  const inner = field(1, text);
  return Buffer.concat([Buffer.from([(number << 3) | 2, inner.length]), inner]);
}

/** A client sends this signal (SignalWorkflowExecutionRequest.signal_name). */
export const signalCalled = (name: string): Buffer => field(3, name);

/** A client starts a workflow of this type (StartWorkflowExecutionRequest.workflow_type). */
export const startOf = (type: string): Buffer => named(3, type);

/** A worker answers a turn in which a workflow orders this activity (ScheduleActivityTaskCommandAttributes.activity_type). */
export const orderOf = (activity: string): Buffer => named(2, activity);

/** A worker answers a turn in which a workflow of this type goes on as a new one (ContinueAsNew...Attributes.workflow_type). */
export const renewalOf = (type: string): Buffer => named(1, type);

/** A worker says what came of this activity, which its task's token names (temporal.server.api.token.v1.Task.activity_type). */
export const answerOf = (activity: string): Buffer => field(8, activity);

/** To PostgreSQL, as simple queries. */
export const commit = 'COMMIT\0';
/** Of an account: a maker is made without a word on it. */
export const roleMade = 'LOGIN NOSUPERUSER';
/** This and the next one commit by themselves. */
export const doorShut = "SET LOCAL lock_timeout = '100ms'";
export const roleDropped = 'DROP ROLE IF EXISTS';
export const tombstonePlanted = 'INSERT INTO daypass.account (name, installation, over_at)';
