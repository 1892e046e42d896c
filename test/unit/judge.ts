/** A widening decision counts only as the API signed it, and only from someone who may decide today. */
import assert from 'node:assert/strict';
import type { JudgeInput, Judgement } from '../../activities/contract.js';
import { createJudges } from '../../activities/judge.js';
import { digest } from '../../workflows/domain/digest.js';
import type { Assertion, RenewalStatement } from '../../workflows/domain/evidence.js';
import type { Request } from '../../workflows/domain/request.js';
import { examplePolicy, still, swap, type Edits } from '../support/policy.js';
import { assertionFor, installation, requestOf, testApi, type TestApi } from '../support/statements.js';

const asked = ['person:manager', 'group:db-owners'];

describe('judging a decision', () => {
  let api: TestApi;
  before(async () => {
    api = await testApi();
  });

  async function judge(
    evidence: Promise<string> | string,
    changes: Partial<JudgeInput> = {},
    edits: Edits = {},
    now?: number,
    apiKeys = api.pinned,
  ): Promise<Judgement> {
    const request = changes.request ?? requestOf();
    const judges = createJudges({
      policy: still(examplePolicy(edits)),
      apiKeys,
      installation,
      ...(now === undefined ? {} : { now: () => now }),
    });
    return judges.judge({
      action: 'approve',
      evidence: await evidence,
      decisionId: 'd1',
      grantId: request.grantId,
      requestDigest: digest(request),
      request,
      barred: [],
      about: 'request',
      step: 0,
      asked,
      votes: [],
      ...changes,
    });
  }

  async function refused(code: string, judgement: Promise<Judgement>, because?: RegExp): Promise<void> {
    const found = await judgement;
    assert.ok(!found.ok, 'it was honoured');
    assert.equal(found.code, code, found.because);
    if (because) assert.match(found.because, because);
  }

  const approvalBy = (actor: string, request: Request = requestOf()) => api.approval(request, actor);

  it('honours an approval of someone who is asked', async () => {
    const found = await judge(approvalBy('person:manager'));
    assert.deepEqual(found, {
      ok: true,
      by: 'person:manager',
      name: 'Manager',
      human: 'person:manager',
      standing: [],
    });
  });

  it('honours an approval of a member of a group that is asked, and names the human behind the account', async () => {
    const found = await judge(approvalBy('person:owner-admin'));
    assert.ok(found.ok);
    assert.equal(found.human, 'person:owner');
  });

  it('passes a shorter duration on', async () => {
    const found = await judge(api.approval(requestOf(), 'person:manager', { durationMs: 60_000 }));
    assert.equal(found.ok && found.durationMs, 60_000);
  });

  describe('refuses what is not signed as it is said', () => {
    const request = requestOf();
    const other = requestOf({ grantId: 'zzzzzzzzzzzzzzzzzzzzzzzzzz' });
    const rows: [what: string, evidence: () => Promise<string> | string, changes?: Partial<JudgeInput>][] = [
      ['no signature at all', () => 'approved!'],
      ['another key', async () => (await testApi()).approval(request, 'person:manager')],
      ['a changed payload', async () => tampered(await approvalBy('person:manager'))],
      ['another installation', () => api.approval(request, 'person:manager', { installation: 'other' })],
      ['another grant', () => api.approval(other, 'person:manager')],
      [
        'another grant than the request in the message',
        () => approvalBy('person:manager'),
        { request: other, grantId: request.grantId },
      ],
      [
        'another wording of the request',
        () => api.approval({ ...request, justification: 'Something else.' }, 'person:manager'),
      ],
      ['another decision', () => api.approval(request, 'person:manager', { decisionId: 'd2' })],
      ['an extension instead of the request', () => api.approval(request, 'person:manager', { about: 'd9' })],
      ['an extension sent as an approval', () => api.extension(request, 'person:engineer')],
      ['a request sent as an approval', async () => (await api.request(request)).evidence],
    ];
    for (const [what, evidence, changes] of rows) {
      it(what, () => refused('bad-evidence', judge(evidence(), changes)));
    }

    it('a step that is over', () =>
      refused('already-decided', judge(approvalBy('person:manager'), { step: 1 }), /That step is over/));
  });

  describe('by a key that was retired', () => {
    const request = requestOf();
    const until = request.requestTime + 60_000;
    const retired = () => ({ current: () => ({ keys: api.keys.keys.map((key) => ({ ...key, until })) }) });
    /** Every statement is dated before the key was retired, as whoever found the key would date it. */
    const rows: [action: JudgeInput['action'], evidence: () => Promise<string>, more?: Partial<JudgeInput>][] = [
      ['approve', () => approvalBy('person:manager')],
      ['extend', () => api.extension(request, 'person:engineer')],
      ['renew', () => api.renewal(request, 'person:engineer')],
      ['review', () => api.review(request, 'person:security'), { reviewers: ['group:security'] }],
    ];
    for (const [action, evidence, more] of rows) {
      it(`honours a statement to ${action} until then, and none with an older date afterwards`, async () => {
        const changes = { action, request, ...more };
        assert.ok((await judge(evidence(), changes, {}, until, retired())).ok);
        await refused('bad-evidence', judge(evidence(), changes, {}, until + 1, retired()), /pinned keys/);
      });
    }
  });

  describe('refuses who may not decide', () => {
    const rows: [what: string, code: string, actor: string, changes?: Partial<JudgeInput>, edits?: Edits][] = [
      ['someone who is not asked', 'not-an-approver', 'person:security'],
      ['someone unknown', 'not-an-approver', 'person:nobody'],
      ['someone who left', 'not-an-approver', 'person:leaver', { asked: ['person:leaver'] }],
      ['a service', 'not-an-approver', 'service:deploy-bot', { asked: ['service:deploy-bot'] }],
      [
        'a member who lost the group',
        'not-an-approver',
        'person:owner',
        {},
        { directory: swap('groups: [db-owners]', 'groups: []') },
      ],
      ['the requester', 'own-request', 'person:engineer', { asked: ['person:engineer'] }],
      ['someone whom the assessment barred', 'own-request', 'person:manager', { barred: ['person:manager'] }],
      ['another account of someone barred', 'own-request', 'person:owner-admin', { barred: ['person:owner'] }],
    ];
    for (const [what, code, actor, changes, edits] of rows) {
      it(what, () => refused(code, judge(approvalBy(actor), changes, edits)));
    }

    it('the subject, when someone else asked', () => {
      const request = requestOf({ requester: 'person:director', subject: 'person:owner' });
      return refused('own-request', judge(approvalBy('person:owner', request), { request }));
    });

    it('the second account of the requester', () => {
      const request = requestOf({ requester: 'person:owner' });
      return refused('own-request', judge(approvalBy('person:owner-admin', request), { request }));
    });

    it('the owner of the service that asks', () => {
      const request = requestOf({ requester: 'service:deploy-bot' });
      const changes = { request, asked: ['person:engineer'] };
      return refused('own-request', judge(approvalBy('person:engineer', request), changes));
    });

    it('who stands in for the requester', () => {
      const request = requestOf({ requester: 'person:manager-2' });
      return refused('own-request', judge(approvalBy('person:manager', request), { request }));
    });

    it('the same human again, with the same account or another', async () => {
      await refused('already-decided', judge(approvalBy('person:owner'), { votes: ['person:owner'] }));
      await refused('same-human', judge(approvalBy('person:owner-admin'), { votes: ['person:owner'] }));
    });
  });

  it('says which earlier votes still count', async () => {
    const votes = ['person:owner', 'person:owner-2', 'person:manager'];
    const stays = await judge(approvalBy('person:director'), { votes, asked: [...asked, 'person:director'] });
    assert.deepEqual(stays.ok && stays.standing, votes);
    const moved: Edits = {
      directory: swap('groups: [db-owners]\n    timeZone: Asia', 'groups: []\n    timeZone: Asia'),
    };
    const lost = await judge(approvalBy('person:director'), { votes, asked: [...asked, 'person:director'] }, moved);
    assert.deepEqual(lost.ok && lost.standing, ['person:owner', 'person:manager']);
  });

  describe('more time', () => {
    const request = requestOf();
    const ask = (actor: string, of = request, edits: Edits = {}) =>
      judge(api.extension(of, actor), { action: 'extend', request: of, asked: undefined }, edits);

    it('may be asked for by who has the access', async () => {
      const found = await ask('person:engineer');
      assert.ok(found.ok);
      assert.equal(found.totalMs, 3_600_000);
    });

    it('may be asked for by who asked for it', async () => {
      const found = await ask('person:manager', requestOf({ requester: 'person:manager', subject: 'person:engineer' }));
      assert.ok(found.ok);
    });

    it('may not be asked for by anyone else', async () => {
      await refused('forbidden', ask('person:manager'));
      await refused(
        'forbidden',
        ask('person:engineer', requestOf({ requester: 'service:deploy-bot' })),
        /Only whoever/,
      );
    });

    it('may not be asked for by who left, nor for who is no longer eligible', async () => {
      const left: Edits = { directory: swap('groups: [engineers]', 'groups: [engineers]\n    status: inactive') };
      await refused('forbidden', ask('person:engineer', request, left), /not active/);
      const moved: Edits = { directory: swap('groups: [engineers]', 'groups: [contractors]') };
      await refused('not-eligible', ask('person:engineer', request, moved), /no longer eligible/);
    });
  });

  describe('with a passkey', () => {
    const request = requestOf();
    const challenged = {
      type: 'approve',
      installation,
      grantId: request.grantId,
      requestDigest: digest(request),
      actor: 'person:manager',
      decisionId: 'd1',
      about: 'request',
      step: 0,
    } as const;
    const approvalWith = (assertion: Assertion) => api.approval(request, 'person:manager', { assertion });

    it('honours an approval whose assertion is over exactly it', async () => {
      assert.ok((await judge(approvalWith(assertionFor(challenged)), { passkey: true })).ok);
    });

    it('is asked for where the step or the ceiling asks for it', () =>
      refused('passkey-required', judge(approvalBy('person:manager'), { passkey: true })));

    const others: [what: string, assertion: () => Assertion][] = [
      ['another decision', () => assertionFor({ ...challenged, decisionId: 'd2' })],
      ['another grant', () => assertionFor({ ...challenged, grantId: 'z'.repeat(26) })],
      ['another person', () => assertionFor({ ...challenged, actor: 'person:owner' })],
      ['another duration', () => assertionFor({ ...challenged, durationMs: 60_000 })],
      ['another nonce', () => ({ ...assertionFor(challenged), nonce: 'B'.repeat(22) })],
      ['nothing readable', () => ({ ...assertionFor(challenged), clientDataJSON: 'AAAA' })],
    ];
    for (const [what, assertion] of others) {
      it(`refuses an assertion over ${what}, also where none is asked for`, async () => {
        await refused('passkey-refused', judge(approvalWith(assertion()), { passkey: true }));
        await refused('passkey-refused', judge(approvalWith(assertion())));
      });
    }
  });

  describe('to have a lost credential renewed', () => {
    const request = requestOf({ requester: 'person:manager', subject: 'person:engineer' });
    const at = request.requestTime;
    const renew = (actor: string, changes: Partial<RenewalStatement> = {}, edits: Edits = {}, now = at) =>
      judge(api.renewal(request, actor, changes), { action: 'renew', request }, edits, now);

    it('honours the subject', async () => assert.ok((await renew('person:engineer')).ok));

    it('honours nobody else, not even who asked for the access', () =>
      refused('not-the-subject', renew('person:manager')));

    it('honours it for two minutes', async () => {
      assert.ok((await renew('person:engineer', {}, {}, at + 120_000)).ok);
      await refused('bad-evidence', renew('person:engineer', {}, {}, at + 120_001), /two minutes/);
      await refused('bad-evidence', renew('person:engineer', {}, {}, at - 5_001));
    });

    it('honours nobody who lost eligibility', () =>
      refused('not-eligible', renew('person:engineer', {}, { directory: swap('groups: [engineers]', 'groups: []') })));

    it('refuses one of another decision', () =>
      refused('bad-evidence', renew('person:engineer', { decisionId: 'd2' })));

    it('takes no approval for one', () =>
      refused('bad-evidence', judge(api.approval(request, 'person:engineer'), { action: 'renew', request })));
  });

  describe('to review an emergency', () => {
    const request = requestOf({ requester: 'person:oncall', entitlement: 'orders-db/write', emergency: true });
    const reviewers = ['group:security', 'person:director', 'person:oncall'];
    const review = (actor: string, changes: Partial<JudgeInput> = {}) =>
      judge(api.review(request, actor, { verdict: 'not-justified' }), {
        action: 'review',
        request,
        reviewers,
        ...changes,
      });

    it('honours a reviewer, by group or by name, and says what they found', async () => {
      for (const actor of ['person:security', 'person:director']) {
        const found = await review(actor);
        assert.equal(found.ok && found.verdict, 'not-justified');
      }
    });

    it('honours nobody else', () => refused('not-an-approver', review('person:manager')));

    it('lets nobody review their own, even when they are named', () => refused('own-request', review('person:oncall')));

    it('lets nobody review who is barred from the request', () =>
      refused('own-request', review('person:security', { barred: ['person:security'] })));

    it('takes no approval for one', () =>
      refused(
        'bad-evidence',
        judge(api.approval(request, 'person:security'), { action: 'review', request, reviewers }),
      ));
  });
});

/** The same signature over another payload. */
function tampered(jws: string): string {
  const [header, payload = '', signature] = jws.split('.');
  const text = Buffer.from(payload, 'base64url').toString().replace('"step":0', '"step":1');
  return [header, Buffer.from(text).toString('base64url'), signature].join('.');
}
