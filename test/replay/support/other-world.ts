/** A Temporal of their own and the real bundle for the workflows beside grants, with scripted answers of everything they ask. */
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Keys, Reconciles, Removal, Resumes, Seals, Tells, Undos } from '../../../activities/contract.js';
import { signAs } from '../../../activities/platform/jws.js';
import type { KeyRing, PrivateJwk } from '../../../activities/platform/keys.js';
import { dataConverter } from '../../../activities/platform/temporal.js';
import { digest } from '../../../workflows/domain/digest.js';
import { noHead } from '../../../workflows/domain/record.js';
import { receiptType } from '../../../workflows/domain/receipt.js';
import { decisionsQueue, undoQueue } from '../../../workflows/ids.js';
import { workflowBundle } from '../../support/bundle.js';
import { ownTemporal } from '../../support/services.js';
import { privateKey } from '../../support/signer.js';
import { installation } from '../../support/statements.js';
import { patience } from '../../../workers/bundle.js';

export const target = 'orders-db';
export const grantIdOfAccount = (number: number): string => String(number).padStart(26, '0');

export interface OtherWorld {
  client: Client;
  api: PrivateJwk;
  connector: PrivateJwk;
  /** Whose signatures count, from the next question on. */
  script: { pinned: PrivateJwk[] };
  skip(handle: WorkflowHandle, duration: number): Promise<void>;
  stop(): Promise<void>;
}

export async function otherWorld(keys: KeyRing): Promise<OtherWorld> {
  const { address, namespace } = await ownTemporal();
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'throw') });
  const api = { ...(await privateKey('Ed25519')), kid: 'api' };
  const connector = { ...(await privateKey('Ed25519')), kid: 'connector' };
  const script = { pinned: [api] };
  const work = async (options: Partial<Parameters<typeof Worker.create>[0]>) => {
    const usual = {
      connection: native,
      namespace,
      dataConverter: dataConverter(keys),
      shutdownForceTime: '3s',
    } as const;
    const worker = await Worker.create({ ...usual, ...patience, taskQueue: decisionsQueue, ...options });
    return { worker, ran: worker.run() };
  };
  const workers = [
    await work({ workflowBundle: await workflowBundle(), activities: decides(script, connector) }),
    await work({ taskQueue: undoQueue(target), activities: undoes(connector) }),
  ];
  return {
    client,
    api,
    connector,
    script,
    async skip({ workflowId }, duration) {
      await client.workflowService.updateWorkflowExecutionOptions({
        namespace,
        workflowExecution: { workflowId },
        workflowExecutionOptions: {
          timeSkippingConfig: { enabled: true, fastForwardConfig: { id: `${duration}`, duration: msToTs(duration) } },
        },
        updateMask: { paths: ['time_skipping_config'] },
      });
    },
    async stop() {
      for (const { worker } of workers) worker.shutdown();
      await Promise.all(workers.map(({ ran }) => ran));
      await native.close();
      await connection.close();
    },
  };
}

const verificationKey = ({ kid = '', x = '' }: PrivateJwk) => ({ kid, x });

type Decides = Keys & Resumes & Seals & Reconciles & Pick<Tells, 'publish'>;

function decides(script: OtherWorld['script'], connector: PrivateJwk): Decides {
  let seals = 0;
  return {
    believed: async () => ({
      installation,
      api: script.pinned.map(verificationKey),
      receipts: [{ ...verificationKey(connector), targets: [target] }],
    }),
    lastHead: async () => noHead,
    lastSeal: async () => ({ number: 0, digest: '0'.repeat(64), since: 0 }),
    // Some minutes nothing changed, and one of them it could not be found out.
    seal: async ({ number, page }) => {
      seals += 1;
      if (seals === 5) throw ApplicationFailure.nonRetryable('Visibility is away.');
      const until = Date.now();
      if (seals % 20 !== 1) return { until };
      const next = page === undefined && number === 1 ? 'page two' : undefined;
      return { seal: `a.seal.${number}`, digest: digest({ number }), until, ...(next !== undefined && { next }) };
    },
    publish: async () => undefined,
    unexplained: async ({ grantIds }) => grantIds.filter((grantId) => grantId !== grantIdOfAccount(1)),
    expected: async ({ page }) =>
      page === undefined
        ? { grantIds: [grantIdOfAccount(1), grantIdOfAccount(8)], next: 'page two' }
        : { grantIds: [grantIdOfAccount(9)] },
    active: async ({ grantIds }) => grantIds,
    reportMissing: async () => undefined,
    reportStray: async () => undefined,
    reassessPage: async ({ page }) => (page === undefined ? { signalled: 2, next: 'page two' } : { signalled: 1 }),
  };
}

/** Three accounts stand: one explained, one that goes, and one that resists. Somebody else answers the first question. */
function undoes(connector: PrivateJwk): Undos {
  let asked = 0;
  const standing = (number: number) => ({
    grantId: grantIdOfAccount(number),
    account: `daypass_${number}`,
    endsAt: 0,
    evidenceDigest: 'e',
    targetIdentity: 'system-1',
    signedBy: ['api'],
  });
  const sign = (says: object) =>
    signAs(receiptType, { installation, target, book: 'a book', number: 1, at: Date.now(), ...says }, connector);
  return {
    list: async ({ after = '' }) => {
      asked += 1;
      const found = [1, 2, 3].map(standing).filter(({ grantId }) => grantId > after);
      const said = { kind: 'listed', after, count: found.length, standingDigest: digest({ standing: found }) };
      return { standing: found, receipt: asked === 1 ? 'none' : await sign(said) };
    },
    remove: async ({ grantId }) => {
      if (grantId === grantIdOfAccount(3)) throw ApplicationFailure.nonRetryable('It resists.', 'target-refused');
      const at = Date.now();
      const { account, targetIdentity } = standing(2);
      const said = {
        grantId,
        account,
        removedAt: at,
        verifiedAt: at,
        wasPresent: true,
        sessionsEnded: 0,
        targetIdentity,
      };
      const removal: Omit<Removal, 'receipt'> = { ...said, remarks: [] };
      return { ...removal, receipt: await sign({ kind: 'removed', ...said }) };
    },
  };
}
