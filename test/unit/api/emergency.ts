/** Asking in an emergency, reviewing one, and passkeys where they are asked for: what this API refuses before it signs. */
import assert from 'node:assert/strict';
import { AskGrant } from '../../../api/schemas/ask.js';
import { initialView } from '../../../api/memo.js';
import { Problem } from '../../../api/problem.js';
import type { FailureCode } from '../../../workflows/domain/failure.js';
import { digest } from '../../../workflows/domain/digest.js';
import { examplePolicy, swap } from '../../support/policy.js';
import { assertionFor } from '../../support/statements.js';
import { actorOf, grantId, request, worldOf } from './support/world.js';

const body = {
  entitlement: 'orders-db/write',
  requestedDuration: 'PT15M',
  emergency: true,
  bypassReason: 'Orders are lost while nobody answers the phone.',
};

const refused = (code: FailureCode) => (error: unknown) => error instanceof Problem && error.code === code;
const asks = (more: object = {}) => AskGrant.parse({ ...body, ...more });

describe('asking in an emergency', () => {
  it('takes why nobody could be asked in the place of the justification', () => {
    assert.equal(asks().justification, body.bypassReason);
    const wrong: [object, string][] = [
      [{ bypassReason: undefined }, 'bypassReason is required in an emergency'],
      [{ justification: 'Just so.' }, 'in an emergency say why in bypassReason'],
      [{ emergency: undefined }, 'justification is required'],
      [{ emergency: false }, 'emergency is true, or left out'],
    ];
    for (const [more, says] of wrong) {
      const issues = AskGrant.safeParse({ ...body, ...more }).error?.issues.map(({ message }) => message);
      assert.ok(issues?.includes(says), JSON.stringify(issues));
    }
  });

  it('starts a grant that says so, signed for nobody’s decision', async () => {
    const { handlers, started, terms } = worldOf();
    await handlers.ask(asks(), actorOf('oncall'));
    assert.deepEqual([started[0]?.emergency, started[0]?.justification], [true, body.bypassReason]);
    assert.deepEqual(terms[0]?.flows, []);
    await handlers.ask(
      AskGrant.parse({ entitlement: 'orders-db/write', requestedDuration: 'PT15M', justification: body.bypassReason }),
      actorOf('oncall'),
    );
    assert.ok(!('emergency' in (started[1] ?? {})));
    assert.ok((terms[1]?.flows.length ?? 0) > 0);
  });

  const no: [what: string, code: FailureCode, who: string, more: object][] = [
    ['who may not have one', 'emergency-refused', 'engineer', {}],
    ['somebody else as the subject', 'emergency-refused', 'oncall', { subject: 'person:engineer' }],
    ['what is not given in one', 'emergency-refused', 'oncall', { entitlement: 'orders-db/read' }],
    ['more time than one may take', 'duration-too-long', 'oncall', { requestedDuration: 'PT61M' }],
    [
      'a later start',
      'emergency-refused',
      'oncall',
      { scheduledActivationTime: new Date(Date.now() + 3_600_000).toISOString() },
    ],
    ['too short a reason', 'justification-too-short', 'oncall', { bypassReason: 'Help!' }],
  ];
  for (const [what, code, who, more] of no) {
    it(`refuses ${what}`, async () => {
      const { handlers, started } = worldOf();
      await assert.rejects(handlers.ask(asks(more), actorOf(who)), refused(code));
      assert.deepEqual(started, []);
    });
  }

  it('is offered to those who may, with what it takes', async () => {
    const of = async (who: string) =>
      (await worldOf().handlers.entitlements(actorOf(who))).entitlements.find(({ id }) => id === 'orders-db/write');
    assert.deepEqual((await of('oncall'))?.emergency, {
      longestDuration: 'PT1H',
      reviewers: ['group:security'],
      passkey: false,
    });
    assert.equal((await of('engineer'))?.emergency, undefined);
  });

  describe('that is taken with a passkey', () => {
    const policy = examplePolicy({
      entitlements: swap('reviewers: [group:security] }', 'reviewers: [group:security], passkey: true }'),
    });
    const oncall = actorOf('oncall');

    it('is refused without one', async () => {
      await assert.rejects(worldOf({ policy }).handlers.ask(asks(), oncall), refused('passkey-required'));
    });

    it('is checked over exactly the request that is started', async () => {
      const { handlers, attested, started, terms } = worldOf({ policy });
      const { challenged, requestTime } = await handlers.challengedByAsk(asks(), oncall, 'a-key');
      const assertion = assertionFor(challenged);
      const attestedBody = asks({ requestTime: new Date(requestTime).toISOString(), assertion });
      await handlers.ask(attestedBody, oncall, 'a-key');
      assert.deepEqual(attested, [challenged]);
      assert.equal(challenged.requestDigest, digest(started[0] ?? {}));
      assert.deepEqual(terms[0]?.assertion, assertion);
    });

    it('is refused where the time or the key of the challenge is missing or old', async () => {
      const { handlers, started } = worldOf({ policy });
      const { challenged } = await handlers.challengedByAsk(asks(), oncall, 'a-key');
      const assertion = assertionFor(challenged);
      const at = (ms: number) => new Date(Date.now() + ms).toISOString();
      await assert.rejects(handlers.ask(asks({ assertion, requestTime: at(0) }), oncall), refused('invalid'));
      await assert.rejects(handlers.ask(asks({ assertion }), oncall, 'a-key'), refused('invalid'));
      await assert.rejects(
        handlers.ask(asks({ assertion, requestTime: at(-121_000) }), oncall, 'a-key'),
        refused('invalid'),
      );
      await assert.rejects(
        handlers.ask(asks({ assertion, requestTime: at(5_000) }), oncall, 'a-key'),
        refused('invalid'),
      );
      assert.deepEqual(started, []);
    });
  });
});

