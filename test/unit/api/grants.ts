/** What the API believes of Temporal's answers: memos, full grants, long records. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { createCodec, UnreadablePayload } from '../../../activities/platform/codec.js';
import { createGrants, UnreadableGrant, type Decision, type Grants } from '../../../api/grants.js';
import { foundOf, initialView } from '../../../api/memo.js';
import { Problem } from '../../../api/problem.js';
import { chained, firstBroken, pageOf, type AuditRecord } from '../../../workflows/domain/record.js';
import { grantId, request } from './support/world.js';

const memo = { request: { ...request, bodyDigest: 'digest' }, view: initialView(request) };
const described = { type: 'grant', status: { name: 'RUNNING' }, historyLength: 10, memo };

interface Handle {
  describe?: () => Promise<unknown>;
  signal?: () => Promise<void>;
  cancel?: () => Promise<void>;
  query?: (definition: unknown, input: unknown) => Promise<unknown>;
}

/** Grants over one workflow that answers as a test says. */
function grantsOver(handle: Handle): { grants: Grants; foreign: string[] } {
  const foreign: string[] = [];
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_at: number, call: () => Promise<unknown>) => call(),
    workflow: { getHandle: () => handle },
  };
  const grants = createGrants({
    client: client as unknown as Client,
    codec: createCodec({ current: 'a', keys: { a: randomBytes(32) } }, 'throw'),
    onForeign: (_workflowId, because) => foreign.push(because),
  });
  return { grants, foreign };
}

function grpcError(code: number, details: string): Error {
  const inner = Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} });
  return new Error('Failed to signal Workflow', { cause: inner });
}

const full = () => Promise.reject(grpcError(3, 'exceeded workflow execution limit for signal events'));

describe('a memo', () => {
  const finding = (change: object, request: object = memo.request) =>
    foundOf({ grantId, isOpen: true, historyLength: 1, memo: { request, view: { ...memo.view, ...change } } });

  it('is believed where its view speaks of the request that was signed', () => {
    assert.deepEqual(finding({})?.request, request);
    assert.equal(finding({})?.view.entitlement, request.entitlement);
  });

  it('is no grant where its view shows another request than the one that an approval would bind', () => {
    for (const lie of [
      { grantId: '1'.repeat(26) },
      { requester: 'person:manager' },
      { subject: 'person:contractor' },
      { requesterName: 'Somebody harmless' },
      { subjectName: 'Somebody harmless' },
      { entitlement: 'orders-db/administer' },
      { target: 'another-db' },
      { requestedDurationMs: 60_000 },
      { requestTime: 1 },
      { scheduledActivationTime: Date.now() + 60_000 },
    ]) {
      assert.equal(finding(lie), undefined, JSON.stringify(lie));
    }
  });

  it('is no grant under another grant’s id', () => {
    assert.equal(finding({}, { ...memo.request, grantId: '1'.repeat(26) }), undefined);
  });

  it('claims no shorter duration than what an approval of the request would grant', () => {
    const step = { about: 'request', index: 0, of: 1, name: 's', needed: 1, asked: [], votes: [], escalated: false };
    assert.equal(finding({ step, grantedDurationMs: 60_000 })?.view.grantedDurationMs, undefined);
    assert.equal(finding({ grantedDurationMs: 60_000 })?.view.grantedDurationMs, 60_000);
  });
});

describe('a grant in Temporal', () => {
  const describeAs = (answer: () => Promise<unknown>) => grantsOver({ describe: answer });

  it('is found, or not, by its id and type', async () => {
    assert.equal((await describeAs(() => Promise.resolve(described)).grants.find(grantId))?.bodyDigest, 'digest');
    const other = describeAs(() => Promise.resolve({ ...described, type: 'reconcile' }));
    assert.equal(await other.grants.find(grantId), undefined);
    const none = describeAs(() => Promise.reject(new WorkflowNotFoundError('not found', 'grant/x', undefined)));
    assert.equal(await none.grants.find(grantId), undefined);
  });

  it('is not found, and told to the operator, when its view shows something else than its request', async () => {
    const view = { ...memo.view, target: 'another-db' };
    const { grants, foreign } = describeAs(() => Promise.resolve({ ...described, memo: { ...memo, view } }));
    assert.equal(await grants.find(grantId), undefined);
    assert.equal(foreign.length, 1);
  });

  it('that does not open with our keys is a fault to mend, and what never was sealed for it is no grant', async () => {
    for (const reason of ['unknown-key', 'broken'] as const) {
      const { grants, foreign } = describeAs(() => Promise.reject(new UnreadablePayload(reason)));
      await assert.rejects(
        grants.find(grantId),
        (error) => error instanceof UnreadableGrant && error.status === 500 && !/DAYPASS_/.test(error.message),
      );
      if (reason === 'unknown-key') assert.match(foreign[0] ?? '', /DAYPASS_CODEC_KEYS_FILE/);
    }
    for (const reason of ['unsealed', 'other-workflow'] as const) {
      const { grants, foreign } = describeAs(() => Promise.reject(new UnreadablePayload(reason)));
      assert.equal(await grants.find(grantId), undefined);
      assert.equal(foreign.length, 1);
    }
  });
});

