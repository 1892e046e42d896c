/** What will happen in a run, drawn from its seed alone: which grants are asked for when, how each goes, and which faults come when. */
import type { Ms } from '../../../workflows/domain/time.js';
import type { Fault } from './fault.js';
import { randomFrom, type Random } from './random.js';

/** How people use a grant, and so how it should end. */
export const shapes = {
  /** Passes by itself, and its time ends it. */
  timed: 'ENDED',
  /** The same, with somebody logged in to the last moment. */
  used: 'ENDED',
  /** Two people approve it. */
  approved: 'ENDED',
  /** More time is asked for, and passes by itself. */
  extended: 'ENDED',
  /** Starts a little later than it was asked for. */
  scheduled: 'ENDED',
  /** Nobody is waited for; it is looked back at. */
  emergency: 'ENDED',
  'given-back': 'WITHDRAWN',
  revoked: 'REVOKED',
  /** While two people are asked. */
  denied: 'DENIED',
  'taken-back': 'WITHDRAWN',
  'revoked-early': 'REVOKED',
  /** An operator ends its workflow by force: nobody of ours removes, but reconcile and the sweep. */
  terminated: 'ACTIVE',
} as const;

export type Shape = keyof typeof shapes;

/** Of a hundred grants. */
const weights: { [S in Shape]: number } = {
  timed: 24,
  used: 12,
  approved: 14,
  extended: 5,
  scheduled: 5,
  emergency: 4,
  'given-back': 10,
  revoked: 12,
  denied: 4,
  'taken-back': 4,
  'revoked-early': 4,
  terminated: 2,
};

export interface PlannedGrant {
  number: number;
  atMs: Ms;
  shape: Shape;
  /** How long it is asked for. */
  seconds: number;
  /** Of somebody who ends it before its time. */
  afterMs: Ms;
}

export interface PlannedFault {
  fault: Fault;
  /** Not before; a fault waits for the one before it. */
  atMs: Ms;
  /** How long what is down stays down, or what is slow stays slow. */
  forMs: Ms;
}

export interface Schedule {
  seed: number;
  grants: PlannedGrant[];
  faults: PlannedFault[];
}

/** One fault in so long, on average: a process has to start again within it. */
const faultEveryMs = 10_000;
/** After so many, nothing goes wrong for a while: what is quick again then must be seen to be. */
const faultsInARow = 5;
export const quietTimeMs = 25_000;

/** Before this one comes such a while. */
export function isAfterARow(index: number): boolean {
  return index > 0 && index % faultsInARow === 0;
}

export function scheduleOf(seed: number, grants: number, faults: readonly Fault[]): Schedule {
  const random = randomFrom(seed);
  const after = (count: number): Ms => count * faultEveryMs + Math.floor(count / faultsInARow) * quietTimeMs;
  const plannedFaults = faults.map((fault, index) => ({
    fault,
    atMs: 3_000 + after(index) + random.between(0, 2_000),
    forMs: random.between(fault.leastMs, fault.mostMs),
  }));
  const endMs = after(faults.length);
  const all = Object.entries(weights).flatMap(([shape, weight]) => Array<Shape>(weight).fill(shape as Shape));
  const plannedGrants = Array.from({ length: grants }, (_, index) => ({
    number: index + 1,
    atMs: Math.round((endMs * index) / grants),
    shape: random.pick(all),
    seconds: random.between(5, 25),
    afterMs: random.between(0, 5_000),
  }));
  return { seed, grants: plannedGrants, faults: plannedFaults };
}

/** Every fault that must be there, and as many others as there is room for, in an order of its own. */
export function drawn(seed: number, from: readonly Fault[], count: number): Fault[] {
  const random: Random = randomFrom(seed + 1);
  const mixed = random.shuffled(from);
  const chosen = [...mixed.filter(({ always }) => always), ...mixed.filter(({ always }) => !always)].slice(0, count);
  return random.shuffled(chosen);
}

export function scheduleText({ seed, grants, faults }: Schedule): string {
  const time = (ms: Ms): string => `${(ms / 1_000).toFixed(1)} s`;
  return [
    `Seed ${seed}: ${grants.length} grants, ${faults.length} faults.`,
    '',
    '| at | fault | for |',
    '| ---: | --- | ---: |',
    ...faults.map(({ atMs, fault, forMs }) => `| ${time(atMs)} | ${fault.name} | ${time(forMs)} |`),
    '',
    '| shape | grants | asked for at |',
    '| --- | ---: | --- |',
    ...(Object.keys(shapes) as Shape[]).map((shape) => {
      const mine = grants.filter((grant) => grant.shape === shape);
      return `| ${shape} | ${mine.length} | ${mine.map(({ atMs, seconds }) => `${time(atMs)} (${seconds} s)`).join(', ')} |`;
    }),
  ].join('\n');
}
