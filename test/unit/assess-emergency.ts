/** What must be proved to ask, and what passes in an emergency: who may, for how long, and who looks back at it. */
import assert from 'node:assert/strict';
import { createReads } from '../../activities/assess.js';
import { digest } from '../../workflows/domain/digest.js';
import type { RequestStatement } from '../../workflows/domain/evidence.js';
import type { Request } from '../../workflows/domain/request.js';
import type { Finding } from '../../workflows/domain/rule.js';
import { examplePolicy, still, swap, type Edits } from '../support/policy.js';
import { assertionFor, installation, requestOf, testApi, type TestApi } from '../support/statements.js';

const minute = 60_000;
const hour = 60 * minute;

describe('assessing a request', () => {
  let api: TestApi;
  before(async () => {
    api = await testApi();
  });

  interface World {
    edits?: Edits;
    statement?: Partial<RequestStatement>;
  }

  const reads = ({ edits = {} }: World) =>
    createReads({
      policy: still(examplePolicy(edits)),
      baselines: { asked: () => Promise.resolve({ requester: [], subject: [] }) },
      apiKeys: api.pinned,
      receiptKeys: { current: () => [] },
      installation,
    });

  async function assess(changes: Partial<Request> = {}, world: World = {}): Promise<Finding> {
    return reads(world).assess(await api.request(requestOf(changes), world.statement));
  }

  async function denied(code: string, found: Promise<Finding>, because: RegExp): Promise<void> {
    const finding = await found;
    assert.ok(finding.verdict === 'deny', 'it passed');
    assert.equal(finding.code, code, finding.because);
    assert.match(finding.because, because);
  }

  async function passed(found: Promise<Finding>): Promise<Extract<Finding, { verdict: 'pass' }>> {
    const finding = await found;
    assert.ok(finding.verdict === 'pass', JSON.stringify(finding));
    return finding;
  }

  describe('with a passkey that was proved a moment ago', () => {
    const edits: Edits = { entitlements: swap('ticket: optional }', 'ticket: optional, stepUp: request }') };
    const signIn = (stepUp?: number) => ({
      statement: {
        signIn: {
          time: requestOf().requestTime - hour,
          methods: ['pwd'],
          groups: [],
          ...(stepUp === undefined ? {} : { stepUp }),
        },
      },
      edits,
    });

    it('passes within five minutes of it', async () => {
      const { rule } = await passed(assess({}, signIn(requestOf().requestTime - 5 * minute)));
      assert.equal(rule.stepUpAtCollection, undefined);
    });

    for (const [what, stepUp] of [
      ['none was proved', undefined],
      ['it was proved earlier', requestOf().requestTime - 5 * minute - 1],
      ['it will be proved in the future', requestOf().requestTime + 1],
    ] as const) {
      it(`is asked for when ${what}`, () =>
        denied('step-up-required', assess({}, signIn(stepUp)), /prove yours and ask again/));
    }

    it('can be asked for at the collection instead', async () => {
      const collection = { entitlements: swap('ticket: optional }', 'ticket: optional, stepUp: collection }') };
      assert.equal((await passed(assess({}, { edits: collection }))).rule.stepUpAtCollection, true);
    });
  });

  describe('of an emergency', () => {
    const emergency: Partial<Request> = {
      requester: 'person:oncall',
      entitlement: 'orders-db/write',
      justification: 'Orders are lost while nobody can be reached.',
      emergency: true,
    };

    it('passes whoever may break the glass, names who looks back at it, and asks nobody', async () => {
      const { rule, opening } = await passed(assess(emergency));
      assert.deepEqual(rule.emergency, { longestMs: hour, reviewers: ['group:security'] });
      assert.equal(rule.automatic, false);
      assert.equal(opening, undefined);
    });

    it('is never extended automatically', async () => {
      const edits: Edits = {
        entitlements: swap(
          'requires: { justification: 20, ticket: optional }\n    emergency: { eligible: [group:oncall], longest: PT1H, reviewers: [group:security] }\n    extension: { beyond',
          'requires: { justification: 20, ticket: optional }\n    emergency: { eligible: [group:oncall], longest: PT1H, reviewers: [group:security] }\n    extension: { automaticUpTo: PT2H, beyond',
        ),
      };
      const { rule } = await passed(assess(emergency, { edits }));
      assert.deepEqual(rule.extension, { automaticUpToMs: 0, byApproval: true });
    });

    it('shows a risk that would be refused otherwise, and is not stopped by it', async () => {
      const edits: Edits = {
        risk: swap('bands: { elevated: 30, high: 60, refuse: 95 }', 'bands: { elevated: 0, high: 0, refuse: 0 }'),
      };
      const { risk } = await passed(assess(emergency, { edits }));
      assert.equal(risk.band, 'refuse');
      const { emergency: _, ...ordinary } = emergency;
      await denied('risk-refused', assess(ordinary, { edits }), /refused/);
    });

    it('needs no ticket', async () => {
      const edits: Edits = {
        entitlements: swap(
          'requires: { justification: 20, ticket: optional }',
          'requires: { justification: 20, ticket: required }',
        ),
      };
      await passed(assess(emergency, { edits }));
    });

    const refused: [what: string, code: string, changes: Partial<Request>, because: RegExp, world?: World][] = [
      [
        'someone who may only ask ordinarily',
        'emergency-refused',
        { requester: 'person:engineer' },
        /eligible are On call/,
      ],
      ['someone else as the subject', 'emergency-refused', { subject: 'person:engineer' }, /for themselves/],
      ['what is not given in an emergency', 'emergency-refused', { entitlement: 'orders-db/read' }, /ordinary way/],
      [
        'more time than an emergency may take',
        'duration-too-long',
        { requestedDurationMs: hour + 1 },
        /in an emergency is 1 h/,
      ],
      [
        'a start that is not now',
        'emergency-refused',
        { scheduledActivationTime: requestOf().requestTime + hour },
        /starts now/,
      ],
      ['a reason that says too little', 'justification-too-short', { justification: 'Help!' }, /at least 20/],
      [
        'who is blocked',
        'blocked',
        {},
        /blocked by the policy/,
        { edits: { directory: swap('blocked: []', 'blocked: [person:oncall]') } },
      ],
    ];
    for (const [what, code, changes, because, world] of refused) {
      it(`refuses ${what}`, () => denied(code, assess({ ...emergency, ...changes }, world), because));
    }

    it('counts only where exactly that was signed', async () => {
      const asked = { ...requestOf(emergency), justification: 'Nothing special, just the ordinary way.' };
      const { emergency: _, ...ordinary } = asked;
      const { evidence } = await api.request(ordinary);
      await denied('bad-evidence', reads({}).assess({ request: asked, evidence }), /something else/);
    });

    describe('that takes a passkey', () => {
      const edits: Edits = {
        entitlements: swap('reviewers: [group:security] }', 'reviewers: [group:security], passkey: true }'),
      };
      const request = requestOf(emergency);
      const { grantId, requester: actor } = request;
      const challenged = { type: 'request', installation, grantId, requestDigest: digest(request), actor } as const;

      it('passes with an assertion over exactly this request', async () => {
        await passed(assess(emergency, { edits, statement: { assertion: assertionFor(challenged) } }));
      });

      it('is refused without one', () => denied('passkey-required', assess(emergency, { edits }), /passkey/));

      it('is refused with one over another request', async () => {
        const assertion = assertionFor({ ...challenged, requestDigest: '0'.repeat(64) });
        await denied('passkey-refused', assess(emergency, { edits, statement: { assertion } }), /something else/);
      });
    });
  });
});
