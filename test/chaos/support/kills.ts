/** Kills (SIGKILL) at named points: the bytes on a passage say when one is reached, and whoever is meant dies before the next byte. */
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/until.js';
import type { Fault, Scene } from './fault.js';
import * as marks from './marks.js';
import type { Trap } from './passage.js';
import type { Shape } from './schedule.js';
import type { Passages, World } from './world.js';

type Part = 'decisions' | 'connectors' | 'api' | 'temporal' | 'ordersDb' | 'redis';

interface Point {
  part: Part;
  /** Where the process is. */
  point: string;
  way: keyof Passages;
  marks: Trap['marks'];
  last: Trap['last'];
  /** Asked for, so that the point comes. */
  bait: Shape | ((scene: Scene) => Promise<void>);
  always?: true;
}

/** How long a point may take to come: a grant's whole life, on a machine that does much else. */
const comesWithinMs = 60_000;

const made = [marks.roleMade, marks.commit];
const shut = [marks.doorShut];
const dropped = [marks.roleDropped];
const [toTarget, fromConnectors, fromDecisions, fromApi] = [
  'connectorsToTarget',
  'connectorsToTemporal',
  'decisionsToTemporal',
  'apiToTemporal',
] as const;

const points: Point[] = [
  // The connector, between what it does at the target and what it says of it.
  at('connectors', 'order taken, nothing made', toTarget, [marks.roleMade], 'is-kept', 'timed', true),
  at(
    'connectors',
    'account committed, the target’s answer under way',
    toTarget,
    made,
    'passes-unanswered',
    'timed',
    true,
  ),
  at('connectors', 'account made, not said yet', fromConnectors, [marks.answerOf('provision')], 'is-kept', 'timed'),
  at('connectors', 'account made and said', fromConnectors, [marks.answerOf('provision')], 'passes', 'timed'),
  at('connectors', 'removal: tombstone planted', toTarget, [marks.tombstonePlanted], 'passes-unanswered', 'timed'),
  at('connectors', 'removal: door shut', toTarget, shut, 'passes-unanswered', 'timed', true),
  at('connectors', 'removal: drop not sent', toTarget, dropped, 'is-kept', 'timed'),
  at('connectors', 'removal: dropped, the target’s answer under way', toTarget, dropped, 'passes-unanswered', 'timed'),
  at('connectors', 'removed, not said yet', fromConnectors, [marks.answerOf('remove')], 'is-kept', 'timed', true),
  at('connectors', 'reconcile: list not said yet', fromConnectors, [marks.answerOf('list')], 'is-kept', reconcilesNow),
  // The decisions worker, between what it records and what it has others do.
  at('decisions', 'intent and order not sent', fromDecisions, [marks.orderOf('provision')], 'is-kept', 'timed'),
  at(
    'decisions',
    'intent recorded, effect ordered',
    fromDecisions,
    [marks.orderOf('provision')],
    'passes',
    'timed',
    true,
  ),
  at('decisions', 'removal not ordered yet', fromDecisions, [marks.orderOf('remove')], 'is-kept', 'timed'),
  at('decisions', 'removal ordered', fromDecisions, [marks.orderOf('remove')], 'passes', 'timed'),
  at('decisions', 'approve in flight', fromApi, [marks.signalCalled('approve')], 'passes', 'approved', true),
  at('decisions', 'revoke in flight', fromApi, [marks.signalCalled('revoke')], 'passes', 'revoked', true),
  at('decisions', 'approval judged, not said yet', fromDecisions, [marks.answerOf('judge')], 'is-kept', 'approved'),
  at('decisions', 'audit written, not said yet', fromDecisions, [marks.answerOf('tell')], 'is-kept', 'timed'),
  at(
    'decisions',
    'reconcile: in its pass',
    fromDecisions,
    [marks.orderOf('unexplained')],
    'passes',
    reconcilesNow,
    true,
  ),
  at(
    'decisions',
    'journal goes on as a new run: not said',
    fromDecisions,
    [marks.renewalOf('journal')],
    'is-kept',
    floodsJournal,
  ),
  at(
    'decisions',
    'journal goes on as a new run',
    fromDecisions,
    [marks.renewalOf('journal')],
    'passes',
    floodsJournal,
    true,
  ),
  // The API, between what it was asked and its answer.
  at('api', 'request not sent', fromApi, [marks.startOf('grant')], 'is-kept', 'timed'),
  at(
    'api',
    'request accepted, caller not answered',
    fromApi,
    [marks.startOf('grant')],
    'passes-unanswered',
    'timed',
    true,
  ),
  at('api', 'approve not sent', fromApi, [marks.signalCalled('approve')], 'is-kept', 'approved'),
  at(
    'api',
    'approve accepted, caller not answered',
    fromApi,
    [marks.signalCalled('approve')],
    'passes-unanswered',
    'approved',
  ),
  at(
    'api',
    'revoke accepted, caller not answered',
    fromApi,
    [marks.signalCalled('revoke')],
    'passes-unanswered',
    'revoked',
  ),
  // What they stand on.
  at('temporal', 'order of an account taken', fromDecisions, [marks.orderOf('provision')], 'passes', 'timed'),
  at(
    'temporal',
    'answer of the connector taken',
    fromConnectors,
    [marks.answerOf('provision')],
    'passes',
    'timed',
    true,
  ),
  at('temporal', 'revoke taken', fromApi, [marks.signalCalled('revoke')], 'passes', 'revoked'),
  at('temporal', 'in the middle of a removal', toTarget, shut, 'passes', 'timed'),
  at('ordersDb', 'account being made', toTarget, [marks.roleMade], 'passes', 'timed'),
  at('ordersDb', 'account committed', toTarget, made, 'passes', 'timed'),
  at('ordersDb', 'in the middle of a removal', toTarget, shut, 'passes', 'timed', true),
  at('redis', 'a record being published', 'decisionsToRedis', ['{daypass:records}:told:'], 'passes', 'timed', true),
];

