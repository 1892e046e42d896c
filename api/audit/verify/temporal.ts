/**
 * Compares an audit with Temporal's own histories, for as long as those are kept: what a grant's history comes to must be what the
 * audit says, its memo must name the same head, and every decision that was sent to it must be told.
 */
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import type { AuditRecord, Head } from '../../../workflows/domain/record.js';
import type { Instant } from '../../../workflows/domain/time.js';
import { grantIdOf } from '../../../workflows/ids.js';
import { is } from '../../filter.js';
import type { Chains } from '../chains.js';
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

const decisionSignals = new Set(['approve', 'deny', 'withdraw', 'revoke', 'extend', 'renew', 'review']);
const runsMost = 100;

export async function compareWithTemporal(file: AuditFile, source: TemporalSource): Promise<TemporalCompared> {
  const result: TemporalCompared = { findings: [], compared: 0, gone: 0, decisions: 0, unreadable: 0 };
  for (const [chain, placed] of file.chains) {
    const records = placed.map(({ record }) => record);
    const { runs } = await source.chains.runs(is('WorkflowId', chain), { limit: runsMost });
    if (runs.length === 0) {
      result.gone += 1;
      continue;
    }
    result.compared += 1;
    const kept = (await Promise.all(runs.map(source.chains.records))).flatMap((some) => some ?? []);
    const finding = difference(chain, records, kept) ?? (await headDifference(chain, records, source));
    if (finding) result.findings.push(finding);
    if (!finding && grantIdOf(chain) !== undefined) await compareDecisions(chain, records, source, result);
  }
  return result;
}

/** The first record that Temporal's state tells otherwise, or not at all. What is newer than the audit is no difference. */
function difference(chain: string, records: readonly AuditRecord[], kept: readonly AuditRecord[]): Finding | undefined {
  const told = new Map(kept.map(({ sequence, hash }) => [sequence, hash]));
  const known = new Map(records.map(({ sequence, hash }) => [sequence, hash]));
  const [first, last] = [Math.min(...known.keys()), Math.max(...known.keys())];
  const oldest = Math.min(...told.keys());
  for (let sequence = first; sequence <= last; sequence += 1) {
    // The runs that told the beginning of a long chain may be gone.
    if (sequence < oldest && grantIdOf(chain) === undefined) continue;
    if (told.get(sequence) === known.get(sequence)) continue;
    const why = told.has(sequence) ? 'is another one in Temporal' : 'is not told by Temporal';
    const says = known.has(sequence) ? why : 'is told by Temporal, and is not here';
    return { code: 'differs', chain, sequence, says: `${capital(named(chain, sequence))} ${says}.` };
  }
  return undefined;
}

async function headDifference(
  chain: string,
  records: readonly AuditRecord[],
  { client }: TemporalSource,
): Promise<Finding | undefined> {
  const { memo } = await client.workflow.getHandle(chain).describe();
  const head = (memo as { view?: { head?: Head } } | undefined)?.view?.head;
  const last = records.at(-1);
  if (!head || !last) return undefined;
  const same = records.find(({ sequence }) => sequence === head.sequence);
  if (head.sequence > last.sequence || same?.hash === head.hash) return undefined;
  const says = `${capital(named(chain, head.sequence))} is not the head that the memo in Temporal names.`;
  return { code: 'differs', chain, sequence: head.sequence, says };
}

async function compareDecisions(
  chain: string,
  records: readonly AuditRecord[],
  source: TemporalSource,
  result: TemporalCompared,
): Promise<void> {
  const told = new Set(records.map(({ detail }) => detail['decisionId']));
  const until = records.at(-1)?.at ?? 0;
  for (const { name, decisionId, at } of await decisionsIn(chain, source)) {
    if (at > until) continue;
    if (decisionId === undefined) result.unreadable += 1;
    else result.decisions += 1;
    if (decisionId === undefined || told.has(decisionId)) continue;
    const says = `${capital(chain)} was sent ${name} ${decisionId}, of which no record tells.`;
    result.findings.push({ code: 'differs', chain, says });
  }
}

interface Sent {
  name: string;
  decisionId?: string;
  at: Instant;
}

async function decisionsIn(chain: string, { client, codec }: TemporalSource): Promise<Sent[]> {
  const sent: Sent[] = [];
  const { namespace } = client.options;
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId: chain },
      nextPageToken,
    });
    for (const { eventTime, workflowExecutionSignaledEventAttributes: signal } of page.history?.events ?? []) {
      if (!signal?.signalName || !decisionSignals.has(signal.signalName)) continue;
      const [payload] = signal.input?.payloads ?? [];
      const at = Number(eventTime?.seconds ?? 0) * 1_000;
      sent.push({ name: signal.signalName, at, decisionId: await decisionIdOf(payload, chain, namespace, codec) });
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
    return typeof decisionId === 'string' && /^[0-9a-f-]{36}$/.test(decisionId) ? decisionId : undefined;
  } catch {
    // Anybody may send anything; what cannot be opened is counted.
    return undefined;
  }
}
