/** One run: grants are asked for and used while the faults of a seed strike one after the other; at its end, every promise is checked. */
import { setTimeout as pause } from 'node:timers/promises';
import { isTerminal } from '../../../workflows/domain/states.js';
import type { Instant, Ms } from '../../../workflows/domain/time.js';
import { brokenPromises, factsOf, type Facts } from '../../support/invariants.js';
import { until } from '../../support/until.js';
import { nothingLost, nothingStands } from './checks.js';
import type { Ledger } from './ledger.js';
import { kills } from './kills.js';
import { latenessOf, quietMs, tooEarly, tooLate, type Disturbance, type Lateness } from './lateness.js';
import { People } from './people.js';
import {
  drawn,
  isAfterARow,
  quietTimeMs,
  scheduleOf,
  scheduleText,
  shapes,
  type PlannedFault,
  type Schedule,
} from './schedule.js';
import { troubles } from './troubles.js';
import { Stalls } from './stalls.js';
import { World } from './world.js';

export const catalogue = [...kills, ...troubles];

/** What an operator ended by force is found by reconcile, which comes every minute. */
const restWithinMs = 150_000;
/** Of all grants, although faults make some fail and some end early. */
const leastAsMeant = 0.6;

export interface Struck extends Disturbance {
  kind: string;
  sparesRemovals: boolean;
  /** Nothing stood that should not, and nothing was lost, in so long after it. */
  settledMs: Ms;
  notes: string[];
}

export interface Outcome {
  schedule: Schedule;
  startedAt: Instant;
  endedAt: Instant;
  struck: Struck[];
  facts: Facts;
  people: People;
  lateness: Lateness[];
  broken: string[];
  /** The longest time in which this machine ran nobody. */
  longestStallMs: Ms;
  /** Accounts that stood where none should, at the end. */
  strays: string[];
  lost: string[];
}

export function plan(seed: number, grants: number, faults: number, only = ''): Schedule {
  const from = catalogue.filter(({ name }) => name.includes(only));
  return scheduleOf(seed, grants, drawn(seed, from, faults));
}

/** Prints the schedule first, and what strikes as it does. `startsWithinMs`: how late a removal may begin while nothing is wrong. */
export async function chaos(
  schedule: Schedule,
  tell: (line: string) => void,
  startsWithinMs: Ms = quietMs,
): Promise<Outcome> {
  tell(scheduleText(schedule));
  const world = await World.start();
  const people = new People(world);
  const { ledger } = people;
  const broken: string[] = [];
  const lost: string[] = [];
  const stalls = new Stalls();
  try {
    const startedAt = Date.now();
    const asking = asksAll(schedule, people, startedAt);
    const struck: Struck[] = [];
    for (const [index, planned] of schedule.faults.entries()) {
      if (isAfterARow(index)) await pause(quietTimeMs);
      await pause(Math.max(0, startedAt + planned.atMs - Date.now()));
      const told = await strikes(planned, world, people);
      struck.push(told.struck);
      broken.push(...told.broken);
      lost.push(...told.lost);
      tell(line(told.struck, startedAt));
    }
    await asking;
    await people.done();
    tell('All have what they came for.');
    const unrest = await comesToRest(world, people);
    if (unrest !== undefined) broken.push(unrest);
    const facts = await factsOf(world.system, ledger.accepted);
    const disturbances = struck.filter(({ sparesRemovals }) => !sparesRemovals);
    const lateness = latenessOf(facts, disturbances);
    const strays = await nothingStands(world, ledger);
    broken.push(
      ...strays,
      ...lost,
      ...ledger.troubles,
      ...world.processes.flatMap(({ crashes }) => crashes),
      ...endsUnlikePlanned(facts, ledger),
      ...neverQuiet(lateness, schedule),
      ...tooEarly(lateness),
      ...tooLate(lateness, disturbances, stalls, startsWithinMs),
      ...brokenPromises(facts).map(
        ({ promise, grantId, because }) => `promise ${promise}, ${grantId ?? 'all'}: ${because}`,
      ),
      ...forgotten(facts),
    );
    const longestStallMs = stalls.longest;
    return {
      schedule,
      startedAt,
      endedAt: Date.now(),
      struck,
      facts,
      people,
      lateness,
      longestStallMs,
      broken,
      strays,
      lost,
    };
  } finally {
    stalls.stop();
    await world.close();
  }
}

