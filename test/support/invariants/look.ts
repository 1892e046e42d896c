/** Small questions that several promises ask of a grant's facts. */
import { terminalStates } from '../../../workflows/domain/states.js';
import type { AuditRecord, GrantRecordType } from '../../../workflows/domain/record.js';
import type { Instant } from '../../../workflows/domain/time.js';
import type { Facts, GrantFacts, HistoryEvent } from './facts.js';

/** What a check says of one thing that is wrong. */
export interface Told {
  grantId?: string;
  because: string;
}

export type Check = (facts: Facts) => Told[];

/** The check of one grant, for all of them. */
export function ofEach(check: (grant: GrantFacts, facts: Facts) => (string | undefined | false)[]): Check {
  return (facts) =>
    facts.grants.flatMap((grant) =>
      check(grant, facts).flatMap((because) => (because ? [{ grantId: grant.grantId, because }] : [])),
    );
}

export function isOver({ view }: GrantFacts): boolean {
  return view !== undefined && (terminalStates as readonly string[]).includes(view.state);
}

export function first({ records }: GrantFacts, ...types: GrantRecordType[]): AuditRecord | undefined {
  return records.find(({ type }) => (types as string[]).includes(type));
}

export function all({ records }: GrantFacts, ...types: GrantRecordType[]): AuditRecord[] {
  return records.filter(({ type }) => (types as string[]).includes(type));
}

export function scheduled({ history }: GrantFacts, activity: string): HistoryEvent[] {
  return history.filter(({ type, name }) => type === 'ActivityTaskScheduled' && name === activity);
}

/** The workflow's own time when it scheduled this: that of the turn which did. */
export function turnOf({ history }: GrantFacts, event: HistoryEvent): Instant | undefined {
  const completed = history.find(({ id }) => id === event.of);
  const started = history.find(({ id }) => id === completed?.of);
  return started?.at;
}

/** When its removal was due: at its end, or when somebody ended it, by the instant that Temporal itself gave the signal. */
export function dueOf({ records, history }: GrantFacts): Instant | undefined {
  const ended = records.find(({ type }) => ['time-up', 'revoked', 'withdrawn'].includes(type));
  if (ended?.type === 'time-up') return numberOf(ended.detail['expireTime']);
  // The first: whoever was not answered sends the same again.
  const signalled = history.find(
    ({ type, name }) => type === 'WorkflowExecutionSignaled' && (name === 'revoke' || name === 'withdraw'),
  );
  return ended && Math.min(signalled?.at ?? Infinity, ended.at);
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

export function fieldsOf(value: unknown): { [field: string]: unknown } {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** For sentences. */
export function time(at: Instant | undefined): string {
  return at === undefined ? 'never' : new Date(at).toISOString();
}
