/** Promises 1 to 4: what stands, since when, on what, and that it is gone when it should be. */
import type { Facts, GrantFacts, HistoryEvent, StandingAccount } from './facts.js';
import { all, dueOf, fieldsOf, first, isOver, numberOf, ofEach, scheduled, time, turnOf, type Check } from './look.js';

const owing = ['ACTIVATING', 'ACTIVE', 'REVOKING', 'WITHDRAWING'];
/** Two clocks of one machine, and instants that were cut to milliseconds. */
const clocksMs = 5;
/** A connector removes by itself what stands so long past its end; until then a stray may stand. */
const sweepMs = 60_000;

/** Every account, by the target's word, belongs to a grant whose state owes it. */
export const standsWhileOwed: Check = ({ targets, grants, at }) => {
  const byId = new Map(grants.map((grant) => [grant.grantId, grant]));
  return targets.flatMap(({ target, accounts, sessions }) => [
    ...accounts.flatMap((account) => {
      const because = whyNotOwed(account, byId.get(account.grantId), at);
      return because === undefined
        ? []
        : [{ grantId: account.grantId, because: `${account.account} at ${target} ${because}` }];
    }),
    ...sessions.flatMap(({ account, grantId }) => {
      const state = byId.get(grantId)?.view?.state ?? 'no grant';
      if (owing.includes(state)) return [];
      return [{ grantId, because: `a session of ${account} is open at ${target}, and the grant is ${state}` }];
    }),
  ]);
};

function whyNotOwed(
  { label, grantId, mayLogIn, validUntil, memberOf }: StandingAccount,
  grant: GrantFacts | undefined,
  now: number,
): string | undefined {
  if (label?.grantId !== grantId) return 'carries no label of its grant';
  if (!grant?.view || grant.runs.at(-1)?.isTerminated) return 'belongs to no grant that runs';
  const { state, expireTime } = grant.view;
  if (!owing.includes(state)) return `stands, and its grant is ${state}`;
  if (validUntil === undefined) return 'would let its user in for ever';
  if (validUntil > label.endsAt) return `would let its user in until ${time(validUntil)}, later than its label says`;
  if (mayLogIn && now > label.endsAt + sweepMs) return `stands longer past its end than the connector's sweep allows`;
  if (state === 'ACTIVE' && expireTime === undefined) return 'stands without an end';
  return memberOf.length > 1 ? `is a member of more than its privilege: ${memberOf.join(', ')}` : undefined;
}

/** Nothing was ever made before the record says that it was agreed, also of what is long gone. */
export const madeAfterAgreed: Check = ({ targets, grants }) => {
  const byId = new Map(grants.map((grant) => [grant.grantId, grant]));
  return targets.flatMap(({ target, ledger }) =>
    ledger.flatMap(({ grantId, account, madeAt }) => {
      if (madeAt === undefined) return [];
      const grant = byId.get(grantId);
      const agreed = grant && first(grant, 'activation-started');
      if (!agreed) return [{ grantId, because: `${account} was made at ${target}, and nobody had agreed to it` }];
      if (madeAt + clocksMs >= agreed.at) return [];
      return [
        { grantId, because: `${account} was made at ${time(madeAt)}, before it was agreed at ${time(agreed.at)}` },
      ];
    }),
  );
};

/** Removal starts at the end, or as soon as somebody revokes it or gives it back. */
export const removalStartsInTime: Check = ofEach((grant, { accepted, at }) => {
  const started = first(grant, 'removal-started');
  const end = grant.view?.expireTime;
  // What somebody terminated by force cannot start anything; reconcile and sweep end it. What never stood needs no removal.
  if ((end === undefined && !started) || grant.runs.at(-1)?.isTerminated) return [];
  const due = dueOf(grant) ?? end ?? at;
  const lateMs = (started?.at ?? at) - due;
  const late = lateMs > accepted.removalStartsWithinMs;
  return [late && `its removal ${started ? 'started' : 'has not started'} ${lateMs} ms after it was due`];
});

/** And reaches the target, by the target's own word and clock. */
export const removalReachesTarget: Check = ofEach((grant, { accepted, targets }) => {
  const { removalReachesWithinMs } = accepted;
  const due = dueOf(grant);
  if (removalReachesWithinMs === undefined || due === undefined || !first(grant, 'removal-started')) return [];
  if (grant.runs.at(-1)?.isTerminated) return [];
  return targets
    .flatMap(({ ledger }) => ledger.filter(({ grantId }) => grantId === grant.grantId))
    .map(({ overAt }) => {
      const lateMs = (overAt ?? Infinity) - due;
      return lateMs > removalReachesWithinMs && `its removal reached the target ${lateMs} ms after it was due`;
    });
});

/** What let it pass: people, a machine's assessment, or nobody. Time alone is none of them. */
export const timersGrantNothing: Check = ofEach((grant) => [
  ...all(grant, 'scheduled', 'activation-started').map((agreed) => {
    const before = grant.records[agreed.sequence - 2];
    const { type = 'nothing', detail = {} } = before ?? {};
    if (type === 'assessed' && detail['verdict'] === 'pass') {
      const alone = detail['automatic'] === true || detail['emergency'] === true;
      return alone ? undefined : `${agreed.type} follows an assessment that asks for approvals`;
    }
    if (type === 'eligibility-checked' && detail['eligible'] === true) {
      return first(grant, 'scheduled') ? undefined : `${agreed.type} follows a check of eligibility alone`;
    }
    const last = grant.records[agreed.sequence - 3];
    if (type === 'step-completed' && last?.type === 'approved') return undefined;
    return `${agreed.type} follows ${type}, which approves nothing`;
  }),
  ...grant.records.map((record, index) => {
    const isDue = ['step-reminded', 'step-escalated', 'step-expired', 'time-up'].includes(record.type);
    const next = grant.records[index + 1];
    const widens = next && ['step-completed', 'scheduled', 'activation-started', 'extended'].includes(next.type);
    return isDue && widens && `${next.type} follows ${record.type}`;
  }),
]);

