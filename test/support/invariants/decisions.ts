/** Promises 5, 6, 10, 11 and 12: who decided, on what proof, by which rules, and that each counted once. */
import type { AuditRecord } from '../../../workflows/domain/record.js';
import type { Facts, GrantFacts, HistoryEvent } from './facts.js';
import { hashOf, signedBy } from './jws.js';
import { all, fieldsOf, first, numberOf, ofEach, textOf, time, type Check } from './look.js';

const statement = 'daypass+jws';
const proves: Partial<Record<AuditRecord['type'], string>> = {
  requested: 'request',
  approved: 'approve',
  'extension-asked': 'extend',
  'renewal-asked': 'renew',
  reviewed: 'review',
};

/** What widens carries the API's signature over exactly that decision, by exactly that person. */
export const wideningIsProved: Check = ofEach((grant, { keys, installation }) =>
  grant.records.map((record) => {
    const type = proves[record.type];
    if (type === undefined) return undefined;
    const said = signedBy(record.detail['evidence'], statement, keys.signing);
    if (!said) return `${record.type} (${record.sequence}) is not signed by the API`;
    const expected: [string, unknown, unknown][] = [
      ['type', said['type'], type],
      ['installation', said['installation'], installation],
      ['grant', said['grantId'], grant.grantId],
      ['actor', said['actor'], record.by],
      ['request', said['requestDigest'], hashOf(fieldsOf(first(grant, 'requested')?.detail['request']))],
      ['decision', said['decisionId'], record.detail['decisionId']],
      ['subject of the decision', said['about'], record.detail['about']],
    ];
    const wrong = expected.find(([, signed, recorded]) => signed !== recorded);
    return wrong && `${record.type} (${record.sequence}) carries a signature over another ${wrong[0]}`;
  }),
);

const narrowing: { [signal: string]: string } = { withdraw: 'withdrawn', revoke: 'revoked' };

/** A withdrawal or a revoke that reached a live grant ends it in the very next turn, whoever sent it. */
export const narrowingIsHonoured: Check = ofEach((grant) =>
  grant.history.map((event) => {
    const isNarrowing = event.type === 'WorkflowExecutionSignaled' && (event.name ?? '') in narrowing;
    if (!isNarrowing) return undefined;
    const turn = turnAfter(grant, event);
    if (turn === undefined) return undefined;
    const ended = first(grant, 'removal-started', 'closed');
    if (ended && ended.at <= turn) return undefined;
    return `a ${event.name ?? ''} of ${time(event.at)} did not end it in the turn of ${time(turn)}`;
  }),
);

/** Whoever was counted, asked or reminded after it went on deciding. */
const decidesOn = ['approved', 'step-opened', 'step-completed', 'step-reminded', 'step-escalated', 'step-expired'];
const decidesAnew = ['extension-asked', 'removal-started', 'closed'];

/** A deny ends what is being decided; one is refused only where nothing is. */
export const denyIsHonoured: Check = ofEach((grant) =>
  grant.records.map(({ type, detail, sequence }) => {
    const isRefused = type === 'decision-refused' && detail['action'] === 'deny' && detail['code'] !== 'not-now';
    if (type !== 'denied' && !isRefused) return undefined;
    const next = grant.records
      .slice(sequence)
      .find((record) => decidesOn.includes(record.type) || decidesAnew.includes(record.type));
    return next && decidesOn.includes(next.type) && `${next.type} (${next.sequence}) follows a deny (${sequence})`;
  }),
);

/** When the turn began that took this signal; undefined where none did yet, or the grant was over. */
function turnAfter({ history }: GrantFacts, { id }: HistoryEvent): number | undefined {
  const done = history.find((event) => {
    return event.type === 'WorkflowTaskCompleted' && (event.of ?? 0) > id;
  });
  return history.find((event) => event.id === done?.of)?.at;
}

