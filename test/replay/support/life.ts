/** What a recorded life is, and what lives have in common. */
import { ApplicationFailure, type Payload } from '@temporalio/common';
import type { GrantState } from '../../../workflows/domain/states.js';
import type { TestGrant } from '../../support/test-grant.js';
import { until } from '../../support/until.js';
import type { WorkflowWorld } from '../../support/workflow-world.js';

export const manager = 'person:manager';
export const owner = 'person:owner';
export const engineer = 'person:engineer';
export const security = 'person:security';
export const minute = 60_000;

/** Lives one grant up to where nothing but its end is left, and says in which state it ends. */
export type Life = [ends: GrantState, live: (world: WorkflowWorld) => Promise<TestGrant>];
export type Lives = Record<string, Life>;

/** Nobody knows whether it happened. Rarely tried again, since skipped time has a bound on attempts. */
export const unknown = (): Error =>
  ApplicationFailure.create({ message: 'It is away.', type: 'target-unavailable', nextRetryDelay: '100s' });
export const refuses = (because: string) => () =>
  Promise.reject(ApplicationFailure.nonRetryable(because, 'target-refused'));

export async function asksApprovers(it: TestGrant): Promise<void> {
  await until(async () => (await it.view())?.step?.asked.length, { what: 'approvers are asked' });
}

export async function records(it: TestGrant, type: string, times = 1): Promise<void> {
  const count = async (): Promise<number> => (await it.wholeRecord()).filter((record) => record.type === type).length;
  await until(async () => (await count()) >= times, { what: `a record ${type}` });
}

/** A signal as anybody who reaches Temporal can send it: with these bytes, sealed or not. */
export async function sends(
  world: WorkflowWorld,
  it: TestGrant,
  signalName: string,
  payloads: Payload[],
): Promise<void> {
  await world.client.workflowService.signalWorkflowExecution({
    namespace: world.namespace,
    workflowExecution: { workflowId: it.handle.workflowId },
    signalName,
    input: { payloads },
  });
}
