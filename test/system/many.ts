/** Many at once: each grant ends as it should, and the database holds nothing of any of them. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Client, Grant } from '../../api/client/client.js';
import { isTerminal } from '../../workflows/domain/states.js';
import { approves, reading, recordOf, sent } from '../support/system-grant.js';
import { accountOf, system, type System } from '../support/system.js';
import { until } from '../support/until.js';

describe('the whole system, with thirty grants at once', function () {
  this.timeout(240_000);
  let daypass: System;

  before(async () => {
    daypass = await system();
  });

  it('ends every one of them right, half of them revoked at once, and leaves nothing at the database', async () => {
    const engineer = daypass.as('engineer');
    const security = daypass.as('security');
    const asked = await Promise.all(Array.from({ length: 30 }, () => asks(engineer)));
    const ids = asked.map(({ grantId }) => grantId);
    assert.equal(new Set(ids).size, 30);

    const seen = new Set<string>();
    const watch = watching(async () => {
      for (const { name } of await daypass.roles()) seen.add(name);
    });
    const revoked = ids.filter((_, index) => index % 2 === 0);
    // Whatever each of them is at just then: being checked, being made, or active.
    const ended = await Promise.all(revoked.map((id) => revokes(security, id)))
      .then(() => Promise.all(ids.map((id) => ends(daypass, id, revoked.includes(id)))))
      .finally(watch.stop);
    for (const { grantId, state } of ended) {
      assert.equal(state, revoked.includes(grantId) ? 'REVOKED' : 'ENDED', grantId);
    }
    const mine = [...seen].filter((name) => ids.some((id) => name.includes(id)));
    assert.deepEqual(
      mine.filter((name) => !ids.map(accountOf).includes(name)),
      [],
      'every role has the one name of its grant',
    );
    assert.deepEqual(
      (await daypass.roles()).filter(({ name }) => ids.some((id) => name.includes(id))),
      [],
    );
    for (const id of ids) {
      const record = await recordOf(engineer, id);
      assert.ok(record.filter(({ type }) => type === 'activated').length <= 1, id);
      assert.equal(record.filter(({ type }) => type === 'closed').length, 1, id);
    }
  });
});

function asks(client: Client): Promise<Grant> {
  const key = randomUUID();
  return sent(() => client.ask(reading(10), key));
}

async function revokes(client: Client, grantId: string): Promise<void> {
  const decisionId = randomUUID();
  await sent(() => client.revoke(grantId, { decisionId, reason: 'All at once.' }));
}

/**
 * Follows a grant to its end. Where the connectors were too busy to answer for their ceiling within 3 s, nothing passes by
 * itself and the manager decides.
 */
async function ends(daypass: System, grantId: string, isRevoked: boolean): Promise<Grant> {
  const engineer = daypass.as('engineer');
  if (!isRevoked) {
    const { step } = await engineer.until(grantId, (it) => it.step !== undefined || isDecided(it.state), 90_000);
    if (step !== undefined) await approves(daypass, 'manager', grantId);
  }
  return engineer.until(grantId, ({ state }) => isTerminal(state), 90_000);
}

/** Looks again and again until it is stopped. */
function watching(look: () => Promise<void>): { stop(): Promise<void> } {
  let stopped = false;
  const done = until(
    async () => {
      if (stopped) return true;
      await look();
      return false;
    },
    { withinMs: 200_000, everyMs: 50 },
  );
  return {
    stop: async () => {
      stopped = true;
      await done;
    },
  };
}

function isDecided(state: Grant['state']): boolean {
  return state !== 'REQUESTED' && state !== 'APPROVAL_AWAITED';
}
