/**
 * How long people wait, beside what cannot be quicker: grants, floors and the target by itself are measured by turns, so that
 * whatever else the machine does meets all three.
 */
import type { Accepted } from '../support/invariants.js';
import type { Bench } from './bench.js';
import { clock } from './clock.js';
import { type FloorSpans, type RunFloor, withFloor } from './floor.js';
import { endedBy, loginOf, session } from './logins.js';
import { type Approved, type GrantSpans, measureGrant } from './one-grant.js';
import { mustBeKept } from './standing.js';
import { decidedAt, stepsOf, stepsTable } from './steps.js';
import { ms, percentile, type Table } from './table.js';
import { type FloorTarget, openFloorTarget } from './target-floor.js';

const warmUps = 5;
/** Requests that one person may make in a minute. */
const perEngineer = 20;

interface Row {
  name: string;
  span: 'decision' | Exclude<keyof GrantSpans, 'approved' | 'automatic'>;
  floor: keyof FloorSpans;
  /** Absent where the target has no part in it. */
  target?: keyof TargetSpans;
  /** The goal holds for it. */
  goal?: true;
}

const rows: Row[] = [
  { name: 'request to automatic decision', span: 'decision', floor: 'decision' },
  { name: 'approve to usable (first login)', span: 'usable', floor: 'usable', target: 'usable', goal: true },
  { name: 'revoke to login refused', span: 'refused', floor: 'removal', target: 'refused', goal: true },
  { name: 'revoke to live session cut', span: 'cut', floor: 'removal', target: 'cut', goal: true },
  { name: 'expiry lateness (removal read back)', span: 'expiry', floor: 'expiry', target: 'remove' },
];

/** The target without us, called as the connector calls it. */
interface TargetSpans {
  /** Provision, then a login. */
  usable: number;
  refused: number;
  cut: number;
  remove: number;
}

type Figures = Map<string, number[]>;

/** `latency [count] [runs]`. */
export async function latency(bench: Bench): Promise<Table[]> {
  const [count = 200, runs = 3] = bench.counts;
  const approved: Approved[] = [];
  const accepted: Accepted = { grants: [], decisions: [], removalStartsWithinMs: 2_000, removalReachesWithinMs: 5_000 };
  const target = await openFloorTarget(bench.system);
  try {
    return await withFloor(bench.system, async (runFloor) => {
      const tables: Table[] = [];
      for (let run = 1; run <= runs; run += 1) {
        const figures = await measure(bench, { runFloor, target, approved, accepted }, run === 1 ? warmUps : 0, count);
        tables.push(table(figures, `Latency, run ${run} of ${runs}`, count));
      }
      const steps = await Promise.all(approved.map((one) => stepsOf(bench.system, one)));
      tables.at(-1)?.notes.push(await mustBeKept(bench, accepted));
      return [...tables, stepsTable(steps)];
    });
  } finally {
    await target.close();
  }
}

interface Means {
  runFloor: RunFloor;
  target: FloorTarget;
  approved: Approved[];
  accepted: Accepted;
}

async function measure(bench: Bench, means: Means, warmUp: number, count: number): Promise<Figures> {
  const figures: Figures = new Map();
  const note = (key: string, value: number): void => void figures.set(key, [...(figures.get(key) ?? []), value]);
  const coming: Promise<void>[] = [];
  const automatic: GrantSpans['automatic'][] = [];
  for (let round = -warmUp; round < count; round += 1) {
    const { engineers } = bench;
    const engineer = engineers[Math.floor(Math.abs(round) / perEngineer) % engineers.length] ?? '';
    const floor = await means.runFloor();
    const target = await targetSpans(means.target);
    const grant = await measureGrant(bench, engineer);
    const ended = Promise.all([floor.expiry, grant.expiry]);
    if (round < 0) {
      await ended;
      continue;
    }
    coming.push(
      ended.then(([floorExpiry, expiry]) => {
        note('floor expiry', floorExpiry);
        note('grant expiry', expiry);
      }),
    );
    for (const key of ['decision', 'usable', 'removal'] as const) note(`floor ${key}`, floor[key]);
    for (const key of ['usable', 'refused', 'cut'] as const) note(`grant ${key}`, grant[key]);
    automatic.push(grant.automatic);
    for (const [key, value] of Object.entries(target)) note(`target ${key}`, value);
    means.approved.push(grant.approved);
    const by = `person:${engineer}` as const;
    for (const { grantId } of [grant.automatic, grant.approved]) means.accepted.grants.push({ grantId, by });
    if ((round + 1) % 20 === 0) bench.tell(`${round + 1} of ${count}`);
  }
  await Promise.all(coming);
  for (const { grantId, askedAt } of automatic)
    note('grant decision', (await decidedAt(bench.system, grantId)) - askedAt);
  return figures;
}

async function targetSpans(target: FloorTarget): Promise<TargetSpans> {
  const id = target.newId();
  const beganAt = clock();
  const login = loginOf(await target.provision(id));
  await (await session(login)).end();
  const usable = clock() - beganAt;
  const removedAt = clock();
  let remove = Number.NaN;
  const { refused, cut } = await endedBy(login, async () => {
    await target.remove(id);
    remove = clock() - removedAt;
  });
  return { usable, refused, cut, remove };
}

function table(figures: Figures, title: string, count: number): Table {
  return {
    title,
    columns: [
      'span',
      'p50',
      'p95',
      'p99',
      'max',
      'floor p50',
      'floor p95',
      'target alone p50',
      'target alone p95',
      'floors at p50',
      'floors at p95',
      'goal',
    ],
    rows: rows.map((row) => {
      const of = (whose: string, key: string, share: number): number =>
        percentile(figures.get(`${whose} ${key}`) ?? [], share);
      const [middle, most] = [0.5, 0.95].map((share) => ({
        ours: of('grant', row.span, share),
        floor: of('floor', row.floor, share),
        target: row.target ? of('target', row.target, share) : 0,
      })) as [Beside, Beside];
      return [
        row.name,
        ...[middle.ours, most.ours, of('grant', row.span, 0.99), of('grant', row.span, 1)].map(ms),
        ...[middle.floor, most.floor, middle.target, most.target].map(ms),
        inFloors(middle),
        inFloors(most),
        row.goal ? verdict(most) : '',
      ];
    }),
    notes: [
      `${count} of each, one after the other, by turns with as many floors and calls of the target by itself. Instants from one machine's clock.`,
      'Floor, in the same order: start to two empty activities at once, on two queues; signal to two empty activities one after the other, on two queues; signal to one on another queue (twice); timer to one on another queue.',
      'Target alone: the connector called directly, beside a login as a user makes it; for the expiry the whole removal with its reading back.',
      'Floors: what is left of the span without the target’s own time, as a multiple of the floor. Goal: p95 at most twice the floor’s plus the target’s; and below 100 ms where floor and target together are.',
    ],
  };
}

/** One share of all values, of each of the three. */
interface Beside {
  ours: number;
  floor: number;
  target: number;
}

function inFloors({ ours, floor, target }: Beside): string {
  return ((ours - target) / floor).toFixed(1);
}

function verdict({ ours, floor, target }: Beside): string {
  const limit = 2 * floor + target;
  const within = `${ours <= limit ? 'met' : 'missed'}: ${ms(ours)} of at most ${ms(limit)}`;
  if (floor + target >= 100) return `${within}; the floor does not allow 100 ms`;
  return `${within}; ${ours < 100 ? 'below' : 'not below'} 100 ms`;
}
