/** What the workflows `reconcile` and `reassess` ask of Temporal and tell to grants and operators. */
import { ApplicationFailure, Context } from '@temporalio/activity';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { Counter } from 'prom-client';
import type { Request } from '../workflows/domain/request.js';
import type { Instant } from '../workflows/domain/time.js';
import type { GrantState } from '../workflows/domain/states.js';
import { grantIdOf, grantWorkflowId } from '../workflows/ids.js';
import { externallyModified, reassess } from '../workflows/messages.js';
import { askGrant, askMs, forEach, isRead, shownStates, type Asked, type Memo } from './ask-grant.js';
import type { StrayNotes } from './audit/stray.js';
import type { GrantPage, Reads, Reconciles } from './contract.js';
import { doneBefore } from './done-before.js';
import type { Notify } from './notify.js';
import type { Log } from './platform/log.js';
import { isFull } from './platform/service-errors.js';

export interface ReconcileDeps {
  /** One that marks what it cannot open: a foreign memo must not stop a pass. */
  client: Client;
  notes: StrayNotes;
  notify: Pick<Notify, 'stray'>;
  reads: Pick<Reads, 'stillEligible'>;
  log: Log;
}

/** While a grant is in one of these, its account may stand: it makes it, uses it, or removes it itself. */
const owing: readonly GrantState[] = ['ACTIVATING', 'ACTIVE', 'REVOKING', 'WITHDRAWING'];
/** Assessed, and not ending yet: lost eligibility can end these. */
const endable: readonly GrantState[] = ['APPROVAL_AWAITED', 'SCHEDULED', 'ACTIVATING', 'ACTIVE'];

const pageSize = 100;
/** Some 30 kB of ids. */
const expectedAtOnce = 1_000;
const atOnce = 10;

const strays = new Counter({
  name: 'daypass_strays_total',
  help: 'Accounts that no grant explained, by target and by whether they were removed',
  labelNames: ['target', 'removed'],
});

