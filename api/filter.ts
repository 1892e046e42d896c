/** Questions to Temporal visibility, built from parts that cannot carry a question of their own. */
import type { GrantState } from '../workflows/domain/states.js';
import type { Ref, Selector } from '../workflows/domain/actor.js';

type Attribute = 'GrantState' | 'Requester' | 'Subject' | 'Entitlement' | 'Target' | 'Approvers';

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

/** What waits for someone's decision: they or one of their groups are asked, in a state that has an open decision. */
export function waitsFor(selectors: readonly Selector[], states: readonly GrantState[]): Filter {
  return all(grantsOnly, isOneOf('Approvers', selectors), isOneOf('GrantState', states));
}

/** What someone may list without a role in the installation: what they asked for, have, or are asked about. */
export function concerns(ref: Ref, selectors: readonly Selector[]): Filter {
  return any(is('Requester', ref), is('Subject', ref), isOneOf('Approvers', selectors));
}
