/** Promise 7: what a connector did it signed, and it did it on the decisions that the record shows. */
import type { AuditRecord } from '../../../workflows/domain/record.js';
import type { GrantFacts } from './facts.js';
import { hashOf, signedBy } from './jws.js';
import { all, first, numberOf, ofEach, textOf, time, type Check } from './look.js';

const kinds: { [record: string]: string } = {
  activated: 'made',
  extended: 'end-moved',
  renewed: 'renewed',
  removed: 'removed',
  'tombstone-planted': 'removed',
};

/** By a key that is pinned for this target, and about this grant. */
export const receiptsAreSigned: Check = ofEach((grant, { keys, installation }) =>
  grant.records.map((record) => {
    const kind = kinds[record.type];
    if (kind === undefined) return undefined;
    const target = grant.view?.target ?? '';
    const pinned = keys.receipts.filter(({ targets }) => targets.includes(target));
    const receipt = signedBy(record.detail['receipt'], 'daypass-receipt+jws', pinned);
    if (!receipt) return `${record.type} (${record.sequence}) carries no receipt of its connector`;
    const { account } = record.detail;
    const expected: [string, unknown, unknown][] = [
      ['kind', receipt['kind'], kind],
      ['installation', receipt['installation'], installation],
      ['target', receipt['target'], target],
      ['grant', receipt['grantId'], grant.grantId],
      ['account', receipt['account'], account ?? receipt['account']],
    ];
    const wrong = expected.find(([, signed, recorded]) => signed !== recorded);
    return wrong && `${record.type} (${record.sequence}) carries a receipt of another ${wrong[0]}`;
  }),
);

interface Basis {
  request: unknown;
  approvals: unknown[];
  extensions: { extension: unknown; approvals: unknown[] }[];
}

/** The digest in each receipt is that of the request, of approvals in the record, and of the extensions until then with theirs. */
export const standsOnItsEvidence: Check = ofEach((grant) => {
  const made = first(grant, 'activated');
  if (!made) return [];
  const request = first(grant, 'requested')?.detail['evidence'];
  let bases = votesAbout(grant, 'request')
    .map((approvals): Basis => ({ request, approvals, extensions: [] }))
    .filter(claimedBy(made));
  if (bases.length === 0) return ['its account stands on other evidence than its record shows'];
  const { evidenceDigest } = payloadOf(made.detail['receipt']);
  if (made.detail['evidenceDigest'] !== evidenceDigest) return ['its record claims other evidence than its receipt'];
  for (const moved of all(grant, 'extended')) {
    const { decisionId } = moved.detail;
    const asked = all(grant, 'extension-asked').find(({ detail }) => detail['decisionId'] === decisionId);
    const extension = asked?.detail['evidence'];
    const ways = votesAbout(grant, decisionId).map((approvals) => ({ extension, approvals }));
    bases = bases
      .flatMap((basis) => ways.map((way) => ({ ...basis, extensions: [...basis.extensions, way] })))
      .filter(claimedBy(moved));
    if (bases.length === 0) return [`its end was moved at ${time(moved.at)} on other evidence than its record shows`];
  }
  return [];
});

function claimedBy({ detail }: AuditRecord): (basis: Basis) => boolean {
  const claimed = payloadOf(detail['receipt'])['evidenceDigest'];
  return (basis) => hashOf(basis) === claimed;
}

/** The approvals that may have counted, in their order; a vote that lost its standing was left out. */
function votesAbout(grant: GrantFacts, about: unknown): unknown[][] {
  return all(grant, 'approved')
    .filter(({ detail }) => detail['about'] === about)
    .reduce<unknown[][]>(
      (some, { detail }) => [...some, ...some.map((chosen) => [...chosen, detail['evidence']])],
      [[]],
    );
}

function payloadOf(jws: unknown): { [field: string]: unknown } {
  try {
    return JSON.parse(Buffer.from(textOf(jws).split('.')[1] ?? '', 'base64url').toString()) as {
      [field: string]: unknown;
    };
  } catch {
    // Said by the check of its signature.
    return {};
  }
}

/** The account that stands now is labelled with the evidence of its newest receipt, and ends no later than that says. */
export const labelsFitReceipts: Check = ({ grants, targets }) => {
  const byId = new Map(grants.map((grant) => [grant.grantId, grant]));
  return targets.flatMap(({ accounts }) =>
    accounts.flatMap(({ grantId, account, label }) => {
      const newest = newestReceipt(byId.get(grantId));
      if (!newest || !label) return [];
      const later = label.endsAt > (numberOf(newest['endsAt']) ?? 0);
      if (label.evidence === newest['evidenceDigest'] && !later) return [];
      // The target has moved it, and the grant has not heard yet.
      if (byId.get(grantId)?.view?.extension) return [];
      return [{ grantId, because: `${account} carries another label than its receipt says` }];
    }),
  );
};

function newestReceipt(grant: GrantFacts | undefined): { [field: string]: unknown } | undefined {
  const newest = grant && all(grant, 'activated', 'extended').at(-1);
  return newest && payloadOf(newest.detail['receipt']);
}

/** The connectors' own books tell of nothing that no record tells of. */
export const booksAgree: Check = ({ audit }) =>
  audit.report.findings
    .filter(({ code }) => code === 'bad-receipt' || code === 'unrecorded')
    .map(({ says, chain }) => ({
      ...(chain !== undefined && { grantId: chain.replace('grant/', '') }),
      because: says,
    }));
