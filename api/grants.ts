/**
 * Grants as the API reaches them: the only user of the Temporal client in `api/`.
 *
 * 1. Starting twice is starting once: a grant's id is its workflow's, and Temporal refuses the second.
 * 2. A decision is a signal, kept even while no worker runs; what became of it is asked for up to two seconds.
 * 3. Everything else reads the memo by describe, which needs no worker and works on grants that are over.
 * 4. Temporal out of reach is `temporal-unavailable`. Nothing that was answered with success is lost.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
} from '@temporalio/client';
import {
  ApplicationFailure,
  defaultPayloadConverter,
  defineSearchAttributeKey,
  SearchAttributeType,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  type Payload,
  type PayloadCodec,
  type SearchAttributePair,
} from '@temporalio/common';
// A CommonJS package: Node finds no named exports in it.
import proto, { type temporal } from '@temporalio/proto';
import { UnreadablePayload } from '../activities/platform/codec.js';
import type { PublicJwk } from '../workflows/domain/evidence.js';
import { failureCodes, type FailureCode } from '../workflows/domain/failure.js';
import type { AuditRecord } from '../workflows/domain/record.js';
import type { Request, SignedRequest } from '../workflows/domain/request.js';
import { viewOf } from '../workflows/domain/shown.js';
import { opened } from '../workflows/domain/state.js';
import { isTerminal, type GrantState } from '../workflows/domain/states.js';
import type { Instant, Ms } from '../workflows/domain/time.js';
import type { GrantView, Outcome } from '../workflows/domain/view.js';
import { decisionsQueue, grantIdOf, grantWorkflowId } from '../workflows/ids.js';
import * as messages from '../workflows/messages.js';
import type { Filter } from './filter.js';
import { Problem } from './problem.js';

/** The memo `request`: what was asked, and what a repeated call is compared with. At most 24 kB. */
export interface RequestMemo extends Request {
  /** SHA-256 of the body as it was sent. */
  bodyDigest: string;
  /** Where the credential is sealed to; absent: to this API. */
  recipientKey?: PublicJwk;
}

export interface Found {
  /** Exactly what was asked and signed: its digest ties every decision to it. */
  request: Request;
  view: GrantView;
  bodyDigest: string;
  recipientKey?: PublicJwk;
  /** Events so far: what a decision costs is bounded by it. */
  historyLength: number;
}

type Narrow = { action: 'deny' | 'withdraw' | 'revoke'; message: messages.Narrowing };
type Widen = { action: 'approve' | 'extend'; message: messages.Widening };
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
  collect(grantId: string, collect: messages.Collect): Promise<messages.Collected>;
  record(grantId: string): Promise<AuditRecord[]>;
  /** Rejects when Temporal does not answer. */
  ping(): Promise<void>;
}

const callMs: Ms = 3_000;
/** How long a decision's outcome is waited for before it is answered as recorded. */
const outcomeMs: Ms = 2_000;
/** A history this short cannot hold a hundred decisions, so that nobody needs to count. */
const countFrom = 100;

const keywords = {
  GrantState: defineSearchAttributeKey('GrantState', SearchAttributeType.KEYWORD),
  Requester: defineSearchAttributeKey('Requester', SearchAttributeType.KEYWORD),
  Subject: defineSearchAttributeKey('Subject', SearchAttributeType.KEYWORD),
  Entitlement: defineSearchAttributeKey('Entitlement', SearchAttributeType.KEYWORD),
  Target: defineSearchAttributeKey('Target', SearchAttributeType.KEYWORD),
};

export interface GrantsOptions {
  client: Client;
  /** Opens memos of lists, row by row, so that a foreign row cannot hide the others. */
  codec: PayloadCodec;
  onForeignRow: (workflowId: string) => void;
}

