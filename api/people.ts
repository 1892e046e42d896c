/**
 * The passkeys of people, as the API reaches them: each person has a workflow, which keeps them.
 *
 * 1. An entry counts only with this API's own signed statement that this person enrolled exactly this key: whoever owns
 *    Temporal, or a worker, can take passkeys away and cannot add one.
 * 2. Reading needs no worker. A proof counts once the workflow has said so, and never without its answer.
 */
import {
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
} from '@temporalio/client';
import { ApplicationFailure, WorkflowIdConflictPolicy } from '@temporalio/common';
import { z } from 'zod';
import { verifyStatement } from '../activities/platform/jws.js';
import type { JwkSet } from '../activities/platform/keys.js';
import type { Log } from '../activities/platform/log.js';
import { failureCodes, type FailureCode } from '../workflows/domain/failure.js';
import {
  fingerprintOf,
  passkeysMax,
  type Enrolment,
  type Passkey,
  type Removing,
  type Renaming,
  type Using,
} from '../workflows/domain/passkeys.js';
import type { Ms } from '../workflows/domain/time.js';
import { decisionsQueue, personWorkflowId } from '../workflows/ids.js';
import * as messages from '../workflows/passkey-messages.js';
import { Problem } from './problem.js';
import { isOutOfReach, unavailable, unreadableIn } from './temporal-errors.js';

export interface People {
  /** Those that count, oldest first. */
  passkeysOf(personId: string): Promise<Passkey[]>;
  enrol(personId: string, enrolment: Enrolment): Promise<void>;
  rename(personId: string, renaming: Renaming): Promise<void>;
  remove(personId: string, removing: Removing): Promise<void>;
  /** Throws unless the proof counts: once, with a counter that grows. */
  use(personId: string, using: Using): Promise<void>;
}

export interface PeopleOptions {
  client: Client;
  installation: string;
  /** The API's own pinned keys, as of now. */
  apiKeys: () => JwkSet;
  log: Log;
}

const readMs: Ms = 3_000;
/** An answer needs a worker; whoever waits for it sits before a page. */
const updateMs: Ms = 5_000;

const entry = z.object({
  credentialId: z.string().max(1_400),
  publicKey: z.string().max(4_000),
  name: z.string().max(messages.passkeyNameMax),
  counter: z.int().nonnegative(),
  transports: z.array(z.string().max(20)).max(8),
  backedUp: z.boolean(),
  enrolledAt: z.number(),
  lastUsedAt: z.number().optional(),
  evidence: z.string(),
});
const memoShape = z.object({ view: z.object({ passkeys: z.array(z.unknown()).max(passkeysMax) }) });

export function createPeople({ client, installation, apiKeys, log }: PeopleOptions): People {
  const handleOf = (personId: string) => client.workflow.getHandle(personWorkflowId(personId));

  async function ask<T>(call: () => Promise<T>, withinMs: Ms): Promise<T> {
    try {
      return await client.withDeadline(Date.now() + withinMs, call);
    } catch (error) {
      if (isOutOfReach(error)) throw unavailable(error);
      throw error instanceof WorkflowUpdateFailedError ? refusalIn(error) : error;
    }
  }

  /** To a workflow that must be there already. */
  async function update<Message>(
    personId: string,
    definition: typeof messages.use | typeof messages.rename | typeof messages.remove,
    message: Message,
  ): Promise<void> {
    try {
      await ask(
        () => handleOf(personId).executeUpdate<void, [Message]>(definition.name, { args: [message] }),
        updateMs,
      );
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw noneEnrolled();
      throw error;
    }
  }

  /** Undefined for whatever this API did not see enrolled by this very person. */
  async function counted(raw: unknown, personId: string): Promise<Passkey | undefined> {
    const found = entry.safeParse(raw);
    if (!found.success) return undefined;
    const { credentialId, publicKey, evidence } = found.data;
    try {
      const said = await verifyStatement(evidence, apiKeys());
      const isOurs =
        said.type === 'passkey' &&
        said.installation === installation &&
        said.actor === `person:${personId}` &&
        said.credentialId === credentialId &&
        said.publicKey === publicKey;
      // What people compare is worked out here, and not believed.
      if (isOurs) return { ...found.data, fingerprint: fingerprintOf(found.data) };
    } catch (error) {
      log.warn({ personId, err: error }, 'a passkey without a statement that holds');
      return undefined;
    }
    log.warn({ personId }, 'a passkey whose statement is of another one');
    return undefined;
  }

  return {
    passkeysOf: async (personId) => {
      const memo = await ask(() => handleOf(personId).describe(), readMs).then(
        ({ type, status, memo: found }) => (type === 'person' && status.name === 'RUNNING' ? found : undefined),
        (error: unknown) => {
          if (error instanceof WorkflowNotFoundError) return undefined;
          if (!unreadableIn(error)) throw error;
          log.error({ personId, err: error }, 'the passkeys of a person cannot be read');
          return undefined;
        },
      );
      const listed = memoShape.safeParse(memo).data?.view.passkeys ?? [];
      const passkeys = await Promise.all(listed.map((raw) => counted(raw, personId)));
      return passkeys.filter((passkey) => passkey !== undefined);
    },

    enrol: async (personId, enrolment) => {
      const startWorkflowOperation = new WithStartWorkflowOperation('person', {
        workflowId: personWorkflowId(personId),
        taskQueue: decisionsQueue,
        args: [],
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        staticSummary: `passkeys of person:${personId}`,
      });
      await ask(
        () => client.workflow.executeUpdateWithStart(messages.enrol, { startWorkflowOperation, args: [enrolment] }),
        updateMs,
      );
    },
    rename: (personId, renaming) => update(personId, messages.rename, renaming),
    remove: (personId, removing) => update(personId, messages.remove, removing),
    use: (personId, using) => update(personId, messages.use, using),
  };
}

function noneEnrolled(): Problem {
  return new Problem('passkey-unknown', 'You have no passkey here yet; enrol one on the page Passkeys.');
}

/** What the workflow refused, in its own words; anything else is nobody's refusal. */
function refusalIn(error: WorkflowUpdateFailedError): unknown {
  const { cause } = error;
  if (!(cause instanceof ApplicationFailure)) return error;
  const code = failureCodes.find((known): known is FailureCode => known === cause.type);
  return code === undefined ? error : new Problem(code, cause.message, { cause: error });
}