export function createReconciles({ client, notes, notify, reads, log }: ReconcileDeps): Reconciles {
  /** By target, of its last pass. */
  const lists = new Map<string, { pass: string; states: Promise<Map<string, GrantState>> }>();

  return {
    async unexplained({ target, pass, grantIds }) {
      const found: string[] = [];
      const shown = await shownNow(target, pass);
      const now = Date.now();
      const rest = grantIds.filter((grantId) => isTurnOf(grantId, now) || !isOwing(shown.get(grantId)));
      await forEach(rest, atOnce, async (grantId) => {
        try {
          const grant = await askGrant(client, grantId);
          if (grant.open && grant.view === 'unreadable') throw new Error('The memo of this grant cannot be opened.');
          // A grant is ACTIVATING in the same commit that orders its account, and leaves these states only when the target
          // has proved it gone. So an account that was listed before this question is not one that is just being made.
          if (!owes(grant)) found.push(grantId);
        } catch (error) {
          log.warn({ err: error, grantId }, 'could not ask a grant about its account; the next pass asks again');
        }
      });
      return found;
    },

    async expected({ target, pass, page = '' }) {
      const active = [...(await shown(target, pass))].filter(([, state]) => state === 'ACTIVE').map(([id]) => id);
      const rest = active.filter((grantId) => grantId > page).sort();
      const grantIds = rest.slice(0, expectedAtOnce);
      const next = rest.length > expectedAtOnce ? grantIds.at(-1) : undefined;
      return { grantIds, ...(next !== undefined && { next }) };
    },

    async active({ grantIds }) {
      const found: string[] = [];
      await forEach(grantIds, atOnce, async (grantId) => {
        if (await shouldStand(grantId)) found.push(grantId);
      });
      return found;
    },

    async reportMissing({ grantId }) {
      // Asked again after the list in which it was missing: a grant that is ACTIVE before and after was so throughout.
      if (!(await shouldStand(grantId))) return;
      log.error({ grantId }, 'the account of an active grant is not at its target');
      await unlessClosed(grantId, (handle) => handle.signal(externallyModified, { what: 'missing' }));
    },

    async reportStray(stray) {
      const { target, grantId, account, removal } = stray;
      if (Context.current().info.attempt === 1) {
        strays.inc({ target, removed: removal ? 'yes' : 'no' });
        log.error({ target, grantId, account, removed: removal !== undefined }, 'an account that no grant explains');
      }
      const told = await Promise.allSettled([notes.stray(stray), notify.stray(stray)]);
      const failed = told.find((part) => part.status === 'rejected');
      if (failed) throw ApplicationFailure.create({ message: 'Not all were told.', type: 'not-told' });
    },

    async reassessPage({ page, everyone = false }) {
      const states = endable.map((state) => `'${state}'`).join(', ');
      const { grantIds, next } = await list(`GrantState IN (${states})`, page);
      // Each question costs a grant events, so that who was asked by an earlier attempt is not asked again.
      const asked = doneBefore();
      const rest = grantIds.filter((grantId) => !asked.has(grantId));
      try {
        await forEach(rest, atOnce, async (grantId) => {
          const grant = await askGrant(client, grantId);
          if (!grant.open || (isRead(grant.view) && !endable.includes(grant.view.state))) return;
          // Only those concerned: the grant asks the policy itself and records what it hears. Who signed for it the grant alone
          // knows, so when keys change every one is.
          if (!everyone && (await isEligible(grant.request))) return;
          await toLook(grantId, grant.request);
          asked.add(grantId);
        });
      } catch (error) {
        Context.current().heartbeat([...asked]);
        throw error;
      }
      if (asked.size > 0) log.info({ signalled: asked.size }, 'grants asked to check their eligibility');
      return { signalled: asked.size, next };
    },
  };

  /**
   * Has a grant check its eligibility. One that takes no more signals could keep those after it from being asked, were that an
   * error: it is ended where its subject is not eligible, and left to its end and to the connectors' sweep where they are.
   */
  async function toLook(grantId: string, request: Memo<Request> | undefined): Promise<void> {
    try {
      await unlessClosed(grantId, (handle) => handle.signal(reassess));
    } catch (error) {
      if (!isFull(error)) throw error;
      log.error({ grantId }, 'a grant takes no more signals, so it cannot check its eligibility');
      if (!(await isEligible(request))) await unlessClosed(grantId, (handle) => handle.cancel());
    }
  }

  /** Of ten thousand accounts nearly all are explained by one list. */
  async function shownNow(target: string, pass: string): Promise<Map<string, GrantState>> {
    try {
      return await shown(target, pass);
    } catch (error) {
      log.warn({ err: error }, 'visibility did not say which grants are running; each is asked itself');
      return new Map();
    }
  }

  /**
   * As listed at the first question of this pass. So a grant that is shown to owe its account did so a moment ago, and one that
   * is not shown may have begun since.
   */
  async function shown(target: string, pass: string): Promise<Map<string, GrantState>> {
    // A target's name is a slug (policy and zone files check it), so it cannot end the quotes.
    if (!/^[\w.-]+$/.test(target)) throw ApplicationFailure.nonRetryable(`${target} is no target's name.`, 'invalid');
    const known = lists.get(target);
    if (known && known.pass === pass) return known.states;
    const states = shownStates(client, target);
    lists.set(target, { pass, states });
    states.catch(() => lists.delete(target));
    return states;
  }

  async function isEligible(request: Memo<Request> | undefined): Promise<boolean> {
    return isRead(request) && (await reads.stillEligible({ request, evidence: [] })).eligible;
  }

  async function shouldStand(grantId: string): Promise<boolean> {
    const grant = await askGrant(client, grantId);
    if (!grant.open || !isRead(grant.view) || grant.view.state !== 'ACTIVE') return false;
    const { expireTime, conditions } = grant.view;
    // Past its end the target's own expiry or the sweep may have been quicker than the grant.
    return (expireTime === undefined || expireTime > Date.now()) && !conditions.includes('externallyModified');
  }

  /** One page of running grants, from visibility: it lags, so whoever uses it asks the grants themselves. */
  async function list(query: string, page?: string): Promise<GrantPage> {
    const { executions, nextPageToken } = await client.withDeadline(Date.now() + askMs, () =>
      client.workflowService.listWorkflowExecutions({
        namespace: client.options.namespace,
        query: `WorkflowType = 'grant' AND ExecutionStatus = 'Running' AND ${query}`,
        pageSize,
        nextPageToken: page === undefined ? undefined : Buffer.from(page, 'base64'),
      }),
    );
    const ids = executions.map(({ execution }) => grantIdOf(execution?.workflowId ?? ''));
    const grantIds = ids.filter((id): id is string => id !== undefined);
    return nextPageToken.length > 0 ? { grantIds, next: Buffer.from(nextPageToken).toString('base64') } : { grantIds };
  }

  async function unlessClosed(
    grantId: string,
    call: (handle: ReturnType<typeof handleOf>) => Promise<unknown>,
  ): Promise<void> {
    try {
      await call(handleOf(grantId));
    } catch (error) {
      // It closed in between: nothing is left to tell it.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  function handleOf(grantId: string) {
    return client.workflow.getHandle(grantWorkflowId(grantId));
  }
}

/**
 * Known gap: whoever may start workflows can put such a grant in the place of a terminated one, and so keep its account until
 * the target's own expiry and the connector's sweep, which ask nobody.
 */
function owes(grant: Asked): boolean {
  return grant.open && isRead(grant.view) && isOwing(grant.view.state);
}

function isOwing(state: GrantState | undefined): boolean {
  return state !== undefined && owing.includes(state);
}

/** In one minute of every hour a grant is asked itself, whatever visibility shows: it could go on showing one that is over. */
export function isTurnOf(grantId: string, now: Instant): boolean {
  return Number.parseInt(grantId.slice(-4), 36) % 60 === Math.floor(now / 60_000) % 60;
}