export function createGrants({ client, codec, onForeignRow }: GrantsOptions): Grants {
  const namespace = client.options.namespace;
  const handleOf = (grantId: string) => client.workflow.getHandle(grantWorkflowId(grantId));

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
    if (grantIdOf(workflowId) === undefined) return undefined;
    try {
      const memo = {
        request: await openMemo(row.memo?.fields?.['request'], workflowId),
        view: await openMemo(row.memo?.fields?.['view'], workflowId),
      };
      const isOpen =
        row.status === proto.temporal.api.enums.v1.WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
      return foundOf(memo, isOpen, Number(row.historyLength ?? 0));
    } catch {
      // Not sealed with our keys: started by hand, or under an older key ring. It is no grant that we can show.
      onForeignRow(workflowId);
      return undefined;
    }
  }

  return {
    start: async (signed, memo) => {
      const { request } = signed;
      const attributes: SearchAttributePair[] = [
        { key: keywords.GrantState, value: 'REQUESTED' },
        { key: keywords.Requester, value: request.requester },
        { key: keywords.Subject, value: request.subject },
        { key: keywords.Entitlement, value: request.entitlement },
        { key: keywords.Target, value: request.target },
      ];
      try {
        await ask(() =>
          client.workflow.start('grant', {
            workflowId: grantWorkflowId(request.grantId),
            taskQueue: decisionsQueue,
            args: [signed],
            memo: { request: memo },
            typedSearchAttributes: attributes,
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

    find: async (grantId) => {
      try {
        const it = await ask(() => handleOf(grantId).describe());
        return it.type === 'grant' ? foundOf(it.memo ?? {}, it.status.name === 'RUNNING', it.historyLength) : undefined;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return undefined;
        if (!isForeign(error)) throw error;
        onForeignRow(grantWorkflowId(grantId));
        return undefined;
      }
    },

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
      const { decisionId } = decision.message;
      try {
        await ask(() => handle.signal(decision.action, decision.message));
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return { is: 'too-late' };
        // Temporal takes no more signals for this grant: what remains is to end it, and a cancelled grant is a revoked one.
        if (decision.action === 'revoke' && isFull(error)) {
          await ask(() => handle.cancel());
          return { is: 'recorded' };
        }
        throw isFull(error) ? new Problem('too-many-decisions', 'This grant takes no more decisions.') : error;
      }
      const deadline = Date.now() + outcomeMs;
      for (;;) {
        const answer = await ask(() => handle.query(messages.outcome, decisionId), deadline - Date.now()).catch(
          // The signal is recorded: from here on, silence and failures of queries only mean "not judged yet".
          () => undefined,
        );
        if (answer?.outcome) return { is: 'judged', outcome: answer.outcome, state: answer.state as GrantState };
        if (answer === undefined || Date.now() + pollMs >= deadline) return { is: 'recorded' };
        await pause(pollMs);
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

    collect: async (grantId, collect) => {
      try {
        return await ask(() =>
          // The update's id is the caller's: Temporal answers a repeated one from history, with the first answer.
          handleOf(grantId).executeUpdate(messages.collect, { args: [collect], updateId: collect.collectId }),
        );
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          throw new Problem('not-active', 'This grant is over, so there is nothing to collect.');
        }
        throw error instanceof WorkflowUpdateFailedError ? collectProblem(error) : error;
      }
    },

    record: async (grantId) => {
      const answer = await ask(() => handleOf(grantId).query(messages.record), outcomeMs).catch((error: unknown) => {
        const because = 'The record is not to be had just now, because no worker answers; try again soon.';
        throw new Problem('temporal-unavailable', because, { cause: error, retryAfterSeconds: 5 });
      });
      return answer;
    },

    ping: async () => {
      await ask(() => client.workflowService.describeNamespace({ namespace }), 1_500);
    },
  };
}

const pollMs: Ms = 20;
const decisionNames = new Set(['approve', 'deny', 'withdraw', 'revoke', 'extend']);

/** What a workflow's memo says of its grant. Sealed memos were written by us, so their shape holds. */
export function foundOf(
  memo: { request?: unknown; view?: unknown },
  isOpen: boolean,
  historyLength: number,
): Found | undefined {
  if (memo.request === undefined) return undefined;
  const { bodyDigest, recipientKey, ...request } = memo.request as RequestMemo;
  const view = (memo.view as GrantView | undefined) ?? initialView(request);
  return { request, bodyDigest, recipientKey, view: isOpen ? view : closedView(view), historyLength };
}

/** Before the workflow's first turn there is no view yet. */
export function initialView(request: Request): GrantView {
  return viewOf(opened({ request, evidence: '' }, request.requestTime));
}

/**
 * Someone terminated the workflow under a grant that was not over: nobody drives its removal but the connector's sweep and
 * the reconcile of its target, and no page may say that it is active.
 */
function closedView(view: GrantView): GrantView {
  if (isTerminal(view.state)) return view;
  const reason = 'Its workflow was ended from outside; what it left at the target is being removed by reconciliation.';
  const conditions = view.conditions.includes('externallyModified')
    ? view.conditions
    : [...view.conditions, 'externallyModified' as const];
  const ending = view.ending ?? { code: 'cancelled', by: 'system:daypass', reason, at: view.changedAt as Instant };
  return { ...view, state: 'REVOKING', conditions, step: undefined, credential: 'none', ending };
}

function collectProblem(error: WorkflowUpdateFailedError): unknown {
  const cause = error.cause;
  if (!(cause instanceof ApplicationFailure)) return error;
  const code = failureCodes.find((known): known is FailureCode => known === cause.type);
  return code === undefined ? error : new Problem(code, cause.message, { cause: error });
}

const grpc = { cancelled: 1, invalidArgument: 3, deadlineExceeded: 4, resourceExhausted: 8, unavailable: 14 };

function grpcCodeOf(error: unknown): number | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (isGrpcServiceError(at)) return at.code;
  }
  return undefined;
}

function isOutOfReach(error: unknown): boolean {
  const code = grpcCodeOf(error);
  if (code === undefined) return error instanceof Error && error.name === 'WorkflowUpdateRPCTimeoutOrCancelledError';
  return code === grpc.unavailable || code === grpc.deadlineExceeded || code === grpc.cancelled;
}

/** Not sealed with our keys: whoever started that workflow, it was not this API. */
function isForeign(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof UnreadablePayload) return true;
  }
  return false;
}

/** Temporal's own limits on signals and sizes, which protect it from floods. */
function isFull(error: unknown): boolean {
  const code = grpcCodeOf(error);
  return code === grpc.invalidArgument || code === grpc.resourceExhausted;
}

function unavailable(cause: unknown): Problem {
  const because =
    'Temporal cannot be reached, so it is not sure that anything was done; send the same again in a moment.';
  return new Problem('temporal-unavailable', because, { cause, retryAfterSeconds: 5 });
}
