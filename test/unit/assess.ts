/** What may pass, by which rule and at what risk; every no with its code and its reason. */
import assert from 'node:assert/strict';
import type { Reads } from '../../activities/contract.js';
import { createReads } from '../../activities/assess.js';
import type { KnownPast } from '../../activities/policy/risk/baselines.js';
import type { JwkSet } from '../../activities/platform/keys.js';
import type { ReceiptKey } from '../../workflows/domain/receipt.js';
import type { RequestStatement } from '../../workflows/domain/evidence.js';
import type { Request } from '../../workflows/domain/request.js';
import type { Finding } from '../../workflows/domain/rule.js';
import { examplePolicy, still, swap, type Edits } from '../support/policy.js';
import { installation, requestOf, testApi, type TestApi } from '../support/statements.js';

const minute = 60_000;
const hour = 60 * minute;

describe('assessing a request', () => {
  let api: TestApi;
  before(async () => {
    api = await testApi();
  });

  interface World {
    past?: KnownPast;
    edits?: Edits;
    statement?: Partial<RequestStatement>;
    pinned?: { current(): JwkSet };
    now?: number;
  }

  const receiptKeys: ReceiptKey[] = [
    { kid: 'ours', x: 'x', targets: ['orders-db', 'other-db'] },
    { kid: 'theirs', x: 'x', targets: ['other-db'] },
  ];

  function reads({ edits = {}, past, pinned, now }: World): Reads {
    return createReads({
      policy: still(examplePolicy(edits)),
      baselines: { asked: () => Promise.resolve({ requester: past, subject: past }) },
      apiKeys: pinned ?? api.pinned,
      receiptKeys: { current: () => receiptKeys },
      installation,
      ...(now === undefined ? {} : { now: () => now }),
    });
  }

  async function assess(changes: Partial<Request> = {}, world: World = { past: [] }): Promise<Finding> {
    return reads(world).assess(await api.request(requestOf(changes), world.statement));
  }

  async function denied(code: string, found: Promise<Finding>, because: RegExp): Promise<void> {
    const finding = await found;
    assert.ok(finding.verdict === 'deny', 'it passed');
    assert.equal(finding.code, code, finding.because);
    assert.match(finding.because, because);
    assert.match(finding.policyVersion ?? '', /^[0-9a-f]{64}$/);
  }

  async function passed(found: Promise<Finding>): Promise<Extract<Finding, { verdict: 'pass' }>> {
    const finding = await found;
    assert.ok(finding.verdict === 'pass', JSON.stringify(finding));
    return finding;
  }

  const administer = {
    entitlement: 'orders-db/administer',
    justification: 'Rebuild the bloated index of the orders table.',
    ticket: { system: 'jira', number: 'OPS-1' },
  };

  const table: [what: string, code: string, changes: Partial<Request>, because: RegExp][] = [
    ['an entitlement that does not exist', 'unknown-entitlement', { entitlement: 'orders-db/drop' }, /There is no/],
    ['an entitlement on another target', 'unknown-entitlement', { target: 'other-db' }, /There is no .* on other-db/],
    ['someone who is not eligible', 'not-eligible', { requester: 'person:contractor' }, /Contractor is not eligible/],
    ['someone who left', 'not-eligible', { requester: 'person:leaver' }, /not active/],
    ['a subject who left', 'inactive-subject', { requester: 'person:manager', subject: 'person:leaver' }, /not active/],
    ['asking for someone else', 'may-not-request-for', { subject: 'person:owner' }, /may not ask/],
    ['a duration of zero', 'invalid', { requestedDurationMs: 0 }, /The shortest time .* is 5 s/],
    ['a negative duration', 'invalid', { requestedDurationMs: -1 }, /shortest/],
    ['a duration just below the minimum', 'invalid', { requestedDurationMs: 4_999 }, /shortest/],
    [
      'a duration just above the maximum',
      'duration-too-long',
      { requestedDurationMs: 8 * hour + 1 },
      /is 8 h; ask for that or less/,
    ],
    [
      'a reason of blanks',
      'justification-too-short',
      { justification: ' \t\n            ' },
      /at least 10 characters; this is 0/,
    ],
    ['a reason one character short', 'justification-too-short', { justification: ' 123456789 ' }, /this is 9/],
    ['a reason of few but wide characters', 'justification-too-short', { justification: '🔥🔥🔥🔥🔥' }, /this is 5/],
    [
      'no ticket where one is required',
      'ticket-required',
      { ...administer, requester: 'person:oncall', ticket: undefined },
      /needs a ticket/,
    ],
    [
      'a blank ticket where one is required',
      'ticket-required',
      { ...administer, requester: 'person:oncall', ticket: { system: ' ', number: '1' } },
      /needs a ticket/,
    ],
  ];
  for (const [what, code, changes, because] of table) {
    it(`refuses ${what}`, () => denied(code, assess(changes), because));
  }

  const evidence: [what: string, statement: Partial<RequestStatement>, because: RegExp][] = [
    ['was signed for another installation', { installation: 'other' }, /something else/],
    ['was signed by someone else', { actor: 'person:owner' }, /something else/],
    ['was signed for another subject', { subject: 'person:owner' }, /something else/],
    ['was signed for another entitlement', { entitlement: 'orders-db/write' }, /something else/],
    ['was signed for another target', { target: 'other' }, /something else/],
    ['was signed for another grant', { grantId: 'zzzzzzzzzzzzzzzzzzzzzzzzzz' }, /something else/],
    ['was signed with another wording', { requestDigest: '0'.repeat(64) }, /something else/],
    ['was signed for less time', { longestMs: 899_999 }, /for less time/],
  ];
  for (const [what, statement, because] of evidence) {
    it(`refuses a request that ${what}`, () => denied('bad-evidence', assess({}, { past: [], statement }), because));
  }

  it('refuses a duration that is no whole number of milliseconds, whatever was signed', () => {
    const statement = { longestMs: 2 * hour, endBy: Date.parse('2026-09-17T10:00:00Z') };
    return denied('invalid', assess({ requestedDurationMs: hour + 0.5 }, { past: [], statement }), /shortest/);
  });

  it('refuses a request without a signature, or with one of another key', async () => {
    const request = requestOf();
    await denied('bad-evidence', reads({}).assess({ request, evidence: '' }), /not one of the pinned keys/);
    const other = await (await testApi()).request(request);
    await denied('bad-evidence', reads({}).assess(other), /pinned keys/);
  });

  it('refuses a request by a key that was retired, whatever date it bears', async () => {
    const request = requestOf();
    const until = request.requestTime + 60_000;
    const pinned = { current: () => ({ keys: api.keys.keys.map((key) => ({ ...key, until })) }) };
    const asked = await api.request(request);
    await passed(reads({ past: [], pinned, now: until }).assess(asked));
    await denied('bad-evidence', reads({ past: [], pinned, now: until + 1 }).assess(asked), /pinned keys/);
  });

  it('passes at the bounds of duration and reason', async () => {
    await passed(assess({ requestedDurationMs: 5_000, justification: '1234567890' }));
    await passed(assess({ requestedDurationMs: 10_000 }));
    await passed(assess({ requestedDurationMs: 8 * hour }));
  });

  it('lets low risk pass automatically where the entitlement says so, and names the flow taken else', async () => {
    const { rule, risk, barred } = await passed(assess());
    assert.equal(risk.band, 'low');
    assert.equal(rule.automatic, true);
    assert.equal(rule.flow.name, 'manager');
    assert.equal(rule.maximumMs, 8 * hour);
    assert.deepEqual(rule.extension, { automaticUpToMs: hour, byApproval: true });
    assert.equal(rule.policyVersion, examplePolicy().version);
    assert.deepEqual(barred, ['person:engineer']);
  });

  it('takes the light flow for elevated risk and the heavy one for high risk', async () => {
    const elevated = await passed(
      assess({ requestedDurationMs: 8 * hour, requestTime: Date.parse('2026-09-16T01:00:00Z') }),
    );
    assert.equal(elevated.risk.band, 'elevated');
    assert.equal(elevated.rule.automatic, false);
    assert.equal(elevated.rule.flow.name, 'manager');
    const night = { requestedDurationMs: 8 * hour, requestTime: Date.parse('2026-09-16T01:00:00Z') };
    const denials = Array.from({ length: 3 }, (_, index) => ({
      id: `g${index}`,
      entitlement: 'orders-db/read',
      at: night.requestTime - minute,
      ms: minute,
      result: 'denied' as const,
    }));
    const high = await passed(assess(night, { past: denials }));
    assert.equal(high.risk.band, 'high');
    assert.equal(high.rule.automatic, false);
    assert.equal(high.rule.flow.name, 'manager-then-owners');
  });

  it('refuses from the highest band on, and says why', async () => {
    const edits: Edits = { risk: swap('high: 60, refuse: 95', 'high: 30, refuse: 30') };
    const found = await assess(
      { requestedDurationMs: 8 * hour, requestTime: Date.parse('2026-09-16T01:00:00Z') },
      { past: [], edits },
    );
    assert.ok(found.verdict === 'deny');
    assert.equal(found.code, 'risk-refused');
    assert.match(found.because, /The risk is 40 of 100, which is refused\. Asked for 8 h/);
    assert.equal(found.risk?.band, 'refuse');
  });

  it('lets nothing pass automatically while the past cannot be read, and goes on with everything else', async () => {
    const edits: Edits = { risk: swap('missing: { points: 20 }', 'missing: { points: 0 }') };
    const found = await passed(assess({}, { past: undefined, edits }));
    assert.equal(found.risk.band, 'low');
    assert.equal(found.rule.automatic, false);
    assert.equal(found.rule.flow.name, 'manager');
    assert.deepEqual(found.risk.missing, ['duration', 'first-use', 'burst', 'denials']);
  });

  it('asks two of database owners and security for administration', async () => {
    const { rule } = await passed(assess({ ...administer, requester: 'person:oncall' }));
    assert.equal(rule.automatic, false);
    assert.deepEqual(
      rule.flow.steps.map(({ approvers, needed }) => ({ approvers, needed })),
      [{ approvers: ['group:db-owners', 'group:security'], needed: 2 }],
    );
    assert.equal(rule.extension.byApproval, false);
  });

  it('names everyone who may not decide', async () => {
    const { barred } = await passed(assess({ requester: 'service:deploy-bot', subject: 'service:deploy-bot' }));
    assert.deepEqual(barred, ['service:deploy-bot', 'person:engineer']);
  });

  it('stays within what the view may hold', async () => {
    const { risk } = await passed(assess({}, { past: undefined }));
    assert.ok(JSON.stringify(risk).length < 2_000);
  });

  describe('later, today’s policy may only narrow', () => {
    const still = async (edits: Edits, changes: Partial<Request> = {}, pinned?: World['pinned']) => {
      const { request, evidence } = await api.request(requestOf(changes));
      const approval = await api.approval(request, 'person:manager');
      return reads({ edits, pinned }).stillEligible({ request, evidence: [evidence, approval] });
    };
    const rows: [what: string, edits: Edits, eligible: boolean, because: RegExp][] = [
      ['everything is as it was', {}, true, /Engineer is eligible for orders-db\/read/],
      [
        'the subject left',
        { directory: swap('groups: [engineers]', 'groups: [engineers]\n    status: inactive') },
        false,
        /no longer active/,
      ],
      [
        'the subject changed groups',
        { directory: swap('groups: [engineers]', 'groups: [contractors]') },
        false,
        /no longer eligible/,
      ],
      [
        'the subject was blocked',
        { directory: swap('blocked: []', 'blocked: [person:engineer]') },
        false,
        /blocked|active/,
      ],
      [
        'the entitlement is gone',
        { entitlements: swap('- id: orders-db/read', '- id: orders-db/look') },
        false,
        /no longer exists/,
      ],
    ];
    for (const [what, edits, eligible, because] of rows) {
      it(`${eligible ? 'keeps' : 'loses'} eligibility when ${what}`, async () => {
        const found = await still(edits);
        assert.equal(found.eligible, eligible);
        assert.match(found.because, because);
        assert.deepEqual(found.receiptKeys, [receiptKeys[0]]);
      });
    }

    it('keeps what a retired key signed before it was retired', async () => {
      const { keys } = api.keys;
      const until = requestOf().requestTime;
      const found = await still({}, {}, { current: () => ({ keys: keys.map((key) => ({ ...key, until })) }) });
      assert.equal(found.eligible, true);
    });

    it('ends what a key signed that is not pinned any more, without a restart', async () => {
      let believed = api.keys;
      const pinned = { current: () => believed };
      assert.equal((await still({}, {}, pinned)).eligible, true);
      believed = { keys: [] };
      const found = await still({}, {}, pinned);
      assert.deepEqual([found.eligible, found.because], [false, 'The key that signed it is no longer believed.']);
    });

    it('ends what a key signed after it was retired', async () => {
      const until = requestOf().requestTime - 1;
      const pinned = { current: () => ({ keys: api.keys.keys.map((key) => ({ ...key, until })) }) };
      assert.match((await still({}, {}, pinned)).because, /no longer believed/);
    });

    it('asks for an emergency who may have one, not who may have it ordinarily', async () => {
      const emergency = { entitlement: 'orders-db/write', emergency: true } as const;
      assert.equal((await still({}, { ...emergency, requester: 'person:oncall' })).eligible, true);
      assert.equal((await still({}, { ...emergency, requester: 'person:engineer' })).eligible, false);
    });
  });

  it('names whose receipts count for the target, and nobody else’s', async () => {
    assert.deepEqual((await passed(assess())).receiptKeys, [receiptKeys[0]]);
  });
});