const names: { [P in Part]: string } = {
  decisions: 'decisions worker',
  connectors: 'connector worker',
  api: 'API',
  temporal: 'Temporal',
  ordersDb: 'target',
  redis: 'Redis',
};

export const kills: Fault[] = points.map((point) => ({
  kind: 'kill',
  name: `kill -9 ${names[point.part]}: ${point.point}`,
  ...(point.always && { always: true }),
  ...((point.part === 'api' || point.part === 'redis') && { sparesRemovals: true }),
  leastMs: 0,
  mostMs: 4_000,
  strike: (scene) => killAt(point, scene),
}));

async function killAt({ part, way, marks: seen, last, bait }: Point, scene: Scene): Promise<void> {
  const { world, people, forMs } = scene;
  const passage = world.ways[way];
  const trap = passage.arm({ marks: seen, last, act: () => killNow(world, part) });
  try {
    if (typeof bait === 'string') people.bait(bait);
    else await bait(scene);
    await until(() => trap.hasSprung(), { withinMs: comesWithinMs, what: 'the point' });
    await world.system[part].kill();
    await pause(forMs);
  } finally {
    trap.disarm();
    // What was kept back must not hang for ever.
    passage.cut();
    await world.whole();
  }
}

/** At once, and not in the next turn of our own loop. */
function killNow({ system }: World, part: Part): void {
  const it = system[part];
  if ('send' in it) it.send('SIGKILL');
  else process.kill(it.pid(), 'SIGKILL');
}

/** Without waiting for the minute to be full. */
async function reconcilesNow({ world }: Scene): Promise<void> {
  await world.withTemporal((client) => client.schedule.getHandle('reconcile/orders-db').trigger());
}

/** What nobody signed: it is refused, counted, and a run of the journal ends with so many of them. */
async function floodsJournal({ world }: Scene): Promise<void> {
  await world.withTemporal(async (client) => {
    for (let sent = 0; sent < 110; sent += 1) {
      await client.workflow.signalWithStart('journal', {
        workflowId: 'journal',
        taskQueue: 'decisions',
        signal: 'note',
        signalArgs: [{ number: sent }],
      });
    }
  });
}

function at(
  part: Part,
  point: string,
  way: keyof Passages,
  seen: Trap['marks'],
  last: Trap['last'],
  bait: Point['bait'],
  always?: true,
): Point {
  return { part, point, way, marks: seen, last, bait, ...(always && { always }) };
}
