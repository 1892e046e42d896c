/** Searching and exporting, over chains that are given: what is in an export, what it says of itself, and when there is none. */
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { createAudit, type Audit } from '../../../api/audit/audit.js';
import type { Chains } from '../../../api/audit/chains.js';
import { csvRow } from '../../../api/audit/csv.js';
import { ExportAudit, SearchAudit } from '../../../api/audit/schemas.js';
import { readAudit } from '../../../api/audit/verify/audit-file.js';
import { verifyAudit, type Report } from '../../../api/audit/verify/verify.js';
import { createSealer } from '../../../api/identity/seal.js';
import { Problem } from '../../../api/problem.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import { auditWorld, installation, type AuditWorld } from '../../support/audit-world.js';
import { page } from '../../support/authenticator.js';
import { actorOf } from '../api/support/world.js';

const one = 'grant/00000000000000000000000001';
const day = { from: '2026-11-02T00:00:00Z', to: '2026-11-02T23:00:00Z' };

interface Given {
  /** Chains that visibility does not show in the range. */
  hidden?: string[];
  unreadable?: string[];
  noWorker?: boolean;
  noJournal?: boolean;
}

describe('the audit, searched and exported', () => {
  let world: AuditWorld;
  before(async () => {
    world = await auditWorld();
  });

  interface Desk {
    audit: Audit;
    /** What was noted in the journal. */
    noted: { event: string; by: string; detail: Record<string, unknown> }[];
    /** What visibility was asked. */
    asked: string[];
  }

  function desk(given: Given = {}): Desk {
    const noted: Desk['noted'] = [];
    const asked: string[] = [];
    const unavailable = new Problem('temporal-unavailable', 'No worker answers.');
    const chains: Chains = {
      runs: (filter, { limit, token }) => {
        asked.push(filter);
        const named = /WorkflowId = '([^']+)'/.exec(filter)?.[1];
        const all = [...world.chains.keys()].filter((chain) =>
          named === undefined ? !given.hidden?.includes(chain) : chain === named,
        );
        const from = Number(token ?? 0);
        const runs = all.slice(from, from + limit).map((chain) => ({ chain, runId: 'run' }));
        return Promise.resolve({ runs, token: from + limit < all.length ? String(from + limit) : undefined });
      },
      records: ({ chain }) =>
        given.noWorker
          ? Promise.reject(unavailable)
          : Promise.resolve(given.unreadable?.includes(chain) ? undefined : world.chains.get(chain)),
      seals: () => (given.noWorker ? Promise.reject(unavailable) : Promise.resolve(world.seals)),
    };
    const journal = {
      note: (event: string, by: string, detail: Record<string, unknown>) => {
        noted.push({ event, by, detail });
        return given.noJournal ? Promise.reject(unavailable) : Promise.resolve();
      },
    };
    const audit = createAudit({
      chains,
      journal,
      sealer: createSealer(new Uint8Array(32)),
      key: world.private.api,
      installation,
      portalUrl: `${page.origin}/`,
      now: () => Date.parse(day.to),
    });
    return { audit, noted, asked };
  }

  async function exported(audit: Audit, query: object): Promise<string> {
    const made = await audit.export(ExportAudit.parse(query), actorOf('auditor'), new AbortController().signal);
    const content = made.firstLine + (await text(made.content));
    await made.done();
    return content;
  }

  async function verified(content: string): Promise<Report> {
    const lines = content.split(/(?<=\n)/);
    return verifyAudit(await readAudit(lines), { keys: world.keys });
  }

  it('is exported so that all of it verifies, and noted before that', async () => {
    const { audit, noted } = desk();
    const { holds, findings, checked } = await verified(await exported(audit, { ...day, format: 'jsonl' }));
    assert.deepEqual([holds, findings], [true, []]);
    assert.deepEqual([checked.chains, checked.records, checked.seals, checked.passkeys], [4, 24, 3, 1]);
    const [note] = noted;
    assert.deepEqual([note?.event, note?.by], ['audit-exported', 'person:auditor']);
    assert.deepEqual([note?.detail['format'], note?.detail['records'], note?.detail['filter']], ['jsonl', 24, {}]);
  });

  it('holds what a seal names, also where nothing of it happened in the range', async () => {
    const { audit } = desk({ hidden: [one] });
    const content = await exported(audit, { ...day, format: 'jsonl' });
    assert.ok(content.includes(one));
    assert.equal((await verified(content)).holds, true);
  });

  it('is exported whole for one grant, with the enrolment of the passkeys that proved something there', async () => {
    const { audit } = desk();
    const query = { grant: one.slice('grant/'.length), type: 'approved', format: 'jsonl' };
    const { holds, findings, checked, unseen } = await verified(await exported(audit, query));
    assert.deepEqual([holds, findings], [true, []]);
    assert.deepEqual([checked.chains, checked.records, checked.passkeys], [2, 15, 1]);
    assert.ok(unseen.some((sentence) => sentence.includes('that others are missing cannot be seen')));
  });

  it('says which chains could not answer', async () => {
    const { audit } = desk({ unreadable: [one] });
    const { holds, unseen } = await verified(await exported(audit, { ...day, format: 'jsonl' }));
    assert.equal(holds, false);
    assert.ok(unseen.some((sentence) => sentence === `Could not be read when this was exported: ${one}.`));
    const found = await audit.search(SearchAudit.parse(day));
    assert.deepEqual(found.unreadable, [one]);
  });

  it('is not exported, in no part, where no worker answers or the journal cannot be written', async () => {
    const { audit, noted } = desk({ noWorker: true });
    for (const format of ['jsonl', 'csv']) {
      await assert.rejects(exported(audit, { ...day, format }), (error) => error instanceof Problem);
    }
    assert.deepEqual(noted, []);
    await assert.rejects(exported(desk({ noJournal: true }).audit, { ...day, format: 'csv' }), Problem);
  });

  it('is exported as CSV with the records that are meant, and no others', async () => {
    const { audit } = desk();
    const rows = (await exported(audit, { ...day, type: 'approved', format: 'csv' })).split('\r\n');
    assert.equal(rows[0], '"time","chain","sequence","type","by","detail","previous","hash"');
    assert.equal(rows.length, 3);
    assert.match(
      rows[1] ?? '',
      /^"2026-11-02T09:01:00\.000Z","grant\/0+1","4","approved","person:manager","\{""decisionId/,
    );
  });

  it('is searched page by page, each record once and none left out', async () => {
    const { audit } = desk();
    const found: AuditRecord[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const next = await audit.search(SearchAudit.parse({ ...day, limit: 5, ...(cursor && { cursor }) }));
      assert.ok(next.records.length <= 5);
      found.push(...next.records.map(({ time: _time, ...record }) => record as AuditRecord));
      cursor = next.next;
      pages += 1;
    } while (cursor !== undefined);
    assert.equal(pages, 5);
    const inRange = [...world.chains.values()].flat();
    assert.deepEqual(found.toSorted(byPlace), inRange.toSorted(byPlace));
  });

  const byPlace = (a: AuditRecord, b: AuditRecord) => a.chain.localeCompare(b.chain) || a.sequence - b.sequence;

  it('takes no cursor of another search, and no range that makes no sense', async () => {
    const { audit } = desk();
    const { next: cursor } = await audit.search(SearchAudit.parse({ ...day, limit: 5 }));
    assert.ok(cursor);
    for (const query of [
      { cursor, type: 'approved' },
      { cursor: 'other' },
      { from: day.to, to: day.from },
      { from: '2025-01-01T00:00:00Z', to: day.to },
    ]) {
      await assert.rejects(
        audit.search(SearchAudit.parse(query)),
        (error) => error instanceof Problem && error.code === 'invalid',
      );
    }
  });

  it('asks visibility for what is narrowed to, and lets no value ask for more', async () => {
    const { audit, asked } = desk();
    await audit.search(SearchAudit.parse({ ...day, subject: 'person:engineer', target: 'orders-db' }));
    assert.equal(
      asked[0],
      "WorkflowType = 'grant' AND Subject = 'person:engineer' AND Target = 'orders-db' AND " +
        "ChangedAt >= '2026-11-02T00:00:00.000Z' AND StartTime <= '2026-11-02T23:00:00.000Z'",
    );
    for (const wrong of [
      { subject: "person:x' OR '1'='1" },
      { chain: "grant/' OR ''='" },
      { chain: 'reconcile/orders-db' },
      { by: 'person:x y' },
      { type: 'everything' },
      { grant: '..' },
    ]) {
      assert.equal(SearchAudit.safeParse(wrong).success, false, JSON.stringify(wrong));
    }
  });

  it('runs nothing in a spreadsheet, whatever a cell begins with', () => {
    const dangerous = fc
      .tuple(fc.constantFrom('=', '+', '-', '@', '\t', '\r'), fc.string())
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(dangerous, (by) => {
        const record: AuditRecord = {
          chain: 'journal',
          sequence: 1,
          at: 0,
          type: 'closed',
          by,
          detail: {},
          previous: '',
          hash: '',
        };
        const row = csvRow(record);
        assert.ok(row.includes(`,"'${by.replaceAll('"', '""')}",`));
        assert.ok(row.endsWith('\r\n'));
      }),
    );
  });
});
