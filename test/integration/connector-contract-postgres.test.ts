/** The contract of connectors, on a real PostgreSQL. */
import { connectorContract } from './connector-contract.js';
import { type PostgresGround, postgresGround } from './connector-contract-postgres-ground.js';

describe('PostgreSQL', () => {
  let ground: PostgresGround | undefined;

  after(() => ground?.stop());

  connectorContract('PostgreSQL', async () => (ground = await postgresGround()));
});
