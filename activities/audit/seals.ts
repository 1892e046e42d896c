/**
 * Signs where the chains stand: what is changed, dropped or cut off later does not fit to the signed heads any more.
 *
 * Which chains changed, visibility says, which is late at times: callers look back further than to the last seal, and once an
 * hour much further. A head twice in the seals does no harm.
 */
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { Counter, Gauge } from 'prom-client';
import { digest } from '../../workflows/domain/digest.js';
import type { Head } from '../../workflows/domain/record.js';
import { sealType, type Seal, type SealedHead } from '../../workflows/domain/seal.js';
import { grantIdOf, journalId } from '../../workflows/ids.js';
import { askMs } from '../ask-grant.js';
import type { Seals } from '../contract.js';
import { signAs } from '../platform/jws.js';
import type { PrivateJwk } from '../platform/keys.js';
import type { Log } from '../platform/log.js';
import { headIn } from './chains.js';

export interface SealDeps {
  client: Client;
  /** Marks what it cannot open. */
  codec: PayloadCodec;
  installation: string;
  key: PrivateJwk;
  log: Log;
}

/** As many heads as a seal can hold below what Temporal carries in one payload. */
const headsMax = 200;

const sealedAt = new Gauge({
  name: 'daypass_audit_seal_last_done_timestamp_seconds',
  help: 'When the heads of the audit chains were last looked at and sealed',
});
const unreadable = new Counter({
  name: 'daypass_audit_chains_unreadable_total',
  help: 'Chains that changed and could not be sealed, because they show no head that can be read',
});

export function createSeals({ client, codec, installation, key, log }: SealDeps): Seals {
  const namespace = client.options.namespace;

  return {
    async seal({ number, previous, since, page, always = false }) {
      const at = Date.now();
      const { executions, nextPageToken } = await client.withDeadline(at + askMs, () =>
        client.workflowService.listWorkflowExecutions({
          namespace,
          query: `WorkflowType IN ('grant', 'person', 'journal') AND ChangedAt >= '${new Date(since).toISOString()}'`,
          pageSize: headsMax,
          nextPageToken: page === undefined ? undefined : Buffer.from(page, 'base64'),
        }),
      );
      const heads = new Map<string, Head>();
      for (const { execution, memo } of executions) {
        const chain = execution?.workflowId ?? '';
        if (!isChain(chain)) continue;
        const head = headIn(await opened(memo?.fields?.['view'], chain)) ?? (await headNow(chain));
        // Of several runs of one chain the newest has the most records.
        if (head && head.sequence > (heads.get(chain)?.sequence ?? 0)) heads.set(chain, head);
      }
      const next = nextPageToken.length > 0 ? { next: Buffer.from(nextPageToken).toString('base64') } : {};
      if (!('next' in next)) sealedAt.setToCurrentTime();
      if (heads.size === 0 && !always) return { until: at, ...next };
      const sealed: SealedHead[] = [...heads].map(([chain, head]) => ({ chain, ...head }));
      const seal: Seal = { installation, number, previous, at, heads: sealed };
      return { seal: await signAs(sealType, seal, key), digest: digest(seal), until: at, ...next };
    },
  };

  async function opened(payload: Payload | null | undefined, workflowId: string): Promise<unknown> {
    if (!payload) return undefined;
    const [found] = await codec.decode([payload], { type: 'workflow', namespace, workflowId });
    return found && defaultPayloadConverter.fromPayload(found);
  }

  /** By describe, where the list did not say. One that cannot be read keeps no other from being sealed. */
  async function headNow(chain: string): Promise<Head | undefined> {
    try {
      const { memo } = await client.withDeadline(Date.now() + askMs, () => client.workflow.getHandle(chain).describe());
      const head = headIn(memo?.['view']);
      if (head) return head;
      log.error({ chain }, 'an audit chain shows no head that can be read, so it is not sealed');
    } catch (error) {
      log.error({ err: error, chain }, 'an audit chain could not be asked for its head, so it is not sealed');
    }
    unreadable.inc();
    return undefined;
  }
}

/** Others may start workflows of our types under any id: what is no chain of ours is not sealed. */
function isChain(workflowId: string): boolean {
  return grantIdOf(workflowId) !== undefined || workflowId === journalId || /^person\/[\w.@-]{1,80}$/.test(workflowId);
}
