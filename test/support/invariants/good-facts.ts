/** Facts in which every promise holds: one grant that two people and time went through, and one that stands. For tests of the checks. */
import { readAudit } from '../../../api/audit/verify/audit-file.js';
import { verifyAudit } from '../../../api/audit/verify/verify.js';
import { following, noHead, headOf, type AuditRecord } from '../../../workflows/domain/record.js';
import type { GrantState } from '../../../workflows/domain/states.js';
import { auditWorld, installation } from '../audit-world.js';
import type { Facts, GrantFacts, HistoryEvent } from './facts.js';

const minute = 60_000;
export const ended = '00000000000000000000000001';
export const standing = '00000000000000000000000002';

export async function goodFacts(): Promise<Facts> {
  const { keys, chains } = await auditWorld();
  const over = explained(chains.get(`grant/${ended}`) ?? []);
  const active = explained((chains.get(`grant/${standing}`) ?? []).slice(0, 4));
  const account = active.find(({ type }) => type === 'activated')?.detail ?? {};
  const [startedAt, made] = [active[0]?.at ?? 0, active[3]?.at ?? 0];
  const endsAt = Number(account['expireTime']);
  const closedAt = over.at(-1)?.at ?? 0;
  const lines = [...over, ...active].map((record) => `${JSON.stringify(record)}\n`);
  return {
    at: endsAt - 1_000,
    installation,
    targets: [
      {
        target: 'orders-db',
        accounts: [
          {
            account: `daypass_${standing}`,
            grantId: standing,
            mayLogIn: false,
            validUntil: endsAt,
            memberOf: ['orders_reader'],
            label: { installation, grantId: standing, evidence: String(account['evidenceDigest']), endsAt },
          },
        ],
        ledger: [
          {
            account: `daypass_${ended}`,
            grantId: ended,
            madeAt: startedAt + minute + 5,
            overAt: closedAt - 8,
            removedAt: closedAt - 5,
          },
          { account: `daypass_${standing}`, grantId: standing, madeAt: made },
        ],
        sessions: [{ account: `daypass_${standing}`, grantId: standing, since: made }],
      },
    ],
    grants: [grant(ended, over, 'ENDED', 1), grant(standing, active, 'ACTIVE', 0)],
    people: ['engineer', 'manager', 'owner'].map((id) => ({ ref: `person:${id}`, human: id })),
    keys,
    audit: { lines, report: await verifyAudit(await readAudit(lines), { keys }) },
    redis: [{ key: '{daypass:records}', type: 'stream' }],
    traces: [],
    accepted: {
      grants: [
        { grantId: ended, by: 'person:engineer', idempotencyKey: 'one' },
        { grantId: standing, by: 'person:engineer', idempotencyKey: 'two' },
      ],
      decisions: [{ grantId: ended, decisionId: 'd-1', action: 'approve', by: 'person:manager', status: 200 }],
      removalStartsWithinMs: 2_000,
      removalReachesWithinMs: 2_000,
    },
  };
}

/** The same records with other details, chained anew. */
export function rechained(
  records: readonly AuditRecord[],
  change: (record: AuditRecord) => AuditRecord | AuditRecord[],
): AuditRecord[] {
  const entries = records.flatMap(change);
  return entries.reduce<AuditRecord[]>((chain, { chain: name, at, type, by, detail }) => {
    return [...chain, following(headOf(chain, noHead), { chain: name, at, type, by, detail })];
  }, []);
}

function explained(records: readonly AuditRecord[]): AuditRecord[] {
  const more = { band: 'low', factors: [], missing: [], ceiling: 'silent', policyVersion: 'p1' };
  return rechained(records, (record) =>
    record.type === 'assessed' ? { ...record, detail: { ...record.detail, ...more } } : record,
  );
}

function grant(grantId: string, records: AuditRecord[], state: GrantState, needed: number): GrantFacts {
  const end = records.findLast(({ type }) => type === 'activated' || type === 'extended')?.detail['expireTime'];
  return {
    grantId,
    runs: [{ runId: `run of ${grantId}`, isOpen: state === 'ACTIVE', isTerminated: false }],
    view: {
      grantId,
      changes: 1,
      changedAt: records.at(-1)?.at ?? 0,
      state,
      conditions: [],
      requester: 'person:engineer',
      subject: 'person:engineer',
      requesterName: 'Engineer',
      subjectName: 'Engineer',
      entitlement: 'orders-db/read',
      target: 'orders-db',
      requestedDurationMs: 60 * minute,
      requestTime: records[0]?.at ?? 0,
      expireTime: Number(end),
      policyVersion: 'p1',
      credential: 'none',
      asked: [],
      outcomes: [],
      head: headOf(records),
    },
    records,
    history: historyOf(records, needed),
    replayed: 'clean',
  };
}

/** As Temporal would have it: assessed, judged as often as needed, ordered in the turn in which the record says so, ended. */
function historyOf(records: readonly AuditRecord[], needed: number): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  const add = (type: string, at: number, more: Partial<HistoryEvent> = {}): number => {
    events.push({ id: events.length + 1, type, at, ...more });
    return events.length;
  };
  const turn = (at: number): number => add('WorkflowTaskCompleted', at + 1, { of: add('WorkflowTaskStarted', at) });
  const timeOf = (type: AuditRecord['type']): number => records.find((record) => record.type === type)?.at ?? 0;
  add('WorkflowExecutionStarted', timeOf('requested'));
  const assess = add('ActivityTaskScheduled', timeOf('requested'), { name: 'assess', of: turn(timeOf('requested')) });
  const rule = { automatic: needed === 0, flow: { steps: needed === 0 ? [] : [{ needed }] } };
  add('ActivityTaskCompleted', timeOf('assessed'), { name: 'assess', of: assess, says: { verdict: 'pass', rule } });
  for (let vote = 0; vote < needed; vote += 1) {
    const judge = add('ActivityTaskScheduled', timeOf('approved'), { name: 'judge', of: turn(timeOf('assessed')) });
    add('ActivityTaskCompleted', timeOf('approved'), {
      name: 'judge',
      of: judge,
      says: { ok: true, by: `person:${vote}` },
    });
  }
  const ordering = turn(timeOf('activation-started'));
  add('ActivityTaskScheduled', timeOf('activation-started'), { name: 'provision', of: ordering });
  add('WorkflowPropertiesModified', timeOf('activation-started'), { of: ordering, says: { state: 'ACTIVATING' } });
  if (!records.some(({ type }) => type === 'removal-started')) return events;
  add('ActivityTaskScheduled', timeOf('removal-started'), { name: 'remove', of: turn(timeOf('removal-started')) });
  turn(timeOf('closed'));
  add('WorkflowExecutionCompleted', timeOf('closed'));
  return events;
}
