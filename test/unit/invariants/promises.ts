/** Each check of each promise can fail: facts in which all hold are bent in one place, and exactly that is told. */
import assert from 'node:assert/strict';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import { brokenPromises, promises, type Facts, type GrantFacts, type PromiseNumber } from '../../support/invariants.js';
import { ended, goodFacts, rechained, standing } from '../../support/invariants/good-facts.js';

/** How facts are bent, and what is then said. Several rows may be about one check. */
type Row = [promise: PromiseNumber, check: string, bend: (facts: Facts) => void, says: RegExp];

const of = (facts: Facts, grantId = ended): GrantFacts => {
  const found = facts.grants.find((grant) => grant.grantId === grantId);
  assert.ok(found?.view);
  return found;
};

/** Another detail in one record, with good hashes. */
function bent(facts: Facts, type: AuditRecord['type'], more: Partial<AuditRecord>, grantId = ended): void {
  const grant = of(facts, grantId);
  grant.records = rechained(grant.records, (record) =>
    record.type === type ? { ...record, ...more, detail: { ...record.detail, ...more.detail } } : record,
  );
  told(facts, grant);
}

/** Without, or with one more of them. */
function changed(facts: Facts, change: (record: AuditRecord) => AuditRecord[], grantId = ended): void {
  const grant = of(facts, grantId);
  grant.records = rechained(grant.records, change);
  told(facts, grant);
}

function told({ audit }: Facts, { records }: GrantFacts): void {
  audit.lines.push(...records.map((record) => `${JSON.stringify(record)}\n`));
}

const without = (facts: Facts, type: AuditRecord['type'], grantId = ended): void =>
  changed(facts, (record) => (record.type === type ? [] : [record]), grantId);
const twice = (facts: Facts, type: AuditRecord['type']): void =>
  changed(facts, (record) => (record.type === type ? [record, record] : [record]));

const at = ({ targets }: Facts) => {
  const [target] = targets;
  const [account] = target?.accounts ?? [];
  const [line] = target?.ledger ?? [];
  assert.ok(target && account && line);
  return { target, account, line };
};

function shown(facts: Facts, more: Partial<GrantFacts['view']>, grantId = ended): void {
  const grant = of(facts, grantId);
  grant.view = { ...grant.view, ...more } as GrantFacts['view'];
}

function event(facts: Facts, type: string, name: string | undefined, more: object, grantId = ended): void {
  const { history } = of(facts, grantId);
  const found = history.find((each) => each.type === type && each.name === name);
  assert.ok(found);
  Object.assign(found, more);
}

/** In the year 9999. */
const late = Date.UTC(9999, 0, 1);

function labelled(facts: Facts): void {
  const { label } = at(facts).account;
  if (label) label.endsAt = late;
}

const finding = (code: 'changed' | 'unrecorded') => ({ code, says: 'It does not hold.' });

