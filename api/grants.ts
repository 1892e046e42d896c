/**
 * Grants as the API reaches them: the only user of the Temporal client in `api/`.
 *
 * 1. Starting twice is starting once: a grant's id is its workflow's, and Temporal refuses the second.
 * 2. A decision is a signal, kept even while no worker runs; what became of it is looked for up to two seconds.
 * 3. Everything else but the record reads the memo by describe, which needs no worker and works on grants that are over.
 * 4. Temporal out of reach is `temporal-unavailable`. Nothing that was answered with success is lost.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
} from '@temporalio/client';
import {
  ApplicationFailure,
  defaultPayloadConverter,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  type Payload,
  type PayloadCodec,
  type SearchAttributePair,
} from '@temporalio/common';
// A CommonJS package: Node finds no named exports in it.
import proto, { type temporal } from '@temporalio/proto';
import { isFull } from '../activities/platform/service-errors.js';
import * as attributes from '../workflows/attributes.js';
import { failureCodes, type FailureCode } from '../workflows/domain/failure.js';
import type { AuditRecord } from '../workflows/domain/record.js';
import type { SignedRequest } from '../workflows/domain/request.js';
import type { GrantState } from '../workflows/domain/states.js';
import type { Ms } from '../workflows/domain/time.js';
import type { Outcome } from '../workflows/domain/view.js';
import { decisionsQueue, grantIdOf, grantWorkflowId } from '../workflows/ids.js';
import * as messages from '../workflows/messages.js';
import type { Filter } from './filter.js';
import { createFirstLook } from './first-look.js';
import { foundOf, type Found, type RequestMemo } from './memo.js';
import { Problem } from './problem.js';
import { isOutOfReach, unavailable, unreadableIn } from './temporal-errors.js';

interface Narrow {
  action: 'deny' | 'withdraw' | 'revoke';
  message: messages.Narrowing;
  /** The grant is over with it, so that cancelling its workflow does the same; a denied extension ends no grant. */
  endsGrant: boolean;
}
type Widen = { action: 'approve' | 'extend' | 'renew' | 'review'; message: messages.Widening };
export type Decision = Narrow | Widen;

/** What became of a decision: judged; durably recorded, and not judged yet; or too late, since the workflow is closed. */
export type Judged = { is: 'judged'; outcome: Outcome; state: GrantState } | { is: 'recorded' } | { is: 'too-late' };

export interface Grants {
  /** False when this grant exists already. */
  start(signed: SignedRequest, memo: RequestMemo): Promise<boolean>;
  find(grantId: string): Promise<Found | undefined>;
  list(filter: Filter, page: { limit: number; token?: string }): Promise<{ found: Found[]; token?: string }>;
  decide(grantId: string, decision: Decision): Promise<Judged>;
  /** How many decisions this grant was sent, judged or not. */
  decisionsSoFar(found: Found): Promise<number>;
  /** While access is being set up it waits for that, up to two seconds, in the workflow itself. */
  collect(grantId: string, collect: messages.Collect, isSetUp: boolean): Promise<messages.Collected>;
  record(grantId: string): Promise<AuditRecord[]>;
  /** Rejects when Temporal does not answer. */
  ping(): Promise<void>;
}

const callMs: Ms = 3_000;
/** How long a decision's outcome is waited for before it is answered as recorded, and how much of that the last question has. */
const outcomeMs: Ms = 2_000;
const answerMs: Ms = 600;
/** Outcomes asked for at a time, by one process: where more decide at once, asking takes from Temporal what deciding needs. */
const askingMost = 16;
/** A history this short cannot hold a hundred decisions, so that nobody needs to count. */
const countFrom = 100;

export interface GrantsOptions {
  client: Client;
  /** Opens memos of lists, row by row, so that a foreign row cannot hide the others. */
  codec: PayloadCodec;
  onForeign: (workflowId: string, because: string) => void;
}

