/** Asks grants about themselves: one by describe, which is strongly consistent, needs no worker and works on closed grants; or many. */
import { WorkflowNotFoundError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import type { Request } from '../workflows/domain/request.js';
import type { GrantState } from '../workflows/domain/states.js';
import type { GrantView } from '../workflows/domain/view.js';
import { grantIdOf, grantWorkflowId } from '../workflows/ids.js';
import { isUnreadable } from '../workflows/messages.js';

/**
 * Not open: it completed, was terminated, timed out, failed, or never was. A memo is undefined before the grant has written it,
 * and where it was written by somebody else: not sealed, or sealed for another grant.
 */
export type Asked = { open: false } | { open: true; view?: Memo<GrantView>; request?: Memo<Request> };

/** `unreadable`: sealed with a key that this process does not have, or broken. */
export type Memo<T> = T | 'unreadable';

export const askMs = 5_000;
const closed = ['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT', 'CONTINUED_AS_NEW'];

/** Rejects when Temporal does not answer. */
export async function askGrant(client: Client, grantId: string): Promise<Asked> {
  try {
    const handle = client.workflow.getHandle(grantWorkflowId(grantId));
    return asked(await client.withDeadline(Date.now() + askMs, () => handle.describe()));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { open: false };
    throw error;
  }
}

/** A list of ten thousand takes a few seconds. */
const listMs = 15_000;

/**
 * The states of the grants that run for a target, as visibility shows them. It may be late, and lack any: what it says good of a
 * grant is sealed by that grant as in its own answer, and what it does not say is for `askGrant` to ask.
 */
export async function shownStates(client: Client, target: string): Promise<Map<string, GrantState>> {
  const states = new Map<string, GrantState>();
  const query = `Target = '${target}' AND WorkflowType = 'grant' AND ExecutionStatus = 'Running'`;
  await client.withDeadline(Date.now() + listMs, async () => {
    for await (const found of client.workflow.list({ query, pageSize: 500 })) {
      const grant = asked(found);
      const grantId = grantIdOf(found.workflowId);
      if (grantId !== undefined && grant.open && isRead(grant.view)) states.set(grantId, grant.view.state);
    }
  });
  return states;
}

export function isRead<T>(memo: Memo<T> | undefined): memo is T {
  return memo !== undefined && memo !== 'unreadable';
}

function asked({ type, status, memo: shown }: Pick<WorkflowExecutionInfo, 'type' | 'status' | 'memo'>): Asked {
  if (type !== 'grant' || closed.includes(status.name)) return { open: false };
  return { open: true, view: memo<GrantView>(shown?.['view']), request: memo<Request>(shown?.['request']) };
}

/** The client marks what it cannot open. Sealed memos were written by our workflow, so their shape holds. */
function memo<T extends object>(value: unknown): Memo<T> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!isUnreadable(value)) return value as T;
  return value.unreadable === 'unsealed' || value.unreadable === 'other-workflow' ? undefined : 'unreadable';
}

/** Runs `work` for each, a few at once, and rejects with the first failure after all were tried. */
export async function forEach<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const failures: unknown[] = [];
  const next = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      await work(item).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, next));
  if (failures.length > 0) throw failures[0];
}
