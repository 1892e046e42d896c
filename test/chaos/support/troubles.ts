/** Everything that is not a kill: what stands still, is cut off, slow, full, nonsense, or has another time. */
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { until } from '../../support/until.js';
import type { Fault, Scene } from './fault.js';
import * as marks from './marks.js';
import type { Mode, Trap } from './passage.js';
import type { Passages, World } from './world.js';

/** Longer than a workflow task (10 s), an attempt at the target (10 s), and what a worker that is gone is waited for. */
const longMs = 12_000;
const comesWithinMs = 60_000;
const runningSeconds = 40;
const skew = fileURLToPath(new URL('./skew.cjs', import.meta.url));

const toTemporal = ['apiToTemporal', 'decisionsToTemporal', 'connectorsToTemporal'] as const;
const toRedis = ['apiToRedis', 'decisionsToRedis'] as const;
const toTarget = ['connectorsToTarget'] as const;

export const troubles: Fault[] = [
  // SIGSTOP and SIGCONT: whoever stood still goes on where it was, and must not believe that it is still its turn.
  pauses('decisions worker', 'at any time', longMs, ({ world }) => process_(world, 'decisions'), true),
  pauses('connector worker', 'while it makes an account', longMs, atPoint('connectors', [marks.roleMade])),
  pauses('connector worker', 'in the middle of a removal', longMs, atPoint('connectors', [marks.doorShut]), true),
  spared(pauses('API', 'at any time', 4_000, ({ world }) => process_(world, 'api'))),
  pauses('Temporal', 'at any time', longMs, ({ world: { system } }) => sendingTo(system.temporal.pid())),
  pauses('target', 'lets nobody in', longMs, ({ world: { system } }) => sendingTo(system.ordersDb.pid())),
  spared(pauses('Redis', 'at any time', 4_000, ({ world: { system } }) => sendingTo(system.redis.pid()))),

  connections('cut all connections to Temporal', toTemporal, 'cut', 0),
  connections('cut all connections to the target, again and again', toTarget, 'cut', 4_000, true),
  spared(connections('cut all connections to Redis', toRedis, 'cut', 0)),
  connections('decisions worker cannot reach Temporal', ['decisionsToTemporal'], 'shut', longMs),
  connections('connector worker cannot reach Temporal', ['connectorsToTemporal'], 'shut', longMs, true),
  spared(connections('API cannot reach Temporal', ['apiToTemporal'], 'shut', 5_000)),
  connections('nothing passes to Temporal, no connection ends', toTemporal, 'held', longMs),
  spared(connections('nothing passes to Redis, no connection ends', toRedis, 'held', 5_000)),
  connections('Temporal is slow', toTemporal, { slowMs: 150 }, 8_000, true),
  spared(connections('Redis is slower than its clients wait', toRedis, { slowMs: 700 }, 5_000)),

  target('the target is slow', toTarget, { slowMs: 120 }, 8_000, true),
  target('the target hangs', toTarget, 'held', longMs),
  target('garbage at the target’s port', toTarget, 'garbage', 6_000, true),
  target('the target cannot be reached', toTarget, 'shut', 6_000),
  {
    kind: 'target',
    name: 'target: somebody holds the lock of an account while it is removed',
    leastMs: 6_000,
    mostMs: 9_000,
    strike: holdsLock,
  },

  spared({
    kind: 'redis',
    name: 'Redis: full, and evicts nothing',
    always: true,
    leastMs: 5_000,
    mostMs: 8_000,
    strike: fillsRedis,
  }),
  spared({
    kind: 'redis',
    name: 'Redis: lost with all that it held',
    always: true,
    leastMs: 500,
    mostMs: 3_000,
    strike: losesRedis,
  }),

  clock('connectors', 'connector worker', 8_000, true),
  clock('connectors', 'connector worker', -8_000),
  clock('connectors', 'connector worker', 3_600_000),
  clock('connectors', 'connector worker', -3_600_000),
  clock('decisions', 'decisions worker', 3_600_000, true),
  clock('decisions', 'decisions worker', -3_600_000),
];

type Sending = (signal: NodeJS.Signals) => void;

function pauses(
  who: string,
  when: string,
  ms: number,
  find: (scene: Scene) => Sending | Promise<Sending>,
  always?: true,
): Fault {
  return {
    kind: 'pause',
    name: `SIGSTOP ${who}: ${when}`,
    ...(always && { always }),
    leastMs: ms,
    mostMs: ms + 2_000,
    async strike(scene) {
      const send = await find(scene);
      // Found at a point, it stands still by now; twice is once.
      send('SIGSTOP');
      try {
        await pause(scene.forMs);
      } finally {
        send('SIGCONT');
        await scene.world.whole();
      }
    },
  };
}

function process_({ system }: World, name: 'decisions' | 'connectors' | 'api'): Sending {
  return (signal) => system[name].send(signal);
}

