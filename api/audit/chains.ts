/**
 * Audit chains as Temporal holds them: found by visibility, and each asked for its own records, also when it is long over.
 *
 * 1. A chain of many runs is asked run by run. What two runs tell alike is told once; what they tell differently is told twice, so
 *    that a verifier sees it.
 * 2. No worker, or no Temporal, is `temporal-unavailable`: never half of a record.
 * 3. A chain that alone cannot answer is named as such: whoever can start a workflow could otherwise keep everybody from exporting.
 */
import { QueryNotRegisteredError, QueryRejectedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { QueryDefinition } from '@temporalio/common';
import type { AuditRecord } from '../../workflows/domain/record.js';
import { claimed } from '../../workflows/domain/signature.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import { grantIdOf, journalId, personIdOf, sealsId } from '../../workflows/ids.js';
import * as messages from '../../workflows/messages.js';
import { aliveFrom, all, is, type Filter } from '../filter.js';
import { Problem } from '../problem.js';
import { isOutOfReach, isStuck, unavailable, unreadableIn } from '../temporal-errors.js';

/** One run of a workflow that keeps a chain. */
export interface Run {
  chain: string;
  runId: string;
}

export interface Chains {
  /** One page of the runs that a filter finds, the newest first. */
  runs(filter: Filter, page: { limit: number; token?: string }): Promise<{ runs: Run[]; token?: string }>;
  /** Undefined where this run alone cannot answer. */
  records(run: Run): Promise<AuditRecord[] | undefined>;
  /** The seals from `from` on, oldest first. */
  seals(from: Instant): Promise<string[]>;
}

const callMs: Ms = 3_000;
/** Of a chain that is over, the worker reads the whole history first. */
const queryMs: Ms = 15_000;
/** More than Temporal's bounds let a run hold. */
const recordsMost = 10_000;
const runsAtOnce = 100;

export function createChains(client: Client): Chains {
  const { namespace } = client.options;

  async function ask<T>(call: () => Promise<T>, withinMs: Ms): Promise<T> {
    try {
      return await client.withDeadline(Date.now() + withinMs, call);
    } catch (error) {
      throw isOutOfReach(error) ? unavailable(error) : error;
    }
  }

  /** Page by page: what Temporal carries in one answer is bounded. */
  async function everything<T>(page: (after: number) => Promise<T[]>, numberOf: (it: T) => number): Promise<T[]> {
    const found: T[] = [];
    while (found.length < recordsMost) {
      const last = found.at(-1);
      const after = last === undefined ? 0 : numberOf(last);
      const more = await page(after);
      const [first] = more;
      // Each goes on where the last one ended, so that no answer can keep this going.
      if (first === undefined || (last !== undefined && numberOf(first) <= after)) break;
      found.push(...more);
    }
    return found;
  }

  async function list(filter: Filter, { limit, token }: { limit: number; token?: string }) {
    const nextPageToken = token === undefined ? undefined : Buffer.from(token, 'base64url');
    const answer = await ask(
      () => client.workflowService.listWorkflowExecutions({ namespace, query: filter, pageSize: limit, nextPageToken }),
      callMs,
    );
    const runs: Run[] = (answer.executions ?? []).map(({ execution }) => ({
      chain: execution?.workflowId ?? '',
      runId: execution?.runId ?? '',
    }));
    const next = answer.nextPageToken?.length ? Buffer.from(answer.nextPageToken).toString('base64url') : undefined;
    return { runs, token: next };
  }

  /** Undefined where this run alone cannot answer. */
  async function answerOf<T>(
    { chain, runId }: Run,
    query: QueryDefinition<T[], [after?: number]>,
    by: (it: T) => number,
  ) {
    const handle = client.workflow.getHandle(chain, runId);
    try {
      return await everything((after) => ask(() => handle.query(query, after), queryMs), by);
    } catch (error) {
      if (isItsOwn(error)) return undefined;
      throw noWorker(error);
    }
  }

  return {
    runs: async (filter, page) => {
      const { runs, token } = await list(filter, page);
      return { runs: runs.filter(({ chain }) => isChain(chain)), token };
    },

    records: (run) => answerOf(run, messages.record, ({ sequence }) => sequence),

    seals: async (from) => {
      const found = new Set<string>();
      let token: string | undefined;
      do {
        const page = await list(all(is('WorkflowId', sealsId), aliveFrom(from)), { limit: runsAtOnce, token });
        for (const run of page.runs) {
          for (const seal of (await answerOf(run, messages.seals, numberOf)) ?? []) found.add(seal);
        }
        token = page.token;
      } while (token !== undefined);
      const inRange = [...found].filter((seal) => Number(claimed(seal)['at']) >= from);
      return inRange.toSorted((a, b) => numberOf(a) - numberOf(b));
    },
  };
}

function numberOf(seal: string): number {
  return Number(claimed(seal)['number']);
}

function isChain(workflowId: string): boolean {
  return grantIdOf(workflowId) !== undefined || personIdOf(workflowId) !== undefined || workflowId === journalId;
}

/** The chain is at fault, and not who would have to answer for it. */
function isItsOwn(error: unknown): boolean {
  return (
    error instanceof WorkflowNotFoundError ||
    error instanceof QueryRejectedError ||
    error instanceof QueryNotRegisteredError ||
    unreadableIn(error) !== undefined ||
    isStuck(error)
  );
}

function noWorker(cause: unknown): Problem {
  const because =
    'Records are not to be had just now, because no worker answers; nothing was left out: try again soon.';
  return cause instanceof Problem && cause.code !== 'temporal-unavailable'
    ? cause
    : new Problem('temporal-unavailable', because, { cause, retryAfterSeconds: 5 });
}