const rows: Row[] = [
  [1, 'standsWhileOwed', (facts) => shown(facts, { state: 'REVOKED' }, standing), /stands, and its grant is REVOKED/],
  [1, 'standsWhileOwed', (facts) => (facts.grants = [of(facts)]), /belongs to no grant/],
  [1, 'standsWhileOwed', (facts) => delete at(facts).account.label, /carries no label of its grant/],
  [1, 'standsWhileOwed', (facts) => delete at(facts).account.validUntil, /for ever/],
  [1, 'standsWhileOwed', (facts) => (at(facts).account.validUntil = late), /later than its label/],
  [
    1,
    'standsWhileOwed',
    (facts) => Object.assign(at(facts).account, { mayLogIn: true }) && (facts.at += 120_000),
    /longer past its end than/,
  ],
  [1, 'standsWhileOwed', (facts) => at(facts).account.memberOf.push('pg_monitor'), /more than its privilege/],
  [
    1,
    'standsWhileOwed',
    (facts) => at(facts).target.sessions.push({ account: 'x', grantId: ended, since: 0 }),
    /a session of x is open/,
  ],
  [1, 'madeAfterAgreed', (facts) => (at(facts).line.madeAt = 1), /before it was agreed/],
  [1, 'madeAfterAgreed', (facts) => without(facts, 'activation-started'), /nobody had agreed/],
  [
    1,
    'removalStartsInTime',
    (facts) => bent(facts, 'removal-started', { at: (of(facts).view?.expireTime ?? 0) + 2_001 }),
    /started 2001 ms after it was due/,
  ],
  [
    1,
    'removalStartsInTime',
    (facts) => shown(facts, { expireTime: facts.at - 3_000 }, standing),
    /has not started 3000 ms after/,
  ],
  [1, 'removalReachesTarget', (facts) => (at(facts).line.overAt = late), /reached the target \d+ ms after it was due/],
  [
    2,
    'timersGrantNothing',
    (facts) => bent(facts, 'assessed', { type: 'step-reminded' }, standing),
    /follows step-reminded/,
  ],
  [
    2,
    'timersGrantNothing',
    (facts) => bent(facts, 'assessed', { detail: { automatic: false } }, standing),
    /asks for approvals/,
  ],
  [2, 'timersGrantNothing', (facts) => without(facts, 'approved'), /follows step-completed, which approves nothing/],
  [
    2,
    'orderedAfterJudged',
    (facts) => event(facts, 'ActivityTaskCompleted', 'judge', { says: { ok: false } }),
    /0 of 1 judged/,
  ],
  [
    2,
    'orderedAfterJudged',
    (facts) => event(facts, 'ActivityTaskCompleted', 'assess', { says: { verdict: 'deny' } }),
    /without an assessment/,
  ],
  [
    3,
    'owedBeforeOrdered',
    (facts) => event(facts, 'WorkflowPropertiesModified', undefined, { says: { state: 'REQUESTED' } }),
    /before its memo owed it/,
  ],
  [
    3,
    'owedBeforeOrdered',
    (facts) => event(facts, 'WorkflowPropertiesModified', undefined, { of: 99 }),
    /before its memo owed it/,
  ],
  [
    3,
    'owedBeforeOrdered',
    (facts) => bent(facts, 'activation-started', { at: late }),
    /before its record armed the undo/,
  ],
  [4, 'endingsAreProved', (facts) => without(facts, 'removed'), /no removal is on record/],
  [4, 'endingsAreProved', (facts) => bent(facts, 'removed', { detail: { receipt: undefined } }), /carries no receipt/],
  [
    4,
    'endingsAreProved',
    (facts) => bent(facts, 'removed', { detail: { verifiedAt: undefined } }),
    /was not read back/,
  ],
  [4, 'endingsAreProved', (facts) => delete at(facts).line.overAt, /no tombstone stands at its target/],
  [4, 'nothingComesBack', (facts) => (at(facts).line.madeAt = late), /made at orders-db after its tombstone/],
  [
    4,
    'nothingComesBack',
    (facts) => (at(facts).account.account = at(facts).line.account),
    /stands at orders-db after its removal/,
  ],
  [
    4,
    'nothingOrderedAfterwards',
    (facts) => bent(facts, 'removal-started', { at: 1 }),
    /provision was ordered after its removal/,
  ],
  [
    5,
    'wideningIsProved',
    (facts) => bent(facts, 'approved', { detail: { evidence: 'a.b.c' } }),
    /is not signed by the API/,
  ],
  [5, 'wideningIsProved', (facts) => bent(facts, 'approved', { by: 'person:owner' }), /signature over another actor/],
  [
    5,
    'wideningIsProved',
    (facts) => bent(facts, 'extension-asked', { detail: { decisionId: 'x-2' } }),
    /over another decision/,
  ],
  [5, 'wideningIsProved', (facts) => (facts.keys = { ...facts.keys, signing: [] }), /is not signed by the API/],
  [5, 'narrowingIsHonoured', (facts) => revokedBefore(facts, 'removal-started'), /a revoke of .* did not end it/],
  [5, 'denyIsHonoured', (facts) => deniedBefore(facts, 'denied', {}), /approved \(5\) follows a deny \(4\)/],
  [
    5,
    'denyIsHonoured',
    (facts) => deniedBefore(facts, 'decision-refused', { action: 'deny', code: 'already-decided' }),
    /follows a deny/,
  ],
  [
    6,
    'nobodyForThemselves',
    (facts) => bent(facts, 'approved', { by: 'person:engineer' }),
    /approved by person:engineer/,
  ],
  [
    6,
    'nobodyForThemselves',
    (facts) => facts.people.forEach((person) => (person.human = 'one')),
    /approved by person:manager/,
  ],
  [
    6,
    'nobodyForThemselves',
    (facts) => facts.people.push({ ref: 'person:engineer', human: 'engineer', owner: 'person:manager' }),
    /who answers for who did/,
  ],
  [6, 'nobodyForThemselves', (facts) => twice(facts, 'approved'), /approved it twice/],
  [
    7,
    'receiptsAreSigned',
    (facts) => bent(facts, 'removed', { detail: { receipt: 'a.b.c' } }),
    /no receipt of its connector/,
  ],
  [
    7,
    'receiptsAreSigned',
    (facts) => bent(facts, 'removed', { detail: { account: 'another' } }),
    /receipt of another account/,
  ],
  [7, 'receiptsAreSigned', (facts) => (facts.keys = { ...facts.keys, receipts: [] }), /no receipt of its connector/],
  [7, 'standsOnItsEvidence', (facts) => without(facts, 'approved'), /stands on other evidence/],
  [
    7,
    'standsOnItsEvidence',
    (facts) => bent(facts, 'activated', { detail: { evidenceDigest: 'e' } }),
    /claims other evidence/,
  ],
  [
    7,
    'standsOnItsEvidence',
    (facts) => bent(facts, 'extended', { detail: { decisionId: 'x-2' } }),
    /its end was moved at .* on other evidence/,
  ],
  [7, 'labelsFitReceipts', labelled, /another label/],
  [7, 'booksAgree', (facts) => facts.audit.report.findings.push(finding('unrecorded')), /It does not hold/],
  [
    8,
    'holdsNoSecret',
    (facts) => facts.traces.push({ secret: 'a password', where: 'plain in the log' }),
    /a password is plain/,
  ],
  [
    8,
    'holdsNoSecret',
    (facts) => event(facts, 'WorkflowTaskStarted', undefined, { secret: 'a bearer' }),
    /holds a bearer/,
  ],
  [8, 'holdsNoSecret', (facts) => facts.audit.lines.push('{"password":"x"}'), /holds a password/],
  [
    9,
    'redisHoldsNothingNeeded',
    (facts) => facts.redis.push({ key: 'daypass:grants:1', type: 'hash' }),
    /nobody knows what its loss/,
  ],
  [9, 'redisHoldsNothingNeeded', (facts) => facts.redis.push({ key: 'daypass:mailed:1', type: 'hash' }), /as a hash/],
  [
    9,
    'redisHoldsNothingNeeded',
    (facts) => facts.redis.push({ key: 'daypass:out:kept-since', type: 'string', value: '1795382950828' }),
    /without a seal/,
  ],
  [10, 'keepsItsRules', (facts) => shown(facts, { policyVersion: 'p2' }), /its policy is another one/],
  [10, 'keepsItsRules', (facts) => shown(facts, { expireTime: 1 }), /none that its record explains/],
  [10, 'keepsItsRules', (facts) => twice(facts, 'assessed'), /assessed twice/],
  [
    10,
    'keepsItsRules',
    (facts) => bent(facts, 'activated', { type: 'eligibility-checked', detail: { eligible: false } }, standing),
    /although nobody may have it/,
  ],
  [11, 'isExplained', (facts) => bent(facts, 'assessed', { detail: { factors: undefined } }), /does not say: factors/],
  [11, 'isExplained', (facts) => of(facts).records.splice(2, 1), /record 3 does not follow/],
  [11, 'isExplained', (facts) => (of(facts).records = []), /it has no record/],
  [11, 'isExplained', (facts) => (of(facts).replayed = { because: 'other code' }), /does not replay: other code/],
  [11, 'isInTheFiles', (facts) => facts.audit.lines.shift(), /record 1 \(requested\) is in no audit file/],
  [11, 'isInTheFiles', (facts) => facts.audit.report.findings.push(finding('changed')), /It does not hold/],
  [
    11,
    'acceptedIsTold',
    (facts) => facts.accepted.grants.push({ grantId: 'lost', by: 'person:engineer' }),
    /no record tells that they asked/,
  ],
  [11, 'acceptedIsTold', (facts) => without(facts, 'approved'), /answered as applied/],
  [
    11,
    'acceptedIsTold',
    (facts) =>
      facts.accepted.decisions.push({
        grantId: ended,
        decisionId: 'no',
        action: 'deny',
        by: 'person:manager',
        status: 202,
      }),
    /was accepted, and is not told/,
  ],
  [
    11,
    'acceptedIsTold',
    (facts) =>
      facts.accepted.decisions.push({
        grantId: ended,
        decisionId: 'd-1',
        action: 'approve',
        by: 'person:manager',
        status: 403,
      }),
    /counted all the same/,
  ],
  [
    12,
    'countsOnce',
    (facts) => of(facts).runs.push({ runId: 'two', isOpen: false, isTerminated: false }),
    /two workflows ran/,
  ],
  [12, 'countsOnce', (facts) => twice(facts, 'activated'), /activated twice/],
  [12, 'countsOnce', (facts) => twice(facts, 'removed'), /removed twice/],
  [12, 'countsOnce', (facts) => twice(facts, 'approved'), /decision d-1 counted more than once/],
  [12, 'countsOnce', (facts) => shown(facts, { outcomes: [outcome, outcome] }), /two outcomes/],
  [
    12,
    'sameKeySameGrant',
    (facts) => facts.accepted.grants.forEach((grant) => (grant.idempotencyKey = 'same')),
    /the same key had started/,
  ],
  [
    12,
    'sameKeySameGrant',
    (facts) => at(facts).target.accounts.push({ ...at(facts).account, account: 'another' }),
    /two accounts stand/,
  ],
];

