/** Changes as the grant workflow tells them, and directories of any size, for tests of telling. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { createDirectory, type Directory } from '../../activities/policy/directory.js';
import { directoryFile, type DirectoryFile } from '../../activities/policy/schema/directory.js';
import type { Change, News } from '../../activities/contract.js';
import { chained, noHead, type AuditRecord } from '../../workflows/domain/record.js';
import type { Request } from '../../workflows/domain/request.js';
import type { GrantView } from '../../workflows/domain/view.js';
import { grantIdFrom } from '../../workflows/ids.js';
import { randomBytes } from 'node:crypto';

const hour = 3_600_000;

/** The example directory, changed by `edit`. */
export function exampleDirectory(edit: (file: DirectoryFile) => void = () => undefined): Directory {
  const file = directoryFile.parse(parse(readFileSync('policy/directory.yml', 'utf8')));
  edit(file);
  return createDirectory(file);
}

export interface ChangeParts {
  view?: Partial<GrantView>;
  request?: Partial<Request>;
  news?: News[];
  records?: number;
}

/** A request of the engineer that waits for the database owners, unless told otherwise. */
export function change({ view = {}, request = {}, news = [], records = 1 }: ChangeParts = {}): Change {
  const now = Date.now();
  const asked: Request = {
    grantId: grantIdFrom(randomBytes(17)),
    requester: 'person:engineer',
    subject: 'person:engineer',
    requesterName: 'Engineer',
    subjectName: 'Engineer',
    entitlement: 'orders-db/read',
    target: 'orders-db',
    justification: 'Look into a late order.',
    requestedDurationMs: 1.5 * hour,
    requestTime: now,
    ...request,
  };
  return {
    request: asked,
    view: {
      ...asked,
      asked: ['group:db-owners'],
      changes: 3,
      changedAt: now,
      state: 'APPROVAL_AWAITED',
      conditions: [],
      entitlementTitle: 'Read the orders database',
      credential: 'none',
      head: noHead,
      outcomes: [],
      risk: {
        score: 42,
        band: 'elevated',
        factors: [{ id: 'hour', points: 20, evidence: 'It is 03:10 for them.' }],
        missing: [],
      },
      step: {
        about: 'request',
        index: 0,
        of: 1,
        name: 'owners',
        needed: 1,
        asked: ['group:db-owners'],
        votes: [],
        escalated: false,
        expireAt: now + hour,
      },
      ...view,
    },
    news,
    records: recordsOf(asked.grantId, now, records),
  };
}

function recordsOf(grantId: string, at: number, count: number): AuditRecord[] {
  let chain: AuditRecord[] = [];
  for (let made = 0; made < count; made += 1) {
    chain = chained(chain, { chain: `grant/${grantId}`, at, type: 'requested', by: 'person:engineer', detail: {} });
  }
  return chain;
}
