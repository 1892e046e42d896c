import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';

/** Sends this signal until Temporal takes no more of any for this workflow. */
export async function fill(handle: WorkflowHandle, signal: string): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    const sent = await Promise.allSettled(Array.from({ length: 50 }, () => handle.signal(signal)));
    if (sent.some(({ status }) => status === 'rejected')) return;
  }
  assert.fail('Temporal took a thousand signals');
}