describe('a request that needs a passkey proved a moment ago', () => {
  const policy = examplePolicy({ entitlements: swap('ticket: optional }', 'ticket: optional, stepUp: request }') });
  const ordinary = AskGrant.parse({
    entitlement: 'orders-db/read',
    requestedDuration: 'PT15M',
    justification: 'Look into a late order.',
  });
  const engineer = actorOf('engineer');
  const provedAt = (stepUp: number) => ({ ...engineer, signIn: { ...engineer.signIn, stepUp } });

  it('is refused without one, and taken within five minutes of it', async () => {
    const { handlers, started } = worldOf({ policy });
    await assert.rejects(handlers.ask(ordinary, engineer), refused('step-up-required'));
    await assert.rejects(handlers.ask(ordinary, provedAt(Date.now() - 300_000)), refused('step-up-required'));
    await handlers.ask(ordinary, provedAt(Date.now() - 290_000));
    assert.equal(started.length, 1);
  });
});

describe('an approval that needs a passkey', () => {
  const step = {
    about: 'request',
    index: 0,
    of: 1,
    name: 'manager',
    needed: 1,
    asked: ['person:manager'],
    votes: [],
    escalated: false,
    passkey: true,
  } as const;
  const view = { state: 'APPROVAL_AWAITED' as const, step: { ...step, asked: [...step.asked], votes: [] } };
  const decisionId = '6f1c2d3e-4a5b-4c6d-8e7f-901234567890';
  const manager = actorOf('manager');

  it('is neither signed nor sent without one', async () => {
    const { handlers, sent, signed } = worldOf({ view });
    await assert.rejects(handlers.approve(grantId, {}, manager), refused('passkey-required'));
    assert.deepEqual([sent, signed], [[], []]);
  });

  it('is checked over exactly what is signed, and carries it', async () => {
    const { handlers, attested, signed } = worldOf({ view });
    const approval = { decisionId, duration: 60_000 };
    const challenged = await handlers.challengedByApproval(grantId, approval, manager);
    const assertion = assertionFor(challenged);
    await handlers.approve(grantId, { ...approval, assertion }, manager);
    assert.deepEqual(attested, [challenged]);
    assert.deepEqual([signed[0]?.durationMs, signed[0]?.assertion], [60_000, assertion]);
  });

  it('is refused with one that does not hold, and a challenge is given to nobody who may not approve', async () => {
    const { handlers, sent } = worldOf({ view });
    const assertion = {
      ...assertionFor(await handlers.challengedByApproval(grantId, { decisionId }, manager)),
      signature: 'wrong',
    };
    await assert.rejects(handlers.approve(grantId, { decisionId, assertion }, manager), refused('passkey-refused'));
    assert.deepEqual(sent, []);
    await assert.rejects(
      handlers.challengedByApproval(grantId, { decisionId }, actorOf('auditor')),
      refused('not-an-approver'),
    );
  });
});

describe('a review', () => {
  const asked = {
    ...request,
    requester: 'person:oncall',
    subject: 'person:oncall',
    entitlement: 'orders-db/write',
    emergency: true,
  } as const;
  const pending = {
    state: 'ENDED' as const,
    conditions: ['emergency' as const, 'reviewPending' as const],
    asked: ['group:security', 'person:manager', 'person:oncall'],
    review: { reviewers: ['group:security', 'person:oncall'], since: 1 },
  };
  const given = { verdict: 'not-justified' as const, comment: 'An owner was there.' };
  const world = (review: object = {}) =>
    worldOf({
      found: { request: asked, view: { ...initialView(asked), ...pending, review: { ...pending.review, ...review } } },
    });

  it('is signed with its verdict for a reviewer, also when the access is over', async () => {
    const { handlers, sent } = world();
    assert.ok((await handlers.see(grantId, {}, actorOf('security'))).may.includes('review'));
    await handlers.review(grantId, given, actorOf('security'));
    assert.equal(sent[0]?.action, 'review');
    assert.ok('evidence' in sent[0].message && sent[0].message.evidence === 'signed review: not-justified');
    assert.ok('comment' in sent[0].message && sent[0].message.comment === given.comment);
  });

  const no: [what: string, code: FailureCode, who: string, review?: object][] = [
    ['an approver who is no reviewer', 'not-an-approver', 'manager'],
    ['whom the emergency was for, even when they are named', 'own-request', 'oncall'],
    ['who may only look', 'not-an-approver', 'auditor'],
    ['who may not know of it', 'not-found', 'contractor'],
    [
      'a second one',
      'already-decided',
      'security',
      { given: { by: 'person:security', name: 'S', verdict: 'justified', comment: '', at: 1 } },
    ],
    ['what could never be used', 'not-now', 'security', { since: undefined }],
  ];
  for (const [what, code, who, review] of no) {
    it(`is refused to ${what}`, async () => {
      const { handlers, sent } = world(review);
      await assert.rejects(handlers.review(grantId, given, actorOf(who)), refused(code));
      assert.deepEqual(sent, []);
    });
  }
});
