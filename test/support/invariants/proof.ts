/** Promise 7: what a connector did it signed, and it did it on the decisions that the record shows. */
import type { GrantFacts } from './facts.js';
import { hashOf, signedBy } from './jws.js';
import { all, first, numberOf, ofEach, textOf, type Check } from './look.js';

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

/** The digest in the receipt is that of the request and of approvals in the record, enough of them. */
export const standsOnItsEvidence: Check = ofEach((grant) => {
  const made = first(grant, 'activated');
  if (!made) return [];
  const claimed = payloadOf(made.detail['receipt'])['evidenceDigest'];
  const request = first(grant, 'requested')?.detail['evidence'];
  const votes = all(grant, 'approved').filter(({ detail }) => detail['about'] === 'request');
  const fits = subsets(votes.map(({ detail }) => detail['evidence'])).some(
    (approvals) => hashOf({ request, approvals, extensions: [] }) === claimed,
  );
  return [
    !fits && 'its account stands on other evidence than its record shows',
    made.detail['evidenceDigest'] !== claimed && 'its record claims other evidence than its receipt',
  ];
});

/** In their order; a vote that lost its standing was left out. */
function subsets(votes: unknown[]): unknown[][] {
  return votes.reduce<unknown[][]>((some, vote) => [...some, ...some.map((chosen) => [...chosen, vote])], [[]]);
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