export function createGrants({ client, codec, onForeign }: GrantsOptions): Grants {
  const namespace = client.options.namespace;
  const handleOf = (grantId: string) => client.workflow.getHandle(grantWorkflowId(grantId));
  // What a decision takes where everything is quick: one task of the workflow, and before what widens its judge and another.
  const firstLooks = { narrowing: createFirstLook(15), widening: createFirstLook(25) };

  /** One call to Temporal, bounded. */
  async function ask<T>(call: () => Promise<T>, withinMs: Ms = callMs): Promise<T> {
    try {
      return await client.withDeadline(Date.now() + withinMs, call);
    } catch (error) {
      throw isOutOfReach(error) ? unavailable(error) : error;
    }
  }

  async function openMemo(payload: Payload | null | undefined, workflowId: string): Promise<unknown> {
    if (!payload) return undefined;
    const [opened] = await codec.decode([payload], { type: 'workflow', namespace, workflowId });
    return opened && defaultPayloadConverter.fromPayload(opened);
  }

  async function rowOf(row: temporal.api.workflow.v1.IWorkflowExecutionInfo): Promise<Found | undefined> {
    const workflowId = row.execution?.workflowId ?? '';
    const grantId = grantIdOf(workflowId);
    if (grantId === undefined) return undefined;
    try {
      const memo = {
        request: await openMemo(row.memo?.fields?.['request'], workflowId),
        view: await openMemo(row.memo?.fields?.['view'], workflowId),
      };
      const isOpen =
        row.status === proto.temporal.api.enums.v1.WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
      const found = foundOf({ grantId, memo, isOpen, historyLength: Number(row.historyLength ?? 0) });
      if (!found) onForeign(workflowId, notOfThisGrant);
      return found;
    } catch (error) {
      // Not sealed with our keys: started by hand, or under an older key ring. It is no grant that we can show.
      onForeign(workflowId, unreadableIn(error)?.message ?? notOfThisGrant);
      return undefined;
    }
  }

  async function find(grantId: string, withinMs?: Ms): Promise<Found | undefined> {
    const workflowId = grantWorkflowId(grantId);
    try {
      const it = await ask(() => handleOf(grantId).describe(), withinMs);
      if (it.type !== 'grant') return undefined;
      const isOpen = it.status.name === 'RUNNING';
      const found = foundOf({ grantId, memo: it.memo ?? {}, isOpen, historyLength: it.historyLength });
      if (!found) onForeign(workflowId, notOfThisGrant);
      return found;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      const unreadable = unreadableIn(error);
      if (!unreadable) throw error;
      onForeign(workflowId, unreadable.message);
      // Never sealed, or sealed for another workflow: somebody's own doing, and no grant.
      if (unreadable.reason === 'unsealed' || unreadable.reason === 'other-workflow') return undefined;
      throw new UnreadableGrant(unreadable);
    }
  }

  /**
   * The signal is recorded: from here on, silence and failures only mean "not judged yet". The memo is looked at, since a query
   * takes the worker's time from what it asks for. Its worker is asked last, and knows what the memo does not show.
   */
  async function outcomeOf(grantId: string, decision: Decision): Promise<Judged> {
    const { decisionId } = decision.message;
    const deadline = Date.now() + outcomeMs;
    const leftMs = (): Ms => deadline - Date.now();
    const first = 'endsGrant' in decision ? firstLooks.narrowing : firstLooks.widening;
    const waitedMs = first.afterMs();
    await pause(waitedMs);
    for (let pauseMs = firstPauseMs, looks = 1; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs), looks += 1) {
      const found = await find(grantId, leftMs()).catch(() => undefined);
      const outcome = found?.view.outcomes.find((each) => each.decisionId === decisionId);
      if (found && looks === 1) first.found(outcome !== undefined, waitedMs);
      if (found && outcome) return { is: 'judged', outcome, state: found.view.state };
      if (!found || leftMs() <= answerMs) break;
      await pause(Math.min(pauseMs, leftMs() - answerMs));
    }
    // A memo has the newest outcomes alone, and is not written while a step is being opened.
    const query = () => handleOf(grantId).query(messages.outcome, decisionId);
    const answer = await ask(query, leftMs()).catch(() => undefined);
    if (!answer?.outcome) return { is: 'recorded' };
    return { is: 'judged', outcome: answer.outcome, state: answer.state as GrantState };
  }

  let asking = 0;

  return {
    start: async (signed, memo) => {
      const { request } = signed;
      const searchable: SearchAttributePair[] = [
        { key: attributes.GrantState, value: 'REQUESTED' },
        { key: attributes.Requester, value: request.requester },
        { key: attributes.Subject, value: request.subject },
        { key: attributes.Entitlement, value: request.entitlement },
        { key: attributes.Target, value: request.target },
        ...(request.emergency ? [{ key: attributes.Emergency, value: true }] : []),
      ];
      try {
        await ask(() =>
          client.workflow.start('grant', {
            workflowId: grantWorkflowId(request.grantId),
            taskQueue: decisionsQueue,
            args: [signed],
            memo: { request: memo },
            typedSearchAttributes: searchable,
            workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
            workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
            // Ids only: free text of people stays out of what the Temporal UI renders.
            staticSummary: `${request.entitlement} for ${request.subject}`,
            staticDetails: `asked by ${request.requester} at ${new Date(request.requestTime).toISOString()}`,
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
        throw error;
      }
    },

    find,

    list: async (filter, { limit, token }) => {
      const answer = await ask(() =>
        client.workflowService.listWorkflowExecutions({
          namespace,
          query: filter,
          pageSize: limit,
          nextPageToken: token === undefined ? undefined : Buffer.from(token, 'base64url'),
        }),
      );
      const rows = await Promise.all((answer.executions ?? []).map(rowOf));
      const next = answer.nextPageToken;
      return {
        found: rows.filter((row) => row !== undefined),
        token: next && next.length > 0 ? Buffer.from(next).toString('base64url') : undefined,
      };
    },

    decide: async (grantId, decision) => {
      const handle = handleOf(grantId);
      try {
        await ask(() => handle.signal(decision.action, decision.message));
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return { is: 'too-late' };
        if (!isFull(error)) throw error;
        if (!('endsGrant' in decision && decision.endsGrant)) {
          throw new Problem('too-many-decisions', 'This grant takes no more decisions; it can only be ended.');
        }
        // Temporal takes no more signals for this grant: what remains is to end it, and a cancelled grant is a revoked one.
        await ask(() => handle.cancel());
        return { is: 'recorded' };
      }
      if (asking >= askingMost) return { is: 'recorded' };
      asking += 1;
      try {
        return await outcomeOf(grantId, decision);
      } finally {
        asking -= 1;
      }
    },

    decisionsSoFar: async ({ view, historyLength }) => {
      if (historyLength < countFrom) return 0;
      let count = 0;
      let token: Uint8Array | undefined;
      do {
        const page: temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryResponse = await ask(() =>
          client.workflowService.getWorkflowExecutionHistory({
            namespace,
            execution: { workflowId: grantWorkflowId(view.grantId) },
            nextPageToken: token,
          }),
        );
        for (const event of page.history?.events ?? []) {
          if (decisionNames.has(event.workflowExecutionSignaledEventAttributes?.signalName ?? '')) count += 1;
        }
        token = page.nextPageToken?.length ? page.nextPageToken : undefined;
      } while (token);
      return count;
    },

    collect: async (grantId, collect, isSetUp) => {
      // The update's id is the caller's: Temporal answers a repeated one from history, with the first answer. One that came too
      // early has an id of its own, since its refusal would be repeated too.
      const updateId = isSetUp ? collect.collectId : `${collect.collectId} early`;
      try {
        return await ask(() => handleOf(grantId).executeUpdate(messages.collect, { args: [collect], updateId }));
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          throw new Problem('not-active', 'This grant is over, so there is nothing to collect.');
        }
        throw error instanceof WorkflowUpdateFailedError ? collectProblem(error) : error;
      }
    },

    record: async (grantId) => {
      const page = (after: number) =>
        ask(() => handleOf(grantId).query(messages.record, after), outcomeMs).catch((error: unknown) => {
          const because = 'The record is not to be had just now, because no worker answers; try again soon.';
          throw new Problem('temporal-unavailable', because, { cause: error, retryAfterSeconds: 5 });
        });
      const records: AuditRecord[] = [];
      while (records.length < recordsMost) {
        const more = await page(records.length);
        // Without gaps from 1, so that no answer can keep this going with what was answered before.
        if (more[0]?.sequence !== records.length + 1) break;
        records.push(...more);
      }
      return records;
    },

    ping: async () => {
      await ask(() => client.workflowService.describeNamespace({ namespace }), 1_500);
    },
  };
}

/** Between two questions for an outcome; each pause is twice the one before, up to the longest. */
const firstPauseMs: Ms = 10;
const longestPauseMs: Ms = 400;
const decisionNames = new Set(['approve', 'deny', 'withdraw', 'revoke', 'extend', 'renew', 'review']);

/** More than a grant can have while Temporal bounds its signals. */
const recordsMost = 10_000;

const notOfThisGrant = 'Its memo is not that of this grant: the view speaks of another request, or there is none.';

/** It exists, and nothing of it can be read: an operator must mend the keys. Ending it by its id still works. */
export class UnreadableGrant extends Problem {
  constructor(cause: Error) {
    const because =
      'This grant is sealed with a key that this portal does not have just now; an operator must mend that.';
    super('internal', because, { cause });
  }
}

function collectProblem(error: WorkflowUpdateFailedError): unknown {
  const cause = error.cause;
  if (!(cause instanceof ApplicationFailure)) return error;
  const code = failureCodes.find((known): known is FailureCode => known === cause.type);
  return code === undefined ? error : new Problem(code, cause.message, { cause: error });
}
