/** What Temporal itself holds of each grant: its runs, its history event by event, its record, and whether it replays. */
import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import type proto from '@temporalio/proto';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { createCodec, sealedEncoding } from '../../../activities/platform/codec.js';
import type { KeyRing } from '../../../activities/platform/keys.js';
import { dataConverter } from '../../../activities/platform/temporal.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import type { GrantView } from '../../../workflows/domain/view.js';
import { grantIdOf, grantWorkflowId } from '../../../workflows/ids.js';
import * as messages from '../../../workflows/messages.js';
import { workflowBundle } from '../bundle.js';
import type { GrantFacts, HistoryEvent } from './facts.js';
import { fieldsOf } from './look.js';
import { looksSecret } from './secret-forms.js';
import { patience } from '../../../workers/bundle.js';

type RawHistory = proto.temporal.api.history.v1.IHistory;
type RawEvent = proto.temporal.api.history.v1.IHistoryEvent;

export interface TemporalPlace {
  address: string;
  namespace: string;
  codecKeys: KeyRing;
  /** What histories are replayed on; today's bundle where none is given. */
  bundle?: WorkflowBundleOption;
}

/** How many grants are asked at once: the machine of a test is small. */
const atOnce = 8;
/** Of each kind of life, as many histories are replayed: grants that lived alike replay alike. */
const replayedAlike = 3;
/** A closed grant is read back by a worker first, and the machine may be busy. */
const askMs = 60_000;

/** Grants that Temporal lists, and those of `known`, which visibility may not show yet; `among` those, where it is given. */
export async function grantsAt(
  place: TemporalPlace,
  known: readonly string[],
  among?: ReadonlySet<string>,
): Promise<GrantFacts[]> {
  const { address, namespace, codecKeys, bundle } = place;
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace, dataConverter: dataConverter(codecKeys, 'throw') });
  try {
    const runs = await runsOf(client);
    const unlisted = known.map((grantId): [string, GrantFacts['runs']] => [grantId, []]);
    const all = new Map([...unlisted, ...runs].filter(([grantId]) => among?.has(grantId) ?? true));
    return await grantsOf(client, codecKeys, all, bundle);
  } finally {
    await connection.close();
  }
}

/** These grants alone, each with the runs of it that are known. */
export async function grantsOf(
  client: Client,
  codecKeys: KeyRing,
  runs: ReadonlyMap<string, GrantFacts['runs']>,
  bundle?: TemporalPlace['bundle'],
): Promise<GrantFacts[]> {
  const asked = new Asked(client, createCodec(codecKeys));
  const all = [...runs];
  const grants: GrantFacts[] = [];
  for (let from = 0; from < all.length; from += atOnce) {
    const some = all.slice(from, from + atOnce);
    grants.push(...(await Promise.all(some.map(([grantId, listed]) => asked.grant(grantId, listed)))));
  }
  await asked.replay(codecKeys, bundle ?? (await workflowBundle()));
  return grants;
}

async function runsOf(client: Client): Promise<Map<string, GrantFacts['runs']>> {
  const found = new Map<string, GrantFacts['runs']>();
  const listed = [];
  for await (const run of client.workflow.list({ query: `WorkflowType = 'grant'` })) listed.push(run);
  for (const { workflowId, runId, status } of listed.toSorted((a, b) => Number(a.startTime) - Number(b.startTime))) {
    const grantId = grantIdOf(workflowId);
    if (grantId === undefined) continue;
    const run = { runId, isOpen: status.name === 'RUNNING', isTerminated: status.name === 'TERMINATED' };
    found.set(grantId, [...(found.get(grantId) ?? []), run]);
  }
  return found;
}

class Asked {
  private readonly client: Client;
  private readonly codec: PayloadCodec;
  /** By kind of life. */
  private readonly lives = new Map<string, { facts: GrantFacts; history: RawHistory }[]>();

  constructor(client: Client, codec: PayloadCodec) {
    this.client = client;
    this.codec = codec;
  }

  async grant(grantId: string, listed: GrantFacts['runs']): Promise<GrantFacts> {
    const handle = this.client.workflow.getHandle(grantWorkflowId(grantId));
    const described = await handle.describe().catch((error: unknown) => {
      if (error instanceof Error && error.name === 'WorkflowNotFoundError') return undefined;
      throw error;
    });
    if (!described) return { grantId, runs: [], records: [], history: [] };
    const { status, runId, memo } = described;
    const newest = { runId, isOpen: status.name === 'RUNNING', isTerminated: status.name === 'TERMINATED' };
    const raw = await handle.fetchHistory();
    const facts: GrantFacts = {
      grantId,
      runs: [...listed.filter((run) => run.runId !== runId), newest],
      ...(memo?.view !== undefined && { view: memo.view as GrantView }),
      records: await this.records(grantId),
      history: await this.opened(raw.events ?? [], grantWorkflowId(grantId)),
    };
    const kind = [...new Set(facts.records.map(({ type }) => type))].toSorted().join(' ');
    const alike = this.lives.get(kind) ?? [];
    if (alike.length < replayedAlike) this.lives.set(kind, [...alike, { facts, history: raw }]);
    return facts;
  }

  private async records(grantId: string): Promise<AuditRecord[]> {
    const handle = this.client.workflow.getHandle(grantWorkflowId(grantId));
    const all: AuditRecord[] = [];
    for (;;) {
      const page = await this.client.withDeadline(Date.now() + askMs, () => handle.query(messages.record, all.length));
      if (page.length === 0) return all;
      all.push(...page);
    }
  }