/** By Temporal's own history: enough judged approvals, or an assessment that needs none, before anything is ordered. */
export const orderedAfterJudged: Check = ofEach((grant) => [
  ...scheduled(grant, 'provision').map((order) => {
    const before = grant.history.filter(({ id }) => id < order.id);
    const finding = fieldsOf(before.findLast((event) => answers(event, 'assess'))?.says);
    const rule = fieldsOf(finding['rule']);
    if (finding['verdict'] !== 'pass') return 'an account was ordered without an assessment that let it pass';
    if (first(grant, 'requested')?.detail['emergency'] === true) return undefined;
    if (rule['automatic'] === true && first(grant, 'assessed')?.detail['automatic'] === true) return undefined;
    const steps = (fieldsOf(rule['flow'])['steps'] ?? []) as { needed: number }[];
    const needed = steps.reduce((sum, step) => sum + step.needed, 0);
    const judged = before.filter((event) => answers(event, 'judge') && fieldsOf(event.says)['ok'] === true);
    const judges = new Set(judged.map(({ says }) => fieldsOf(says)['by']));
    return judges.size < needed
      ? `an account was ordered with ${judges.size} of ${needed} judged approvals`
      : undefined;
  }),
]);

function answers({ type, name }: HistoryEvent, activity: string): boolean {
  return name === activity && (type === 'ActivityTaskCompleted' || type === 'MarkerRecorded');
}

/** The memo, which reconcile asks, owes the account in the turn that orders it or before; the record says so too. */
export const owedBeforeOrdered: Check = ofEach((grant) =>
  scheduled(grant, 'provision').map((order) => {
    const shown = grant.history.find(
      ({ type, says }) => type === 'WorkflowPropertiesModified' && owing.includes(String(fieldsOf(says)['state'])),
    );
    const armed = first(grant, 'activation-started');
    const turn = turnOf(grant, order);
    if (!shown || (shown.of ?? Infinity) > (order.of ?? 0)) return 'an account was ordered before its memo owed it';
    if (!armed || turn === undefined || armed.at > turn)
      return 'an account was ordered before its record armed the undo';
    return undefined;
  }),
);

/** Once it is being removed nothing is ordered any more. */
export const nothingOrderedAfterwards: Check = ofEach((grant) => {
  const ending = first(grant, 'removal-started');
  const late = ending
    ? ['provision', 'setEnd', 'renew']
        .flatMap((name) => scheduled(grant, name))
        .filter((order) => (turnOf(grant, order) ?? 0) > ending.at)
    : [];
  return late.map(({ name }) => `${name ?? ''} was ordered after its removal had started`);
});

/** Over means: the record has a removal that was read back, or nothing was ever ordered and a tombstone stands. */
export const endingsAreProved: Check = ofEach((grant, { targets }) => {
  if (!isOver(grant)) return [];
  const state = grant.view?.state ?? '';
  const mayStand = scheduled(grant, 'provision').length > 0 || first(grant, 'scheduled', 'activation-started');
  const removed = first(grant, 'removed');
  const lines = targets.flatMap(({ ledger }) => ledger.filter(({ grantId }) => grantId === grant.grantId));
  const tombstone = lines.find(({ overAt }) => overAt !== undefined);
  const isOpen = grant.runs.some((run) => run.isOpen);
  return [
    mayStand && !removed && `it is ${state}, something may stand, and no removal is on record`,
    removed && typeof removed.detail['receipt'] !== 'string' && 'its removal carries no receipt',
    removed && numberOf(removed.detail['verifiedAt']) === undefined && 'its removal was not read back',
    removed && !tombstone && `it is ${state}, and no tombstone stands at its target`,
    !removed && !isOpen && !tombstone && !isWorthless(grant) && `it is ${state} and closed, and no tombstone stands`,
  ];
});

/** Its evidence had run out by then, so a tombstone keeps nothing away. */
function isWorthless(grant: GrantFacts): boolean {
  const closed = grant.history.findLast(({ type }) => type.startsWith('WorkflowExecution'));
  const evidence = String(first(grant, 'requested')?.detail['evidence']).split('.')[1] ?? '';
  const claims = fieldsOf(JSON.parse(Buffer.from(evidence, 'base64url').toString() || '{}'));
  return (closed?.at ?? 0) > (numberOf(claims['activateBy']) ?? Infinity);
}

/** Whatever is over stays over: no account is younger than its tombstone, and none stands that was read back as gone. */
export const nothingComesBack: Check = ({ targets }: Facts) =>
  targets.flatMap(({ target, ledger, accounts }) =>
    ledger.flatMap(({ grantId, account, madeAt = 0, overAt = Infinity, removedAt }) => {
      const stands = accounts.some((standing) => standing.account === account);
      return [
        ...(madeAt > overAt ? [{ grantId, because: `${account} was made at ${target} after its tombstone` }] : []),
        ...(stands && removedAt !== undefined
          ? [{ grantId, because: `${account} stands at ${target} after its removal` }]
          : []),
      ];
    }),
  );
