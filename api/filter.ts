/** Questions to Temporal visibility, built from parts that cannot carry a question of their own. */
import type { Ref, Selector } from '../workflows/domain/actor.js';
import type { Instant } from '../workflows/domain/time.js';

type Attribute = 'GrantState' | 'Requester' | 'Subject' | 'Entitlement' | 'Target' | 'Approvers' | 'WorkflowId';

/** A condition in Temporal's list syntax. */
export type Filter = string & { readonly filter: unique symbol };

// Every id that Daypass files under has this alphabet: no quote, no backslash, no blank. Anything else is not looked for.
const literal = /^[A-Za-z0-9][A-Za-z0-9:._/@-]{0,99}$/;

function quoted(value: string): string {
  if (!literal.test(value)) throw new Error('A value with unusual characters cannot be part of a list filter.');
  return `'${value}'`;
}

export function is(attribute: Attribute, value: string): Filter {
  return `${attribute} = ${quoted(value)}` as Filter;
}

export function isOneOf(attribute: Attribute, values: readonly string[]): Filter {
  return `${attribute} IN (${values.map(quoted).join(', ')})` as Filter;
}

export function all(...filters: (Filter | undefined)[]): Filter {
  return filters.filter((filter) => filter !== undefined).join(' AND ') as Filter;
}

export function any(...filters: Filter[]): Filter {
  return `(${filters.join(' OR ')})` as Filter;
}

export const grantsOnly = `WorkflowType = 'grant'` as Filter;

/** What waits for someone's decision or review: they or one of their groups are asked just now. */
export function waitsFor(selectors: readonly Selector[]): Filter {
  return all(grantsOnly, isOneOf('Approvers', selectors));
}

/** What someone may list without a role in the installation: what they asked for, have, or are asked about. */
export function concerns(ref: Ref, selectors: readonly Selector[]): Filter {
  return any(is('Requester', ref), is('Subject', ref), isOneOf('Approvers', selectors));
}

/** Every run that keeps audit records, or kept them before it handed its chain on. */
export const chainsOnly = `WorkflowType IN ('grant', 'person', 'journal')` as Filter;

/** What changed at or after `from`, and was there by `to`. */
export function changedWithin(from: Instant, to: Instant): Filter {
  return `ChangedAt >= '${rfc3339(from)}' AND StartTime <= '${rfc3339(to)}'` as Filter;
}

/** What still runs, or ended at or after `from`. */
export function aliveFrom(from: Instant): Filter {
  return `(ExecutionStatus = 'Running' OR CloseTime >= '${rfc3339(from)}')` as Filter;
}

function rfc3339(at: Instant): string {
  return new Date(at).toISOString();
}