function sendingTo(pid: number): Sending {
  return (signal) => void process.kill(pid, signal);
}

/** Stopped by the byte that says so, not a moment later. */
function atPoint(name: 'connectors', seen: Trap['marks']): (scene: Scene) => Promise<Sending> {
  return async ({ world, people }) => {
    const send = process_(world, name);
    const trap = world.ways.connectorsToTarget.arm({ marks: seen, last: 'passes', act: () => send('SIGSTOP') });
    try {
      people.bait('timed');
      await until(() => trap.hasSprung(), { withinMs: comesWithinMs, what: 'the point' });
    } finally {
      trap.disarm();
    }
    return send;
  };
}

type What = Exclude<Mode, 'open'> | 'cut' | { slowMs: number };

function connections(name: string, ways: readonly (keyof Passages)[], what: What, ms: number, always?: true): Fault {
  return {
    kind: 'connections',
    name,
    ...(always && { always }),
    leastMs: ms,
    mostMs: ms + 2_000,
    async strike({ world, forMs }) {
      const passages = ways.map((way) => world.ways[way]);
      try {
        for (const passage of passages) {
          if (what === 'cut') passage.cut();
          else if (typeof what === 'string') passage.mode = what;
          else passage.slow(what.slowMs);
        }
        const endsAt = Date.now() + forMs;
        while (Date.now() < endsAt) {
          await pause(Math.min(500, forMs));
          if (what === 'cut') for (const passage of passages) passage.cut();
        }
      } finally {
        for (const passage of passages) {
          passage.slow(0);
          passage.mode = 'open';
          // What speaks nonsense is not spoken to any further.
          if (what === 'garbage') passage.cut();
        }
        await world.whole();
      }
    },
  };
}

function spared(fault: Fault): Fault {
  return { ...fault, sparesRemovals: true };
}

function target(...given: Parameters<typeof connections>): Fault {
  return { ...connections(...given), kind: 'target' };
}

/** The lock that creation and removal take, by somebody who may connect where nobody should. */
async function holdsLock({ world, people, forMs }: Scene): Promise<void> {
  const { host, port, superuser } = world.system.ordersDb;
  const somebody = new pg.Client({ host, port, ...superuser, database: 'daypass' });
  somebody.on('error', () => undefined);
  await somebody.connect();
  try {
    people.bait('timed');
    const account = await until(async () => (await world.target()).accounts[0]?.account, {
      withinMs: comesWithinMs,
      what: 'an account',
    });
    await somebody.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [account]);
    await pause(forMs);
  } finally {
    await somebody.end();
  }
}

async function fillsRedis({ world, forMs, note }: Scene): Promise<void> {
  const redis = new Redis(world.system.redis.url, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
  try {
    await redis.config('SET', 'maxmemory', String(used + 2_000_000));
    let pieces = 0;
    try {
      for (; pieces < 1_000; pieces += 1) await redis.set(`filler:${pieces}`, 'x'.repeat(100_000));
      throw new Error('Redis took all of it.');
    } catch (error) {
      if (!String(error).includes('OOM')) throw error;
    }
    note(`full after ${pieces} pieces of 100 kB`);
    await pause(forMs);
  } finally {
    await redis.config('SET', 'maxmemory', '0');
    const fillers = await redis.keys('filler:*');
    if (fillers.length > 0) await redis.del(...fillers);
    redis.disconnect();
  }
}

async function losesRedis({ world, forMs }: Scene): Promise<void> {
  const { redis } = world.system;
  const client = new Redis(redis.url, { maxRetriesPerRequest: 1 });
  client.on('error', () => undefined);
  await client.flushall();
  client.disconnect();
  await redis.kill();
  await pause(forMs);
  await world.whole();
}

/** Another clock from a start on; the right one again from the next. */
function clock(name: 'decisions' | 'connectors', who: string, awayMs: number, always?: true): Fault {
  return {
    kind: 'clock',
    name: `clock of the ${who} ${awayMs > 0 ? 'ahead' : 'behind'} by ${Math.abs(awayMs) / 1_000} s`,
    ...(always && { always }),
    leastMs: 4_000,
    mostMs: 8_000,
    async strike({ world, people, forMs }) {
      const process = world.system[name];
      // Something that runs, and that another clock takes for something else.
      people.bait('timed', runningSeconds);
      const isRunning = async (): Promise<boolean> =>
        (await world.target()).accounts.some(({ label }) => (label?.endsAt ?? 0) > Date.now() + 20_000);
      await until(isRunning, { withinMs: comesWithinMs, everyMs: 250, what: 'a running grant' });
      await process.kill();
      try {
        await process.start({ NODE_OPTIONS: `--require=${skew}`, CHAOS_CLOCK_AWAY_MS: String(awayMs) });
        people.bait('timed');
        await pause(forMs);
      } finally {
        await process.kill();
        await world.whole();
      }
    },
  };
}
