/**
 * Compares an audit with Temporal's own histories, for as long as those are kept: what a grant's history comes to must be what the
 * audit says, its memo must name the same head, and every decision that was sent to it must be told.
 */
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import type { AuditRecord, Head } from '../../../workflows/domain/record.js';
import type { Instant, Ms } from '../../../workflows/domain/time.js';
import { grantIdOf } from '../../../workflows/ids.js';
import { is } from '../../filter.js';
import type { Chains, Run } from '../chains.js';
import type { AuditFile } from './audit-file.js';
import { capital } from './chain.js';
import { named, type Finding } from './finding.js';

export interface TemporalCompared {
  findings: Finding[];
  /** Chains that Temporal still holds, and those that it does not any more. */
  compared: number;
  gone: number;
  decisions: number;
  /** Signals without a readable decision id: each is a refusal in the record, under an id of the grant's own. */
  unreadable: number;
}

export interface TemporalSource {
  client: Client;
  chains: Chains;
  codec: PayloadCodec;
}

interface Memo {
  view?: { head?: Head };
}

const decisionSignals = new Set(['approve', 'deny', 'withdraw', 'revoke', 'extend', 'renew', 'review']);
const runsMost = 100;
/** By so much the clocks of Temporal and of the API may differ. */
const clocksMs: Ms = 60_000;

export async function compareWithTemporal(file: AuditFile, source: TemporalSource): Promise<TemporalCompared> {
  const result: TemporalCompared = { findings: [], compared: 0, gone: 0, decisions: 0, unreadable: 0 };
  const madeAt = file.header?.says.at;
  for (const [chain, placed] of file.chains) {
    const records = placed.map(({ record }) => record);
    const { runs } = await source.chains.runs(is('WorkflowId', chain), { limit: runsMost });
    const memo = await memoOf(chain, source);
    // A list may name for a while what is kept no more.
    if (runs.length === 0 || memo === undefined) {
      result.gone += 1;
      continue;
    }
    result.compared += 1;
    const read = await Promise.all(runs.map(source.chains.records));
    const kept = read.flatMap((some) => some ?? []);
    const silent = read.includes(undefined) ? silence(chain) : undefined;
    const other = difference(chain, records, kept, madeAt) ?? headDifference(chain, records, memo);
    result.findings.push(...[other, silent].filter((finding) => finding !== undefined));
    if (grantIdOf(chain) !== undefined) await compareDecisions(records, kept, runs, source, result);
  }
  return result;
}

/** Nothing was compared with such a run, so nothing about it holds. */
function silence(chain: string): Finding {
  return { code: 'differs', chain, says: `A run of ${chain} in Temporal cannot tell its records.` };
}

/**
 * The first record that Temporal's state tells otherwise, or not at all. What is newer than the audit is no difference; of an export
 * it is known when that was, so a cut end is one. After a reset two runs may tell one place differently: then both are compared.
 */
function difference(
  chain: string,
  records: readonly AuditRecord[],
  kept: readonly AuditRecord[],
  madeAt: Instant | undefined,
): Finding | undefined {
  const known = hashes(records);
  const told = hashes(kept);
  const last = Math.max(...known.keys());
  const oldest = Math.min(...told.keys());
  const isMeant = ({ sequence, at }: AuditRecord): boolean =>
    sequence <= last || (madeAt !== undefined && at < madeAt - clocksMs);
  // The beginning of a long chain may be in no run that is kept any more, or before the range of the export.
  const first = grantIdOf(chain) === undefined ? Math.min(...known.keys()) : 1;
  const missing = kept.filter((it) => it.sequence >= first && isMeant(it) && !known.get(it.sequence)?.has(it.hash));
  const untold = records.filter(({ sequence, hash }) => {
    if (sequence < oldest && grantIdOf(chain) === undefined) return false;
    return !told.get(sequence)?.has(hash);
  });
  const sequence = Math.min(...[...missing, ...untold].map((it) => it.sequence));
  if (sequence === Infinity) return undefined;
  const why = told.has(sequence) ? 'is another one in Temporal' : 'is not told by Temporal';
  const says = known.has(sequence) ? why : 'is told by Temporal, and is not here';
  return { code: 'differs', chain, sequence, says: `${capital(named(chain, sequence))} ${says}.` };
}

