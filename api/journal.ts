/**
 * The journal of the installation: what the API itself did or let somebody see, in a chain of its own.
 *
 * `note` resolves only when Temporal has the line durably, so that whoever must not act unseen waits for it and fails closed.
 * The API signs each line: nobody else who can signal can write one.
 */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { signStatement } from '../activities/platform/jws.js';
import type { PrivateJwk } from '../activities/platform/keys.js';
import type { Ref } from '../workflows/domain/actor.js';
import type { JournalRecordType } from '../workflows/domain/record.js';
import type { Ms } from '../workflows/domain/time.js';
import { decisionsQueue, journalId } from '../workflows/ids.js';
import { note } from '../workflows/messages.js';
import { Problem } from './problem.js';

export interface Journal {
  /** `detail` holds what an auditor needs, at most 8 kB of JSON, and never a secret. Rejects with a `Problem` when it is not kept. */
  note(event: JournalRecordType, by: Ref, detail: { [key: string]: unknown }): Promise<void>;
}

export interface JournalOptions {
  client: Client;
  installation: string;
  /** The API's signing key. */
  key: PrivateJwk;
}

const callMs: Ms = 3_000;
/** What a signal and the record that it becomes can carry: what is longer must be cut by who knows what matters in it. */
const detailMax = 8_000;

export function createJournal({ client, installation, key }: JournalOptions): Journal {
  return {
    note: async (event, by, detail) => {
      if (JSON.stringify(detail).length > detailMax) throw new RangeError(`The detail of ${event} is too long.`);
      const statement = await signStatement(
        { type: 'note', installation, noteId: randomUUID(), issuedAt: Date.now(), event, by, detail },
        key,
      );
      try {
        await client.withDeadline(Date.now() + callMs, () =>
          client.workflow.signalWithStart('journal', {
            workflowId: journalId,
            taskQueue: decisionsQueue,
            signal: note,
            signalArgs: [{ statement }],
          }),
        );
      } catch (error) {
        // Whatever the reason, an act that is not on record is not done.
        const because = 'The audit journal cannot be written just now, so nothing was done; try again in a moment.';
        throw new Problem('temporal-unavailable', because, { cause: error, retryAfterSeconds: 5 });
      }
    },
  };
}