async function asksAll({ grants }: Schedule, people: People, startedAt: Instant): Promise<void> {
  for (const planned of grants) {
    await pause(Math.max(0, startedAt + planned.atMs - Date.now()));
    people.live(planned);
  }
}

async function strikes(
  { fault, forMs }: PlannedFault,
  world: World,
  people: People,
): Promise<{ struck: Struck; broken: string[]; lost: string[] }> {
  const broken: string[] = [];
  const notes: string[] = [];
  const from = Date.now();
  try {
    await fault.strike({ world, people, forMs, note: (text) => void notes.push(text) });
  } catch (error) {
    broken.push(`${fault.name}: ${String(error)}`);
  }
  const to = Date.now();
  const [standing, lost] = [await nothingStands(world, people.ledger), await nothingLost(world, people.ledger)];
  broken.push(...standing.map((each) => `after “${fault.name}”: ${each}`));
  const { kind, name, sparesRemovals = false } = fault;
  return { struck: { kind, name, sparesRemovals, from, to, settledMs: Date.now() - to, notes }, broken, lost };
}

/** Every grant over, and nothing at the target: else what is not. */
async function comesToRest(world: World, { ledger }: People): Promise<string | undefined> {
  const isAtRest = async (): Promise<boolean> => {
    const open = [...ledger.grants.values()].filter(
      ({ seen, terminatedAt }) => terminatedAt === undefined && !(seen && isTerminal(seen.state)),
    );
    const { accounts } = await world.target();
    if (open.length + accounts.length === 0) return true;
    const names = [
      ...open.map(({ grantId, seen }) => `${grantId} is ${seen?.state}`),
      ...accounts.map((it) => `${it.account} stands`),
    ];
    throw new Error(names.slice(0, 5).join(', '));
  };
  return until(isAtRest, { withinMs: restWithinMs, everyMs: 500, what: 'rest' }).then(() => undefined, String);
}

/**
 * Grants that nobody was told of, as where a call whose answer was lost made another one; and too few that came to the end that their
 * requesters meant them to have: a system that grants nothing breaks no other promise.
 */
function endsUnlikePlanned({ grants }: Facts, { grants: told }: Ledger): string[] {
  const strangers = grants.filter(({ grantId }) => !told.has(grantId));
  const asMeant = grants.filter(({ grantId, view }) => {
    const shape = told.get(grantId)?.shape;
    return shape !== undefined && view?.state === shapes[shape];
  });
  const few = told.size >= 20 && asMeant.length < leastAsMeant * told.size;
  return [
    ...strangers.map(({ grantId }) => `${grantId} stands on record, and nobody was told of it`),
    ...(few ? [`only ${asMeant.length} of ${told.size} grants ended as their requesters meant them to`] : []),
  ];
}

/** A long run says how quick removals are while nothing is wrong, and so must have some. */
function neverQuiet(lateness: readonly Lateness[], { grants, faults }: Schedule): string[] {
  const quiet = lateness.filter(({ isQuiet }) => isQuiet).length;
  const isLong = grants.length >= 100 && faults.some((_, index) => isAfterARow(index));
  return !isLong || quiet >= grants.length / 20 ? [] : [`only ${quiet} removals were due while nothing was wrong`];
}

/** Each decision that was answered with 200 or 202 is on record. */
function forgotten({ accepted, grants }: Facts): string[] {
  const known = new Map(grants.map((grant) => [grant.grantId, grant]));
  return accepted.decisions
    .filter(({ status }) => status < 300)
    .filter(
      ({ grantId, decisionId }) => !known.get(grantId)?.records.some((it) => it.detail['decisionId'] === decisionId),
    )
    .map(
      ({ grantId, decisionId, action, status }) =>
        `${action} ${decisionId} of ${grantId} was answered ${status} and is not on record`,
    );
}

function line({ name, from, to, settledMs, notes }: Struck, startedAt: Instant): string {
  const seconds = (ms: Ms): string => (ms / 1_000).toFixed(1);
  const more = notes.length > 0 ? ` (${notes.join('; ')})` : '';
  return `${seconds(from - startedAt)} s: ${name}, ${seconds(to - from)} s, settled after ${seconds(settledMs)} s${more}`;
}
