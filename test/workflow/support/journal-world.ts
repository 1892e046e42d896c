/** The journal's world: its worker on a Temporal of its own, and its chain over all runs, by the runs' own answers. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createChains } from '../../../activities/audit/chains.js';
import type { Tells } from '../../../activities/contract.js';
import { signStatement } from '../../../activities/platform/jws.js';
import type { JwkSet, PrivateJwk } from '../../../activities/platform/keys.js';
import { dataConverter } from '../../../activities/platform/temporal.js';
import { createJournal, type Journal } from '../../../api/journal.js';
import type { ReceiptKey } from '../../../workflows/domain/receipt.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import { decisionsQueue, journalId } from '../../../workflows/ids.js';
import { record } from '../../../workflows/messages.js';
import { workflowBundle } from '../../support/bundle.js';
import { ownTemporal, type Restartable, type TestTemporal } from '../../support/services.js';
import { privateKey } from '../../support/signer.js';
import { until } from '../../support/until.js';
import { patience } from '../../../workers/bundle.js';

const keys = { current: 'test', keys: { test: randomBytes(32) } };
export const installation = 'test';

export class JournalWorld {
  readonly server: TestTemporal & Restartable;
  readonly connection: Connection;
  readonly client: Client;
  readonly api: PrivateJwk;
  readonly connector: PrivateJwk;
  /** What is pinned. */
  apiKeys: JwkSet;
  /** What the sinks have, by `publish`. */
  published: AuditRecord[] = [];
  publish: Tells['publish'] = this.publishes();
  /** Nothing was ever said in them, and no worker can be asked about them. */
  readonly emptyRuns = new Set<string>();
  /** They say no more than they said once. */
  private readonly closedRuns = new Map<string, AuditRecord[]>();
  private readonly native: NativeConnection;
  private readonly receiptKeys: ReceiptKey[];
  private worker: { worker: Worker; ran: Promise<void> } | undefined;

  private constructor(
    server: TestTemporal & Restartable,
    connections: { connection: Connection; native: NativeConnection },
    signers: { api: PrivateJwk; connector: PrivateJwk },
  ) {
    this.server = server;
    this.connection = connections.connection;
    this.native = connections.native;
    const { namespace } = server;
    this.client = new Client({ ...connections, namespace, dataConverter: dataConverter(keys, 'mark') });
    this.api = signers.api;
    this.connector = signers.connector;
    this.apiKeys = { keys: [publicOf(this.api)] };
    this.receiptKeys = [{ kid: 'connector', x: this.connector.x ?? '', targets: ['orders-db'] }];
  }

  static async start(): Promise<JournalWorld> {
    const server = await ownTemporal();
    const { address } = server;
    const world = new JournalWorld(
      server,
      { connection: await Connection.connect({ address }), native: await NativeConnection.connect({ address }) },
      {
        api: { ...(await privateKey('Ed25519')), kid: 'api' },
        connector: { ...(await privateKey('Ed25519')), kid: 'connector' },
      },
    );
    await world.startWorker();
    return world;
  }

  async stop(): Promise<void> {
    await this.stopWorker();
    await this.native.close();
    await this.connection.close();
    await this.server.stop();
  }

  async startWorker(): Promise<void> {
    const chains = createChains({
      client: this.client,
      installation,
      apiKeys: { current: () => this.apiKeys },
      receiptKeys: { current: () => this.receiptKeys },
      files: { newestSeal: () => Promise.resolve(undefined) },
      sealKey: this.api,
    });
    const worker = await Worker.create({
      connection: this.native,
      namespace: this.server.namespace,
      taskQueue: decisionsQueue,
      workflowBundle: await workflowBundle(),
      dataConverter: dataConverter(keys),
      activities: { ...chains, publish: (input: Parameters<Tells['publish']>[0]) => this.publish(input) },
      shutdownGraceTime: '1s',
      ...patience,
    });
    this.worker = { worker, ran: worker.run() };
  }

  async stopWorker(): Promise<void> {
    this.worker?.worker.shutdown();
    await this.worker?.ran;
    this.worker = undefined;
  }

  /** Sinks that take what comes, from an empty one on. */
  publishes(): Tells['publish'] {
    this.published = [];
    return async ({ records }) => void this.published.push(...records);
  }

  handle() {
    return this.client.workflow.getHandle(journalId);
  }

  journal(key = this.api): Journal {
    return createJournal({ client: this.client, installation, key });
  }

  opens(workflows: string[]): Promise<void> {
    return this.journal().note('payloads-opened', 'person:operator', { workflows });
  }

  async many(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += 10) {
      const some = Array.from({ length: Math.min(10, count - sent) }, (_, at) => this.opens([`grant/${sent + at}`]));
      await Promise.all(some);
    }
  }

  statement(key: PrivateJwk, change: object = {}): Promise<string> {
    return signStatement(
      {
        type: 'note',
        installation,
        noteId: randomUUID(),
        issuedAt: Date.now(),
        event: 'audit-exported',
        by: 'person:auditor',
        detail: { format: 'jsonl' },
        ...change,
      },
      key,
    );
  }

  /** The whole chain, over all runs. */
  async chain(): Promise<AuditRecord[]> {
    const all: AuditRecord[] = [];
    for await (const { runId, status } of this.client.workflow.list({ query: `WorkflowId = '${journalId}'` })) {
      if (this.emptyRuns.has(runId)) continue;
      const records = this.closedRuns.get(runId) ?? (await this.recordsOf(runId));
      if (status.name !== 'RUNNING') this.closedRuns.set(runId, records);
      all.push(...records);
    }
    return all.sort((a, b) => a.sequence - b.sequence);
  }

  async newest(after: number): Promise<AuditRecord[]> {
    return (await this.chain()).filter((each) => each.sequence > after);
  }

  /** The sealed input of a run that a run before it began, and where the chain stood then. */
  async handedOnBefore(): Promise<{ inputs?: Payload[]; last: number }> {
    for await (const { runId } of this.client.workflow.list({ query: `WorkflowId = '${journalId}'` })) {
      const { events } = await this.client.workflow.getHandle(journalId, runId).fetchHistory();
      const started = events?.[0]?.workflowExecutionStartedEventAttributes;
      if (!started?.continuedExecutionRunId) continue;
      const [first] = await this.recordsOf(runId);
      if (first) return { inputs: started.input?.payloads ?? [], last: first.sequence };
    }
    return { last: 0 };
  }

  async headNow(): Promise<number> {
    try {
      const { memo } = await this.handle().describe();
      return (memo?.['view'] as { head: { sequence: number } } | undefined)?.head.sequence ?? 0;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 0;
      throw error;
    }
  }

  async reaches(sequence: number): Promise<void> {
    await until(async () => (await this.headNow()) >= sequence, { what: `record ${sequence}`, withinMs: 60_000 });
  }

  private async recordsOf(runId: string): Promise<AuditRecord[]> {
    const records: AuditRecord[] = [];
    const handle = this.client.workflow.getHandle(journalId, runId);
    for (;;) {
      const page = await handle.query(record, records.at(-1)?.sequence ?? 0);
      if (page.length === 0) return records;
      records.push(...page);
    }
  }
}

export function publicOf({ kty, crv, x, kid }: PrivateJwk) {
  return { kty, crv, x, kid };
}
