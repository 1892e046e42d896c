/** Who may do what in which state: the answer of every call for everyone follows from the one table of rights. */
import assert from 'node:assert/strict';
import { Problem } from '../../../api/problem.js';
import type { Actor } from '../../../api/identity/actor.js';
import type { Handlers } from '../../../api/handlers.js';
import { may, mayEver, type GrantAction, type Role } from '../../../workflows/domain/rights.js';
import { grantStates, type GrantState } from '../../../workflows/domain/states.js';
import { actorOf, grantId, worldOf } from './world.js';

/** Everyone, and what they are to the grant: asked by the engineer for the second engineer, decided by manager and owners. */
const people: [id: string, roles: Role[]][] = [
  ['engineer', ['requester']],
  ['engineer-2', ['subject']],
  ['manager', ['approver']],
  ['owner', ['approver']],
  ['operator', ['operator']],
  ['security', ['security']],
  ['auditor', ['auditor']],
  ['contractor', []],
  ['director', []],
  ['service:deploy-bot', []],
];

const calls: [name: string, right: GrantAction, call: (it: Handlers, actor: Actor) => Promise<unknown>][] = [
  ['see', 'see', (it, actor) => it.see(grantId, {}, actor)],
  ['record', 'see-record', (it, actor) => it.record(grantId, actor)],
  ['approve', 'decide', (it, actor) => it.approve(grantId, {}, actor)],
  ['deny', 'decide', (it, actor) => it.deny(grantId, { reason: 'No.' }, actor)],
  ['withdraw', 'withdraw', (it, actor) => it.withdraw(grantId, {}, actor)],
  ['revoke', 'revoke', (it, actor) => it.revoke(grantId, {}, actor)],
  ['extend', 'extend', (it, actor) => it.extend(grantId, { reason: 'More.', duration: 60_000 }, actor)],
];

const step = {
  about: 'request',
  index: 0,
  of: 1,
  name: 'manager',
  needed: 1,
  asked: ['person:manager', 'group:db-owners'],
  votes: [],
  escalated: false,
};

async function answer(state: GrantState, actor: Actor, call: (typeof calls)[number][2]): Promise<number> {
  const { handlers } = worldOf({ view: { state, step } });
  try {
    await call(handlers, actor);
    return 200;
  } catch (error) {
    assert.ok(error instanceof Problem, String(error));
    if (error.status === 409) assert.equal(error.state, state);
    return error.status;
  }
}

function expected(right: GrantAction, roles: Role[], state: GrantState): number {
  if (!may('see', roles, state)) return 404;
  if (!mayEver(right, roles)) return 403;
  return may(right, roles, state) ? 200 : 409;
}

describe('rights', () => {
  for (const [name, right, call] of calls) {
    it(`let exactly those ${name} whom the table lets, in every state`, async () => {
      for (const [id, roles] of people) {
        for (const state of grantStates) {
          assert.equal(await answer(state, actorOf(id), call), expected(right, roles, state), `${id} in ${state}`);
        }
      }
    });
  }

  it('offer only what would not be refused', async () => {
    const offered = async (id: string, view: object) =>
      (await worldOf({ view: { state: 'APPROVAL_AWAITED', step, ...view } }).handlers.see(grantId, {}, actorOf(id)))
        .may;
    assert.ok((await offered('manager', {})).includes('decide'));
    const vote = { by: 'person:owner', name: 'Database owner', at: 1 };
    assert.ok(!(await offered('owner', { step: { ...step, votes: [vote], given: 1 } })).includes('decide'));
    // The owner's other account is the same human.
    assert.ok(!(await offered('owner-admin', { step: { ...step, votes: [vote], given: 1 } })).includes('decide'));
    // A vote of an earlier step does not count here.
    assert.ok((await offered('owner', { step: { ...step, index: 1, votes: [vote], given: 0 } })).includes('decide'));
    // Who asked is never offered to decide, even when their group is.
    const own = { requester: 'person:owner', subject: 'person:owner' };
    assert.ok(!(await offered('owner', own)).includes('decide'));
    assert.ok(!(await offered('owner-admin', own)).includes('decide'));
    assert.deepEqual(await offered('auditor', {}), ['see', 'see-record']);
  });

  it('send nothing to a grant that the caller may not decide on', async () => {
    const { handlers, sent } = worldOf({ view: { state: 'APPROVAL_AWAITED', step } });
    for (const id of ['engineer', 'auditor', 'contractor', 'service:deploy-bot']) {
      await assert.rejects(handlers.approve(grantId, {}, actorOf(id)));
      await assert.rejects(handlers.deny(grantId, { reason: 'No.' }, actorOf(id)));
    }
    assert.deepEqual(sent, []);
  });

  it('sign an approval for the step that is open, and none while no step is', async () => {
    const open = worldOf({ view: { state: 'APPROVAL_AWAITED', step } });
    await open.handlers.approve(grantId, { comment: 'Go.' }, actorOf('manager'));
    const [decision] = open.sent;
    assert.equal(decision?.action, 'approve');
    assert.ok('evidence' in decision.message && decision.message.evidence === 'signed approval');
    const closed = worldOf({ view: { state: 'APPROVAL_AWAITED' } });
    await assert.rejects(
      closed.handlers.approve(grantId, {}, actorOf('manager')),
      (error) => error instanceof Problem && error.code === 'not-now',
    );
    assert.deepEqual(closed.sent, []);
  });
});