function hashes(records: readonly AuditRecord[]): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>();
  for (const { sequence, hash } of records) found.set(sequence, (found.get(sequence) ?? new Set()).add(hash));
  return found;
}

/** Undefined for what Temporal does not keep. */
async function memoOf(chain: string, { client }: TemporalSource): Promise<Memo | undefined> {
  try {
    const { memo } = await client.workflow.getHandle(chain).describe();
    return (memo as Memo | undefined) ?? {};
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowNotFoundError') return undefined;
    throw error;
  }
}

function headDifference(chain: string, records: readonly AuditRecord[], { view }: Memo): Finding | undefined {
  const head = view?.head;
  const last = records.at(-1);
  if (!head || !last) return undefined;
  const same = records.find(({ sequence }) => sequence === head.sequence);
  if (head.sequence > last.sequence || same?.hash === head.hash) return undefined;
  const says = `${capital(named(chain, head.sequence))} is not the head that the memo in Temporal names.`;
  return { code: 'differs', chain, sequence: head.sequence, says };
}

/** What was sent before the last record is told by a record, here or in Temporal since; a decision takes its time to be judged. */
async function compareDecisions(
  records: readonly AuditRecord[],
  kept: readonly AuditRecord[],
  runs: readonly Run[],
  source: TemporalSource,
  result: TemporalCompared,
): Promise<void> {
  const last = records.at(-1);
  const since = kept.filter(({ sequence }) => sequence > (last?.sequence ?? 0));
  const told = new Set([...records, ...since].map(({ detail }) => detail['decisionId']));
  // A reset starts from a copy of what was before it, and can leave out what came after: so each run is read, and each decision counted once.
  const sent = new Map<string, Sent>();
  for (const run of runs) for (const it of await decisionsIn(run, source)) sent.set(it.decisionId ?? it.place, it);
  for (const { chain, name, decisionId, at } of sent.values()) {
    if (at > (last?.at ?? 0)) continue;
    if (decisionId === undefined) result.unreadable += 1;
    else result.decisions += 1;
    if (decisionId === undefined || told.has(decisionId)) continue;
    const says = `The history of ${chain} has ${name} ${decisionId}, of which no record tells.`;
    result.findings.push({ code: 'differs', chain, says });
  }
}

interface Sent {
  chain: string;
  name: string;
  decisionId?: string;
  at: Instant;
  /** In the history; the same in the copy that a reset makes. */
  place: string;
}

async function decisionsIn({ chain, runId }: Run, { client, codec }: TemporalSource): Promise<Sent[]> {
  const sent: Sent[] = [];
  const { namespace } = client.options;
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId: chain, runId },
      nextPageToken,
    });
    for (const { eventId, eventTime, workflowExecutionSignaledEventAttributes: signal } of page.history?.events ?? []) {
      if (!signal?.signalName || !decisionSignals.has(signal.signalName)) continue;
      const [payload] = signal.input?.payloads ?? [];
      const at = optionalTsToMs(eventTime) ?? 0;
      const decisionId = await decisionIdOf(payload, chain, namespace, codec);
      sent.push({ chain, name: signal.signalName, at, decisionId, place: `${String(eventId)} ${at}` });
    }
    nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
  } while (nextPageToken);
  return sent;
}

async function decisionIdOf(
  payload: Payload | null | undefined,
  workflowId: string,
  namespace: string,
  codec: PayloadCodec,
): Promise<string | undefined> {
  if (!payload) return undefined;
  try {
    const [opened] = await codec.decode([payload], { type: 'workflow', namespace, workflowId });
    const message = opened && (defaultPayloadConverter.fromPayload(opened) as { decisionId?: unknown } | null);
    const decisionId = message?.decisionId;
    return typeof decisionId === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(decisionId)
      ? decisionId
      : undefined;
  } catch {
    // Anybody may send anything; what cannot be opened is counted.
    return undefined;
  }
}
