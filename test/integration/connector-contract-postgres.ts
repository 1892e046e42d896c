/** The contract of connectors, on a real PostgreSQL. */
import { connectorContract } from '../support/connector-contract.js';
import { type PostgresGround, postgresGround } from '../support/connector-contract-postgres-ground.js';

describe('PostgreSQL', () => {
  let ground: PostgresGround | undefined;

  after(() => ground?.stop());

  connectorContract('PostgreSQL', async () => (ground = await postgresGround()));
});