/** Of the request, of an extension: distinct humans, none of whom it is for, or asked, or answers for the service. */
export const nobodyForThemselves: Check = ofEach((grant, { people }) => {
  const request = fieldsOf(first(grant, 'requested')?.detail['request']);
  const known = new Map(people.map((person) => [person.ref as string, person]));
  const humanOf = (ref: string): string => known.get(ref)?.human ?? ref;
  const parties = [textOf(request['requester']), textOf(request['subject'])];
  const owners = parties.flatMap((ref) => known.get(ref)?.owner ?? []);
  const barred = new Set([...parties, ...owners].map(humanOf));
  const voted = new Set<string>();
  return [...all(grant, 'approved'), ...all(grant, 'reviewed')].flatMap(({ by, detail, type }) => {
    const human = humanOf(by);
    const vote = `${type} ${textOf(detail['about'])} ${human}`;
    const twice = voted.has(vote);
    voted.add(vote);
    return [
      barred.has(human) && `it was ${type} by ${by}, for whom it is, who asked for it, or who answers for who did`,
      twice && `${by} ${type} it twice, with one account or with two`,
    ];
  });
});

/** What it was approved under it keeps: the version of its policy, and no end later than the record explains. */
export const keepsItsRules: Check = ofEach((grant) => {
  const [assessed, again] = all(grant, 'assessed');
  const { policyVersion, expireTime, state } = grant.view ?? {};
  const ends = all(grant, 'activated', 'extended').map(({ detail }) => numberOf(detail['expireTime']) ?? 0);
  const lost = all(grant, 'eligibility-checked').find(({ detail }) => detail['eligible'] === false);
  const after = lost ? grant.records.slice(lost.sequence).map(({ type }) => type as string) : [];
  return [
    again && 'it was assessed twice',
    assessed?.detail['verdict'] === 'pass' &&
      assessed.detail['policyVersion'] !== policyVersion &&
      'its policy is another one than it was assessed by',
    expireTime !== undefined && expireTime !== ends.at(-1) && 'its end is none that its record explains',
    lost &&
      !['removal-started', 'closed'].includes(after[0] ?? '') &&
      'it went on although nobody may have it any more',
    state === 'ACTIVE' && lost && 'it is ACTIVE although nobody may have it any more',
  ];
});

/** Facts, rule and result of what was decided by a machine; and every record follows from the one before. */
export const isExplained: Check = ofEach((grant) => {
  const assessed = first(grant, 'assessed');
  const { detail = {} } = assessed ?? {};
  const needed =
    detail['verdict'] === 'pass'
      ? ['score', 'band', 'factors', 'flow', 'ceiling', 'policyVersion']
      : ['code', 'because'];
  const missing = assessed ? needed.filter((field) => detail[field] === undefined) : [];
  return [
    grant.view && grant.records.length === 0 && 'it has no record',
    missing.length > 0 && `its assessment does not say: ${missing.join(', ')}`,
    brokenLink(grant),
    typeof grant.replayed === 'object' && `its history does not replay: ${grant.replayed.because}`,
  ];
});

function brokenLink({ grantId, records }: GrantFacts): string | undefined {
  let previous = '0'.repeat(64);
  for (const [index, { hash, ...record }] of records.entries()) {
    const follows =
      record.chain === `grant/${grantId}` && record.sequence === index + 1 && record.previous === previous;
    if (!follows || hashOf(record) !== hash) return `record ${index + 1} does not follow from the one before it`;
    previous = hash;
  }
  return undefined;
}

/** The files have every record to the letter, and verify as a whole. */
export const isInTheFiles: Check = ({ grants, audit }) => {
  const lines = new Set(audit.lines.map((line) => line.replace(/\n$/, '')));
  const lacking = grants.flatMap(({ grantId, records, runs }) => {
    // What is under way may not be told yet; a closed workflow waited until it was.
    if (runs.some(({ isOpen, isTerminated }) => isOpen || isTerminated)) return [];
    const record = records.find((each) => !lines.has(JSON.stringify(each)));
    return record ? [{ grantId, because: `record ${record.sequence} (${record.type}) is in no audit file` }] : [];
  });
  const findings = audit.report.findings.filter(({ code }) => code !== 'bad-receipt' && code !== 'unrecorded');
  return [...lacking, ...findings.map(({ says }) => ({ because: says }))];
};

