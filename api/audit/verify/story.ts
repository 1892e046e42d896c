/**
 * The story that a grant's record tells: every line may be whole and signed, and still tell what cannot happen where the rules are
 * kept. Promises of the design, asked of the record: access only after its approvals, nobody approves for themselves, and what was
 * made is removed.
 */
import type { AuditRecord, GrantRecordType } from '../../../workflows/domain/record.js';
import { requestOf } from './evidence.js';
import { textOf } from './read.js';

export interface Fault {
  record: AuditRecord;
  why: string;
}

/** What may still come when a grant is over. */
const afterwards: GrantRecordType[] = [
  'decision-refused',
  'reviewed',
  'review-reminded',
  'tombstone-planted',
  'removal-failed', // of the tombstone
];

const rules: ((records: readonly AuditRecord[]) => Fault | undefined)[] = [
  beginsWithItsRequest,
  approvedByOthers,
  startsWhenAgreed,
  activatesOnce,
  extendsWhenAgreed,
  closesWhenRemoved,
  endsWithItsClose,
];

/** The first line of a grant's record that cannot have come there. */
export function checkStory(records: readonly AuditRecord[]): Fault | undefined {
  const faults = rules.map((rule) => rule(records)).filter((fault) => fault !== undefined);
  return faults.toSorted((a, b) => a.record.sequence - b.record.sequence)[0];
}

function beginsWithItsRequest([first, ...rest]: readonly AuditRecord[]): Fault | undefined {
  if (first && first.type !== 'requested') return { record: first, why: 'is the first, and is no request' };
  const again = rest.find(({ type }) => type === 'requested');
  return again && { record: again, why: 'is a second request in one grant' };
}

/** Promise 6, as far as the record alone can show it. */
function approvedByOthers(records: readonly AuditRecord[]): Fault | undefined {
  const request = records[0] && requestOf(records[0])?.request;
  const record = records.find(
    ({ type, by }) => type === 'approved' && (by === request?.requester || by === request?.subject),
  );
  return record && { record, why: `is an approval by ${record.by}, for whom the access is or who asked for it` };
}

/** Promise 1: nothing stands before the last approval that was needed. */
function startsWhenAgreed(records: readonly AuditRecord[]): Fault | undefined {
  const index = records.findIndex(({ type }) => ['scheduled', 'activation-started', 'activated'].includes(type));
  const record = records[index];
  if (!record) return undefined;
  const before = records.slice(0, index);
  const assessed = before.find(({ type }) => type === 'assessed');
  if (assessed?.detail['verdict'] !== 'pass') return { record, why: 'comes without an assessment that let it pass' };
  if (assessed.detail['automatic'] === true || before[0]?.detail['emergency'] === true) return undefined;
  const why = lackOfApprovals(before, 'request');
  return why === undefined ? undefined : { record, why };
}

function activatesOnce(records: readonly AuditRecord[]): Fault | undefined {
  const [first, second] = records.filter(({ type }) => type === 'activated');
  if (second) return { record: second, why: 'activates what was activated before' };
  if (!first) return undefined;
  const before = records.slice(0, first.sequence - 1);
  if (!before.some(({ type }) => type === 'activation-started')) {
    return { record: first, why: 'activates what nobody had started' };
  }
  const over = before.find(({ type }) => type === 'removal-started' || type === 'removed');
  return over && { record: first, why: `activates what was being removed since record ${over.sequence}` };
}

/** More time needs the approvals of that extension, where people were asked for them. */
function extendsWhenAgreed(records: readonly AuditRecord[]): Fault | undefined {
  for (const record of records.filter(({ type }) => type === 'extended')) {
    const before = records.slice(0, record.sequence - 1);
    const { decisionId } = record.detail;
    const asked = before.find(({ type, detail }) => type === 'extension-asked' && detail['decisionId'] === decisionId);
    if (!asked) return { record, why: 'extends what nobody asked to extend' };
    if (asked.detail['totalMs'] !== record.detail['totalMs'])
      return { record, why: 'extends to another length than asked' };
    const wasOpened = before.some(({ type, detail }) => type === 'step-opened' && detail['about'] === decisionId);
    const why = wasOpened ? lackOfApprovals(before, textOf(decisionId)) : undefined;
    if (why !== undefined) return { record, why };
  }
  return undefined;
}

/** Each step that was opened has as many approvals, by different people, as it says that it needs. */
function lackOfApprovals(before: readonly AuditRecord[], about: string): string | undefined {
  const those = before.filter(({ detail }) => detail['about'] === about);
  const opened = those.filter(({ type }) => type === 'step-opened');
  if (opened.length === 0) return 'comes although nobody was asked, and it was neither automatic nor an emergency';
  for (const { detail } of opened) {
    const ofStep = those.filter((it) => it.detail['step'] === detail['step']);
    const approvers = new Set(ofStep.filter(({ type }) => type === 'approved').map(({ by }) => by));
    const needed = typeof detail['needed'] === 'number' ? detail['needed'] : Infinity;
    if (approvers.size < needed)
      return `comes with ${approvers.size} of ${needed} approvals of step ${textOf(detail['name'])}`;
    if (!ofStep.some(({ type }) => type === 'step-completed')) {
      return `comes before step ${textOf(detail['name'])} was complete`;
    }
  }
  return undefined;
}

/** Promise 4: what may stand is removed before anyone calls it over. */
function closesWhenRemoved(records: readonly AuditRecord[]): Fault | undefined {
  const index = records.findIndex(({ type }) => type === 'closed');
  const record = records[index];
  if (!record) return undefined;
  const before = records.slice(0, index);
  const mayStand = before.some(({ type }) => type === 'activation-started' || type === 'activated');
  if (!mayStand || before.some(({ type }) => type === 'removed')) return undefined;
  return { record, why: 'closes what may still stand: nothing says that it was removed' };
}

function endsWithItsClose(records: readonly AuditRecord[]): Fault | undefined {
  const closed = records.findIndex(({ type }) => type === 'closed');
  if (closed < 0) return undefined;
  const record = records.slice(closed + 1).find(({ type }) => !(afterwards as string[]).includes(type));
  return record && { record, why: `comes after the grant was closed (${record.type})` };
}