describe('a grant that takes no more signals', () => {
  const narrow = (action: 'deny' | 'withdraw' | 'revoke', endsGrant = true): Decision => ({
    action,
    endsGrant,
    message: { decisionId: 'd', by: 'person:manager', reason: '' },
  });

  it('is cancelled by whoever may end it', async () => {
    for (const action of ['deny', 'withdraw', 'revoke'] as const) {
      let cancelled = 0;
      const { grants } = grantsOver({ signal: full, cancel: () => Promise.resolve(void (cancelled += 1)) });
      assert.deepEqual(await grants.decide(grantId, narrow(action)), { is: 'recorded' });
      assert.equal(cancelled, 1, action);
    }
  });

  it('is not cancelled by what ends no grant', async () => {
    const { grants } = grantsOver({ signal: full });
    const widening = { decisionId: 'd', by: 'person:manager', comment: '', evidence: '' };
    for (const decision of [narrow('deny', false), { action: 'approve', message: widening } satisfies Decision]) {
      await assert.rejects(
        grants.decide(grantId, decision),
        (error) => error instanceof Problem && error.code === 'too-many-decisions',
      );
    }
  });

  it('is told from a server that holds back its callers, or refuses for another reason', async () => {
    const busy = grantsOver({ signal: () => Promise.reject(grpcError(8, 'namespace rate limit exceeded')) });
    await assert.rejects(
      busy.grants.decide(grantId, narrow('revoke')),
      (error) => error instanceof Problem && error.code === 'temporal-unavailable',
    );
    const wrong = grantsOver({ signal: () => Promise.reject(grpcError(3, 'SignalName is not set on request.')) });
    await assert.rejects(
      wrong.grants.decide(grantId, narrow('revoke')),
      (error) => error instanceof Error && !(error instanceof Problem),
    );
  });
});

describe('a decision', () => {
  const revoke: Decision = {
    action: 'revoke',
    endsGrant: true,
    message: { decisionId: 'd', by: 'person:manager', reason: '' },
  };

  it('is answered as recorded at once where so many decide that asking would take what deciding needs', async () => {
    let asked = 0;
    let answer = (): void => undefined;
    const view = { ...memo.view, state: 'REVOKING', outcomes: [{ decisionId: 'd' }] };
    const judged = new Promise((resolve) => {
      answer = () => resolve({ ...described, memo: { ...memo, view } });
    });
    const { grants } = grantsOver({
      signal: () => Promise.resolve(),
      describe: () => {
        asked += 1;
        return judged;
      },
    });
    const storm = Array.from({ length: 200 }, () => grants.decide(grantId, revoke));
    assert.deepEqual(await storm.at(-1), { is: 'recorded' });
    answer();
    const answers = await Promise.all(storm);
    assert.equal(answers.filter(({ is }) => is === 'judged').length, asked);
    assert.ok(asked >= 10 && asked < 30, `asked ${asked} times`);
    assert.equal(
      (await grants.decide(grantId, revoke)).is,
      'judged',
      'whoever comes after it is told what became of it',
    );
  });

  it('is answered with its outcome where the memo does not show it, as it has the newest alone', async () => {
    const outcome = { decisionId: 'd', result: 'applied' };
    for (const state of ['APPROVAL_AWAITED', 'REVOKED']) {
      const { grants } = grantsOver({
        signal: () => Promise.resolve(),
        describe: () => Promise.resolve({ ...described, memo: { ...memo, view: { ...memo.view, state } } }),
        query: (_definition, decisionId) => Promise.resolve({ outcome: decisionId === 'd' && outcome, state }),
      });
      assert.deepEqual(await grants.decide(grantId, revoke), { is: 'judged', outcome, state });
    }
  });

  it('is waited for while it is judged, also where the grant is over, as one under review is', async () => {
    const outcome = { decisionId: 'd', result: 'applied' };
    const state = 'WITHDRAWN';
    let looks = 0;
    const { grants } = grantsOver({
      signal: () => Promise.resolve(),
      describe: () => {
        looks += 1;
        const view = { ...memo.view, state, outcomes: looks < 4 ? [] : [outcome] };
        return Promise.resolve({ ...described, memo: { ...memo, view } });
      },
      query: () => Promise.resolve({ outcome: undefined, state }),
    });
    const message = { decisionId: 'd', by: 'person:security', comment: '', evidence: 'signed' };
    assert.deepEqual(await grants.decide(grantId, { action: 'review', message }), { is: 'judged', outcome, state });
  });

  it('is answered as recorded where nobody can say what became of it', async () => {
    const { grants } = grantsOver({
      signal: () => Promise.resolve(),
      describe: () => Promise.resolve(described),
      query: () => Promise.reject(grpcError(9, 'no poller seen for task queue recently')),
    });
    assert.deepEqual(await grants.decide(grantId, revoke), { is: 'recorded' });
  });
});

describe('a record', () => {
  const chainOf = (count: number): AuditRecord[] => {
    let chain: AuditRecord[] = [];
    const detail = { because: 'x'.repeat(900) };
    for (let at = 1; at <= count; at += 1) {
      chain = chained(chain, { chain: `grant/${grantId}`, at, type: 'decision-refused', by: 'person:manager', detail });
    }
    return chain;
  };

  it('is had whole, however many answers it takes', async () => {
    const chain = chainOf(300);
    const asked: unknown[] = [];
    const { grants } = grantsOver({
      query: (_definition, after) => {
        asked.push(after);
        return Promise.resolve(pageOf(chain.slice(Number(after)), 48_000));
      },
    });
    const records = await grants.record(grantId);
    assert.equal(records.length, 300);
    assert.equal(firstBroken(records), undefined);
    assert.ok(asked.length > 5, `asked ${asked.length} times`);
  });

  it('ends with whoever answers the same again and again', async () => {
    const chain = chainOf(2);
    const { grants } = grantsOver({ query: () => Promise.resolve(chain) });
    assert.deepEqual(await grants.record(grantId), chain);
  });
});