/** Whatever the API said yes to happened, and is told; what it refused did not. */
export const acceptedIsTold: Check = ({ grants, accepted }) => {
  const byId = new Map(grants.map((grant) => [grant.grantId, grant]));
  return [
    ...accepted.grants.flatMap(({ grantId, by }) => {
      const asked = first(byId.get(grantId) ?? nothing(grantId), 'requested');
      return asked?.by === by ? [] : [{ grantId, because: `${by} was answered, and no record tells that they asked` }];
    }),
    ...accepted.decisions.flatMap(({ grantId, decisionId, action, by, status }) => {
      const told = recordsOf(byId.get(grantId) ?? nothing(grantId), decisionId);
      const refused = told.some(({ type }) => type === 'decision-refused');
      const what = `${action} ${decisionId} by ${by}`;
      if (status === 200 && (told.length === 0 || refused)) {
        return [{ grantId, because: `${what} was answered as applied, and the record tells otherwise` }];
      }
      if (status === 202 && told.length === 0) return [{ grantId, because: `${what} was accepted, and is not told` }];
      if (status >= 400 && status < 500 && told.some(({ type }) => type !== 'decision-refused')) {
        return [{ grantId, because: `${what} was refused with ${status}, and counted all the same` }];
      }
      return [];
    }),
  ];
};

function nothing(grantId: string): GrantFacts {
  return { grantId, runs: [], records: [], history: [] };
}

const decided: AuditRecord['type'][] = [
  'approved',
  'denied',
  'withdrawn',
  'revoked',
  'extension-asked',
  'renewal-asked',
  'reviewed',
  'decision-refused',
];

function recordsOf(grant: GrantFacts, decisionId: string): AuditRecord[] {
  return grant.records.filter(({ type, detail }) => decided.includes(type) && detail['decisionId'] === decisionId);
}

/** One workflow, one activation, one outcome for each decision. */
export const countsOnce: Check = ofEach((grant) => {
  const [, secondRun] = grant.runs.filter(({ isTerminated }) => !isTerminated);
  const outcomes = grant.view?.outcomes.map(({ decisionId }) => decisionId) ?? [];
  const ids = new Set(grant.records.map(({ detail }) => textOf(detail['decisionId'])).filter((id) => id !== ''));
  const repeated = [...ids].find((id) => recordsOf(grant, id).length > 1);
  return [
    secondRun && 'two workflows ran under its id',
    all(grant, 'requested').length > 1 && 'it was requested twice',
    all(grant, 'activated').length > 1 && 'it was activated twice',
    all(grant, 'closed').length > 1 && 'it was closed twice',
    all(grant, 'removed').length > 1 && 'it was removed twice',
    repeated !== undefined && `decision ${repeated} counted more than once`,
    new Set(outcomes).size < outcomes.length && 'a decision has two outcomes',
  ];
});

/** The same key of the same caller is the same grant; an account and its grant belong to each other alone. */
export const sameKeySameGrant: Check = ({ accepted, targets }: Facts) => {
  const grantOf = new Map<string, string>();
  const twice = accepted.grants.flatMap(({ grantId, by, idempotencyKey }) => {
    if (idempotencyKey === undefined) return [];
    const key = `${by} ${idempotencyKey}`;
    const before = grantOf.get(key) ?? grantId;
    grantOf.set(key, before);
    return before === grantId ? [] : [{ grantId, because: `the same key had started ${before} before` }];
  });
  const accounts = targets.flatMap(({ accounts: standing }) => standing);
  const shared = accounts.filter(({ grantId, account }) =>
    accounts.some((other) => other.account !== account && (other.label?.grantId ?? other.grantId) === grantId),
  );
  return [...twice, ...shared.map(({ grantId }) => ({ grantId, because: 'two accounts stand for it' }))];
};
