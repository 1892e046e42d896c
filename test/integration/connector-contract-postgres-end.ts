/** The end of an account at PostgreSQL: an earlier one takes no evidence, so it opens nothing again; and the database says when it was. */
import assert from 'node:assert/strict';
import { account } from '../support/connector-contract-postgres-account.js';
import { type PostgresGround, postgresGround } from '../support/connector-contract-postgres-ground.js';

const signal = new AbortController().signal;

describe('the end of a PostgreSQL account', () => {
  let ground: PostgresGround;
  before(async () => {
    ground = await postgresGround();
  });
  after(() => ground.stop());

  async function shortenedAfter(byHand: string): Promise<{ given: number; open: number }> {
    const { order, credential } = await account(ground);
    await ground.sql(`ALTER ROLE "${credential.username}" VALID UNTIL '${byHand}'`);
    const given = Date.now() + 60_000;
    const shortened = await ground.connector.shorten?.(order.grantId, given, signal);
    const [role] = await ground.sql(
      `SELECT rolvaliduntil AS until FROM pg_roles WHERE rolname = '${credential.username}'`,
    );
    assert.equal(Number(role?.['until']), shortened?.endsAt);
    return { given, open: Number(role?.['until']) };
  }

  it('stays where an administrator set it by hand, when an earlier one than ours is asked for', async () => {
    const past = '2026-01-01T00:00:00Z';
    assert.equal((await shortenedAfter(past)).open, Date.parse(past));
    assert.equal((await shortenedAfter('-infinity')).open, 0);
  });

  it('comes back from for ever', async () => {
    const { given, open } = await shortenedAfter('infinity');
    assert.equal(open, given);
  });

  it('is dated by the database, when the clock of the connector is wrong', async () => {
    const { order } = await account(ground);
    const clock = Date.now;
    const before = clock();
    Date.now = () => clock() - 3_600_000;
    try {
      const { removedAt, verifiedAt } = await ground.connector.remove(order.grantId, signal);
      assert.ok(before <= removedAt && removedAt <= verifiedAt && verifiedAt <= clock());
    } finally {
      Date.now = clock;
    }
  });
});
