/**
 * What the audit's own workflows ask: whose signatures count, and where a chain stood that somebody ended by force.
 * A memo counts only if it opens: it was then sealed by a holder of our keys, for this very workflow.
 */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { verified } from '../../workflows/domain/signature.js';
import { digest } from '../../workflows/domain/digest.js';
import { noHead, type Head } from '../../workflows/domain/record.js';
import { sealType, type Seal } from '../../workflows/domain/seal.js';
import type { PublicJwk } from '../../workflows/domain/evidence.js';
import type { ReceiptKey } from '../../workflows/domain/receipt.js';
import { sealsId } from '../../workflows/ids.js';
import { askMs } from '../ask-grant.js';
import type { Keys, LastSeal, Resumes } from '../contract.js';
import type { JwkSet } from '../platform/keys.js';
import type { AuditFiles } from './files.js';

export interface ChainDeps {
  /** One that marks what it cannot open. */
  client: Client;
  installation: string;
  apiKeys: { current(): JwkSet };
  receiptKeys: { current(): ReceiptKey[] };
  files: Pick<AuditFiles, 'newestSeal'>;
  /** Whose seals are ours. */
  sealKey: PublicJwk;
}

/** Earlier runs that count: the newest shows where the chain stands, unless visibility does not have it yet. */
const shownMax = 5;
/** And that are looked at, as anyone can start and end runs that show nothing. */
const runsMax = 2_000;
const pageSize = 50;

export function createChains({
  client,
  installation,
  apiKeys,
  receiptKeys,
  files,
  sealKey,
}: ChainDeps): Keys & Resumes {
  return {
    async believed() {
      const api = apiKeys
        .current()
        .keys.flatMap(({ kid, x, until }) =>
          kid === undefined || x === undefined ? [] : [{ kid, x, ...(until !== undefined && { until }) }],
        );
      return { installation, api, receipts: receiptKeys.current() };
    },

    async lastHead({ workflowId }) {
      const heads = await earlier(workflowId, headIn);
      const kept = keptSeal(await files.newestSeal())?.heads.find(({ chain }) => chain === workflowId);
      const sealed = headIn({ head: kept });
      if (sealed) heads.push(sealed);
      return heads.reduce((last, head) => (head.sequence > last.sequence ? head : last), noHead);
    },

    async lastSeal() {
      const all = await earlier(sealsId, lastSealIn);
      const kept = keptSeal(await files.newestSeal());
      if (kept) all.push({ number: kept.number, digest: digest(kept), since: kept.at });
      return all.reduce((last, seal) => (seal.number > last.number ? seal : last), {
        number: 0,
        digest: noHead.hash,
        since: 0,
      });
    },
  };

  /** What the newest runs that are over show in their memo `view`: those that show it. */
  async function earlier<Shown>(workflowId: string, read: (view: object) => Shown | undefined): Promise<Shown[]> {
    // Ids come from our own workflows, and hold no quotes.
    // Not by status: visibility may yet have the last of them as running, and the chain would go on from the one before.
    const query = `WorkflowId = '${workflowId.replaceAll("'", '')}'`;
    const all: Shown[] = [];
    let seen = 0;
    for await (const { runId } of client.workflow.list({ query, pageSize })) {
      const view = await viewOf(workflowId, runId);
      const shown = view && read(view);
      if (shown !== undefined) all.push(shown);
      if ((seen += 1) >= runsMax || all.length >= shownMax) break;
    }
    return all;
  }

  async function viewOf(workflowId: string, runId: string): Promise<object | undefined> {
    try {
      const handle = client.workflow.getHandle(workflowId, runId);
      const { memo, status } = await client.withDeadline(Date.now() + askMs, () => handle.describe());
      if (status.name === 'RUNNING') return undefined;
      const view: unknown = memo?.['view'];
      return typeof view === 'object' && view !== null ? view : undefined;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  /** Whatever lies in the folder: it counts with our signature. */
  function keptSeal(jws: string | undefined): Seal | undefined {
    const { kid = '', x = '' } = sealKey;
    const signed = jws === undefined ? undefined : verified(jws, sealType, [{ kid, x }]);
    const seal = signed?.payload as Seal | undefined;
    return seal?.installation === installation ? seal : undefined;
  }
}

/** The head that a chain's memo shows; undefined where it shows none. */
export function headIn(view: unknown): Head | undefined {
  const { head } = { ...(view as { head?: Partial<Head> }) };
  if (!Number.isSafeInteger(head?.sequence) || !/^[0-9a-f]{64}$/.test(String(head?.hash))) return undefined;
  return { sequence: Number(head?.sequence), hash: String(head?.hash) };
}

function lastSealIn(view: object): LastSeal | undefined {
  const { number, digest: hash, since } = view as Partial<LastSeal>;
  if (!Number.isSafeInteger(number) || typeof hash !== 'string' || typeof since !== 'number') return undefined;
  return { number: Number(number), digest: hash, since };
}
