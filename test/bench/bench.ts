/** What every section measures on: the whole system as real processes on free ports, with its data on disk, and a crowd to use it. */
import { swap } from '../support/policy.js';
import { startSystem, steady, type System } from '../support/system.js';

export interface Bench {
  /** Started for this section alone. `as(account)` is the API as a person sees it. */
  system: System;
  /** One who approves, and one who may end anything. */
  manager: string;
  security: string;
  /** Those who ask. Each may ask so often in a minute, so there are many. */
  engineers: string[];
  securityPeople: string[];
  /** Every random choice derives from it. */
  seed: number;
  /** What was written behind the section's name: `scale 10000`. */
  counts: number[];
  /** Each promise that was found broken, for the end of the run. */
  broken: string[];
  /** What is going on, for whoever waits. */
  tell: (line: string) => void;
}

const engineers = named('engineer', 40);
const securityPeople = named('security', 6);

/** Reading passes by itself, writing takes the manager alone, administering an owner too; nobody asks too often or for too long. */
const policy = {
  ...steady,
  directory: swap('people:\n', `people:\n${[...engineers, ...securityPeople].map(person).join('')}`),
  entitlements: flows,
};

function flows(text: string): string {
  const writing = swap(
    'flow: { low: manager-then-owners, elevated: manager-then-owners, high: manager-then-two-owners }',
    'flow: { low: manager, elevated: manager, high: manager }',
  );
  // Two approvals, and no passkey, which only a browser has.
  const name = 'two-of-owners-and-security';
  const administering = swap(
    `flow: { low: ${name}, elevated: ${name}, high: ${name} }`,
    'flow: { low: manager-then-owners, elevated: manager-then-owners, high: manager-then-owners }',
  );
  return administering(writing(text));
}

function ceiling(text: string): string {
  const often = swap('automatic: { longest: PT1H, perHour: 20 }', 'automatic: { longest: PT8H, perHour: 100000 }');
  return swap('approvals: { least: 2,', 'approvals: { least: 1,')(often(text));
}

export async function startBench(given: Pick<Bench, 'seed' | 'counts' | 'broken' | 'tell'>): Promise<Bench> {
  // The target's server keeps what it committed, as one in production does.
  const system = await startSystem({ policy, ceiling, postgresSettings: [] });
  return { ...given, system, manager: 'manager', security: 'security', engineers, securityPeople };
}

function named(group: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${group}-${101 + index}`);
}

function person(id: string): string {
  const group = id.startsWith('security') ? 'security' : 'engineers';
  return `  - { id: ${id}, name: ${id}, email: ${id}@example.org, manager: manager, groups: [${group}], timeZone: Europe/Berlin }\n`;
}
