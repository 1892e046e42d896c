/** Puts strays into the journal's chain: the decisions side's own line there, which counts with the connector's receipt. */
import type { Client } from '@temporalio/client';
import { decisionsQueue, journalId } from '../../workflows/ids.js';
import { strayFound } from '../../workflows/messages.js';
import { askMs } from '../ask-grant.js';
import type { Stray } from '../contract.js';

export interface StrayNotes {
  /** Resolves when Temporal has it durably; one stray is one line, however often it is told. */
  stray(stray: Stray): Promise<void>;
}

export function createStrayNotes(client: Client): StrayNotes {
  return {
    stray: async ({ target, grantId, account, removal, listed }) => {
      const receipt = removal?.receipt ?? listed;
      if (receipt === undefined)
        throw new Error('A stray counts with a receipt: of its removal, or of the list it stood in.');
      await client.withDeadline(Date.now() + askMs, () =>
        client.workflow.signalWithStart('journal', {
          workflowId: journalId,
          taskQueue: decisionsQueue,
          signal: strayFound,
          signalArgs: [{ target, grantId, account, receipt }],
        }),
      );
    },
  };
}
