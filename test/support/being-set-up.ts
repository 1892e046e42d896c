/** A grant whose target was asked for access, and answers when the gate opens. */
import { gate } from './gate.js';
import { Script } from './script.js';
import type { TestGrant } from './test-grant.js';
import type { WorkflowWorld } from './workflow-world.js';

export async function beingSetUp(world: WorkflowWorld): Promise<{ it: TestGrant; gate: ReturnType<typeof gate> }> {
  const target = gate();
  const script: Script = new Script({
    provision: async (order) => {
      await target.opened;
      return script.provision(order);
    },
  });
  const it = await world.awaited(script);
  await it.approve({ by: 'person:manager' });
  await it.shows({ state: 'ACTIVATING' });
  return { it, gate: target };
}

/** How many updates of a grant are in its history. */
export async function accepted(it: TestGrant): Promise<number> {
  const { events } = await it.handle.fetchHistory();
  return (events ?? []).filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes).length;
}