const outcome = { decisionId: 'd-1', action: 'approve', by: 'person:manager', at: 0, result: 'applied' } as const;

/** Somebody said no, and the approval counted after that. */
function deniedBefore(facts: Facts, type: 'denied' | 'decision-refused', more: object): void {
  changed(facts, (record) => {
    const deny = {
      ...record,
      type,
      by: 'person:owner',
      detail: { decisionId: 'd-0', about: 'request', ...more },
    } as const;
    return record.type === 'approved' ? [deny, record] : [record];
  });
}

/** A signal that was taken in a turn before anything ended. */
function revokedBefore(facts: Facts, type: AuditRecord['type']): void {
  const { history, records } = of(facts);
  const turn = history.findLastIndex(
    (each) => each.type === 'WorkflowTaskStarted' && each.at < (records.find((it) => it.type === type)?.at ?? 0),
  );
  history.splice(turn, 0, {
    id: (history[turn]?.id ?? 0) - 0.5,
    at: 1,
    type: 'WorkflowExecutionSignaled',
    name: 'revoke',
  });
}

describe('the checks of the promises', () => {
  let good: Facts;

  before(async () => {
    good = await goodFacts();
  });

  it('find nothing in facts where all of them hold', () => {
    assert.deepEqual(brokenPromises(good), []);
  });

  for (const [promise, check, bend, says] of rows) {
    it(`${promise} ${check} tells: ${says.source}`, () => {
      const facts = structuredClone(good);
      bend(facts);
      const checks = promises[promise].checks;
      const found = checks[check]?.(facts).map(({ because }) => because) ?? [];
      assert.ok(
        found.some((because) => says.test(because)),
        `it told ${JSON.stringify(found)}`,
      );
      assert.ok(brokenPromises(facts).some((broken) => broken.promise === promise && says.test(broken.because)));
    });
  }

  it('can each fail, and there is no promise without one', () => {
    const all = Object.entries(promises).flatMap(([promise, { checks }]) =>
      Object.keys(checks).map((name) => `${promise} ${name}`),
    );
    assert.deepEqual([...new Set(rows.map(([promise, check]) => `${promise} ${check}`))].toSorted(), all.toSorted());
    assert.equal(Object.keys(promises).length, 12);
  });
});
