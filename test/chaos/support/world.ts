/** The whole system with a passage on every way between its processes and what they stand on, and a look at the target that asks nobody of us. */
import { Client, Connection } from '@temporalio/client';
import type { TargetFacts } from '../../support/invariants/facts.js';
import { factsOfPostgres } from '../../support/invariants/at-postgres.js';
import { installation, startSystem, type System } from '../../support/system.js';
import type { SystemProcess } from '../../support/system-process.js';
import { until } from '../../support/until.js';
import { grpcMessages } from './grpc.js';
import { Passage } from './passage.js';

/** Named after who uses it, and what it leads to. */
export interface Passages {
  apiToTemporal: Passage;
  decisionsToTemporal: Passage;
  connectorsToTemporal: Passage;
  apiToRedis: Passage;
  decisionsToRedis: Passage;
  connectorsToTarget: Passage;
}

export class World {
  readonly system: System;
  readonly ways: Passages;

  static async start(): Promise<World> {
    const system = await startSystem();
    const [host = '', port] = system.engine.address.split(':');
    const temporal = { host, port: Number(port) };
    const redis = { host: '127.0.0.1', port: system.redis.port };
    const ways = {
      apiToTemporal: await Passage.open(temporal, grpcMessages),
      decisionsToTemporal: await Passage.open(temporal, grpcMessages),
      connectorsToTemporal: await Passage.open(temporal, grpcMessages),
      apiToRedis: await Passage.open(redis),
      decisionsToRedis: await Passage.open(redis),
      connectorsToTarget: await Passage.open(system.ordersDb),
    };
    const world = new World(system, ways);
    await Promise.all(world.processes.map((each) => each.stop()));
    await world.whole();
    return world;
  }

  private constructor(system: System, ways: Passages) {
    this.system = system;
    this.ways = ways;
    system.api.settings = { TEMPORAL_ADDRESS: at(ways.apiToTemporal), REDIS_URL: `redis://${at(ways.apiToRedis)}` };
    system.decisions.settings = {
      TEMPORAL_ADDRESS: at(ways.decisionsToTemporal),
      REDIS_URL: `redis://${at(ways.decisionsToRedis)}`,
    };
    system.connectors.settings = {
      TEMPORAL_ADDRESS: at(ways.connectorsToTemporal),
      ORDERS_DB_PORT: String(ways.connectorsToTarget.port),
    };
  }

  get processes(): SystemProcess[] {
    return [this.system.decisions, this.system.connectors, this.system.api];
  }

  /** Everything is up, reached, and able to do its work. */
  async whole(): Promise<void> {
    // PostgreSQL does not start again before the last child of its former life is gone.
    await until(() => this.system.start().then(() => true), {
      withinMs: 90_000,
      everyMs: 200,
      what: 'everything is up',
    });
    for (const { name, origin } of this.processes) {
      await until(
        async () => (await fetch(new URL('/health/ready', origin), { signal: AbortSignal.timeout(2_000) })).ok,
        {
          withinMs: 90_000,
          everyMs: 100,
          what: `${name} is ready`,
        },
      );
    }
  }

  /** Asked of the target itself, as its superuser. */
  target(): Promise<TargetFacts> {
    return factsOfPostgres({ target: 'orders-db', ...this.system.ordersDb }, installation);
  }

  /** As anybody of the namespace reaches Temporal: past all passages, and with no key of ours. */
  async withTemporal<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const { address, namespace } = this.system.engine;
    const connection = await Connection.connect({ address });
    try {
      return await work(new Client({ connection, namespace }));
    } finally {
      await connection.close();
    }
  }

  async close(): Promise<void> {
    await this.system.stop();
    for (const way of Object.values(this.ways) as Passage[]) await way.close();
  }
}

function at({ port }: Passage): string {
  return `localhost:${port}`;
}