  private async opened(events: RawEvent[], workflowId: string): Promise<HistoryEvent[]> {
    const names = new Map<number, string>();
    const opened: HistoryEvent[] = [];
    for (const raw of events) {
      const event = await this.event(raw, workflowId, names);
      if (event.name !== undefined) names.set(event.id, event.name);
      opened.push(event);
    }
    return opened;
  }

  private async event(raw: RawEvent, workflowId: string, names: Map<number, string>): Promise<HistoryEvent> {
    const id = Number(raw.eventId);
    const at = optionalTsToMs(raw.eventTime) ?? 0;
    const attributes = Object.entries(raw).find(([key, value]) => key.endsWith('EventAttributes') && value);
    const [key = 'unknown', value] = (attributes ?? []) as [string?, Attributes?];
    const type = key.replace('EventAttributes', '').replace(/^./, (first) => first.toUpperCase());
    const of = numberOf(value?.scheduledEventId ?? value?.workflowTaskCompletedEventId);
    const started = type === 'WorkflowTaskCompleted' ? numberOf(value?.startedEventId) : of;
    const name =
      value?.activityType?.name ?? value?.signalName ?? value?.markerName ?? names.get(started ?? -1) ?? undefined;
    const payloads = [
      ...(value?.input?.payloads ?? []),
      ...(value?.result?.payloads ?? []),
      ...(value?.details?.['result']?.payloads ?? []),
      ...Object.values(value?.upsertedMemo?.fields ?? {}),
    ];
    const [answer] = await this.open(payloads.slice(0, 1), workflowId);
    const secret = await this.secretIn(raw, workflowId);
    const says = kept(type, name, answer);
    return {
      id,
      at,
      type,
      ...(name !== undefined && { name }),
      ...(started !== undefined && { of: started }),
      ...(says !== undefined && { says }),
      ...(secret !== undefined && { secret }),
    };
  }

  /** In its payloads, opened, and in all else that it says: failures, attributes to search by, summaries, names. */
  private async secretIn(raw: RawEvent, workflowId: string): Promise<string | undefined> {
    const { payloads, words } = partsOf(raw);
    const sealed = payloads.filter(
      ({ metadata }) => Buffer.from(metadata?.['encoding'] ?? []).toString() === sealedEncoding,
    );
    const plain = payloads
      .filter((payload) => !sealed.includes(payload))
      .map(({ data }) => Buffer.from(data ?? []).toString());
    const opened = await this.open(sealed, workflowId);
    return [...opened, ...plain, ...words].map(looksSecret).find((found) => found !== undefined);
  }

  private async open(payloads: Payload[], workflowId: string): Promise<unknown[]> {
    const { namespace } = this.client.options;
    const decoded = await this.codec.decode(payloads, { type: 'workflow', namespace, workflowId });
    return decoded.map((payload) => defaultPayloadConverter.fromPayload(payload));
  }

  async replay(codecKeys: KeyRing, bundle: WorkflowBundleOption): Promise<void> {
    const options = { workflowBundle: bundle, dataConverter: dataConverter(codecKeys), ...patience };
    const histories = [...this.lives.values()].flat();
    const replays = Worker.runReplayHistories(
      options,
      histories.map(({ facts, history }) => ({ workflowId: grantWorkflowId(facts.grantId), history })),
    );
    for await (const { workflowId, error } of replays) {
      const replayed = histories.find(({ facts }) => grantWorkflowId(facts.grantId) === workflowId);
      if (replayed) replayed.facts.replayed = error ? { because: error.message } : 'clean';
    }
  }
}

/** Every payload, and every other text, wherever in it they are. */
export function partsOf(value: unknown): { payloads: Payload[]; words: string[] } {
  const payloads: Payload[] = [];
  const words: string[] = [];
  const look = (part: unknown): void => {
    if (typeof part === 'string') words.push(part);
    if (typeof part !== 'object' || part === null || part instanceof Uint8Array) return;
    if ('metadata' in part && 'data' in part) payloads.push(part as Payload);
    else for (const inner of Object.values(part)) look(inner);
  };
  look(value);
  return { payloads, words };
}

/** The rest is looked at and let go: ten thousand histories would not fit. */
function kept(type: string, name: string | undefined, says: unknown): unknown {
  if (type === 'WorkflowPropertiesModified') return { state: fieldsOf(says)['state'] };
  const isAnswer = type === 'ActivityTaskCompleted' || type === 'MarkerRecorded';
  return isAnswer && (name === 'assess' || name === 'judge') ? says : undefined;
}

/** Whatever kind of event it is: the members that are read here. */
interface Attributes {
  scheduledEventId?: unknown;
  startedEventId?: unknown;
  workflowTaskCompletedEventId?: unknown;
  activityType?: { name?: string };
  signalName?: string;
  markerName?: string;
  input?: { payloads?: Payload[] };
  result?: { payloads?: Payload[] };
  details?: { [name: string]: { payloads?: Payload[] } };
  upsertedMemo?: { fields?: { [name: string]: Payload } };
}

function numberOf(value: unknown): number | undefined {
  const number = value === null || value === undefined ? 0 : Number(value);
  return number > 0 ? number : undefined;
}
