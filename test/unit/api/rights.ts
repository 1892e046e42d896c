/** Who may do what in which state: the answer of every call for everyone follows from the one table of rights. */
import assert from 'node:assert/strict';
import { UnreadableGrant, type Decision } from '../../../api/grants.js';
import { initialView } from '../../../api/memo.js';
import { Problem } from '../../../api/problem.js';
import type { Actor } from '../../../api/identity/actor.js';
import type { Handlers } from '../../../api/handlers.js';
import { may, mayEver, type GrantAction, type Role } from '../../../workflows/domain/rights.js';
import { grantStates, type GrantState } from '../../../workflows/domain/states.js';
import { examplePolicy } from '../../support/policy.js';
import type { Request } from '../../../workflows/domain/request.js';
import { actorOf, grantId, request, worldOf } from './support/world.js';

/** Everyone, and what they are to the grant: asked by the engineer for the second engineer, decided by manager and owners. */
const people: [id: string, roles: Role[]][] = [
  ['engineer', ['requester']],
  ['engineer-2', ['subject']],
  ['manager', ['approver']],
  ['owner', ['approver']],
  ['operator', ['operator']],
  ['security', ['security']],
  ['auditor', ['auditor']],
  ['maintainer', ['maintainer']],
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
    // Nobody is counted twice in one flow: a vote of an earlier step is no second one here.
    assert.ok(!(await offered('owner', { step: { ...step, index: 1, votes: [vote], given: 0 } })).includes('decide'));
    // More approvals than the view still shows.
    assert.ok((await offered('manager', { step: { ...step, votes: [vote], given: 20 } })).includes('decide'));
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

  it('sign no approval of someone who is barred, not asked now, or counted already, and send none', async () => {
    const vote = { by: 'person:owner', name: 'Database owner', at: 1 };
    const ofOwner = { ...request, requester: 'person:owner', subject: 'person:owner' };
    const ofService = { ...request, requester: 'service:deploy-bot', subject: 'service:deploy-bot' };
    const botOwner = `person:${examplePolicy().service('deploy-bot')?.owner ?? ''}`;
    const everyone = { ...step, asked: [...step.asked, botOwner, 'person:owner-admin'] };
    const cases: [who: string, request: Request, step: object, code: string][] = [
      ['owner', ofOwner, everyone, 'own-request'],
      ['owner-admin', ofOwner, everyone, 'own-request'],
      [botOwner, ofService, everyone, 'own-request'],
      ['manager', request, { ...step, asked: ['group:db-owners'] }, 'not-an-approver'],
      ['owner', request, { ...everyone, votes: [vote], given: 1 }, 'already-decided'],
      ['owner-admin', request, { ...everyone, votes: [vote], given: 1 }, 'same-human'],
    ];
    for (const [who, asked, open, code] of cases) {
      const view = {
        ...initialView(asked),
        state: 'APPROVAL_AWAITED' as const,
        asked: everyone.asked,
        step: { ...step, ...open },
      };
      const { handlers, sent, signed } = worldOf({ found: { request: asked, view } });
      const seen = await handlers.see(grantId, {}, actorOf(who));
      assert.ok(!seen.may.includes('decide'), `${who} is offered to decide`);
      await assert.rejects(
        handlers.approve(grantId, {}, actorOf(who)),
        (error) => error instanceof Problem && error.code === code,
        `${who} is not refused as ${code}`,
      );
      assert.deepEqual([sent, signed], [[], []]);
      // A deny narrows: whoever is asked in this grant may say no.
      await handlers.deny(grantId, { reason: 'No.' }, actorOf(who));
      assert.equal(sent.length, 1);
    }
  });

  it('decide only on what was looked at, where the caller says what that was', async () => {
    const id = '6f1c2d3e-4a5b-4c6d-8e7f-901234567890';
    const extension = { decisionId: id, by: 'person:engineer', totalMs: 1_800_000, reason: 'More.' };
    const later = { state: 'ACTIVE' as const, step: { ...step, about: id }, extension };
    const changed = (call: Promise<unknown>) =>
      assert.rejects(call, (error) => error instanceof Problem && error.code === 'already-decided');
    const { handlers, sent } = worldOf({ view: later });
    const manager = actorOf('manager');
    await changed(handlers.approve(grantId, { about: 'request', step: 0 }, manager));
    await changed(handlers.approve(grantId, { about: id, step: 1 }, manager));
    await changed(handlers.approve(grantId, { about: id, step: 0, totalDuration: 1_200_000 }, manager));
    await changed(handlers.deny(grantId, { reason: 'No.', about: 'request' }, manager));
    assert.deepEqual(sent, []);
    await handlers.approve(grantId, { about: id, step: 0, totalDuration: 1_800_000 }, manager);
    await handlers.deny(grantId, { reason: 'No.', about: id }, manager);
    assert.deepEqual(
      sent.map(({ action }) => action),
      ['approve', 'deny'],
    );
  });

  it('say which decisions end the grant, so that a full one can still be ended', async () => {
    const request = worldOf({ view: { state: 'APPROVAL_AWAITED', step } });
    await request.handlers.deny(grantId, { reason: 'No.' }, actorOf('manager'));
    await request.handlers.withdraw(grantId, {}, actorOf('engineer'));
    await request.handlers.revoke(grantId, {}, actorOf('operator'));
    assert.deepEqual(request.sent.map(endsGrant), [true, true, true]);
    const extension = worldOf({ view: { state: 'ACTIVE', step: { ...step, about: 'an extension' } } });
    await extension.handlers.deny(grantId, { reason: 'No.' }, actorOf('manager'));
    assert.deepEqual(extension.sent.map(endsGrant), [false]);
  });

  it('let operators and security end a grant without a look at it, and say of one that is over, or none, what it is', async () => {
    const security = actorOf('security');
    let looks = 0;
    const looked = (): void => void (looks += 1);
    await worldOf({ view: { state: 'ACTIVE' }, looked }).handlers.revoke(grantId, {}, security);
    assert.equal(looks, 0);

    const decisionId = '6f1c2d3e-4a5b-4c6d-8e7f-901234567890';
    const mine = { decisionId, action: 'revoke', by: 'person:security', at: 1, result: 'applied' } as const;
    const over = worldOf({ view: { state: 'REVOKED', outcomes: [mine] } });
    const answer = await over.handlers.revoke(grantId, { decisionId }, security);
    assert.ok('outcome' in answer && answer.outcome.result === 'applied');
    for (const [id, code] of [
      [grantId, 'already-over'],
      ['1'.repeat(26), 'not-found'],
    ] as const) {
      const refused = (error: unknown): boolean => error instanceof Problem && error.code === code;
      await assert.rejects(over.handlers.revoke(id, {}, security), refused);
    }
    assert.deepEqual(over.sent, []);
  });

  it('let operators and security end a grant that cannot be read, and nobody else anything', async () => {
    const unreadable = new UnreadableGrant(new Error('sealed with another key'));
    for (const [id, isLet] of [
      ['operator', true],
      ['security', true],
      ['auditor', false],
      ['engineer', false],
      ['manager', false],
    ] as const) {
      const { handlers, sent } = worldOf({ unreadable });
      const revoked = handlers.revoke(grantId, {}, actorOf(id));
      await (isLet ? revoked : assert.rejects(revoked, UnreadableGrant));
      await assert.rejects(handlers.see(grantId, {}, actorOf(id)), UnreadableGrant);
      await assert.rejects(handlers.withdraw(grantId, {}, actorOf(id)), UnreadableGrant);
      await assert.rejects(handlers.approve(grantId, {}, actorOf(id)), UnreadableGrant);
      assert.equal(sent.length, isLet ? 1 : 0);
    }
  });
});

function endsGrant(decision: Decision): boolean {
  return 'endsGrant' in decision && decision.endsGrant;
}
