/** Files that are made to exhaust whoever verifies them: each ends in a report, within seconds. */
import assert from 'node:assert/strict';
import type { AuditFile } from '../../../api/audit/verify/audit-file.js';
import { openBook } from '../../../api/audit/verify/books.js';
import { whyItCannotStand } from '../../../api/audit/verify/stands-on.js';
import { verifyAudit } from '../../../api/audit/verify/verify.js';
import type { Receipt } from '../../../workflows/domain/receipt.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';

const noKeys = { signing: [], seals: [], receipts: [] };
/** More than a call takes arguments. */
const many = 130_000;

function record(change: Partial<AuditRecord>): AuditRecord {
  const hash = '0'.repeat(64);
  return {
    chain: 'journal',
    sequence: 1,
    at: 1,
    type: 'stray-stands',
    by: 'x',
    detail: {},
    previous: hash,
    hash,
    ...change,
  };
}

function file(records: readonly AuditRecord[]): AuditFile {
  const read: AuditFile = { lines: records.length, chains: new Map(), seals: [], broken: [], findings: [] };
  for (const [line, it] of records.entries()) {
    const placed = read.chains.get(it.chain);
    if (placed) placed.push({ record: it, line });
    else read.chains.set(it.chain, [{ record: it, line }]);
  }
  return read;
}

describe('an audit that is made to exhaust its verification', function () {
  this.timeout(240_000);

  it('by the length of one chain', async () => {
    const records = Array.from({ length: many }, (_, index) => record({ sequence: index + 1 }));
    assert.equal((await verifyAudit(file(records), { keys: noKeys })).findings[0]?.code, 'changed');
  });

  it('by the number of its chains, each with a finding, beside the books of connectors', async () => {
    const records = Array.from({ length: many }, (_, index) => record({ chain: `person/${index}` }));
    const { findings } = await verifyAudit(file(records), { keys: noKeys, books: [] });
    assert.equal(findings.length, many);
  });

  it('by approvals that could be put together in more ways than anybody can try', () => {
    const about = 'request';
    const vote = record({ type: 'approved', detail: { about, step: 0, evidence: 'e' } });
    const activated = record({ type: 'activated' });
    const records = [
      record({ type: 'requested' }),
      record({ type: 'step-opened', detail: { about, step: 0, needed: 20 } }),
      ...Array.from({ length: 40 }, () => vote),
      // Nobody approved this one, so no way is a way.
      record({ type: 'step-opened', detail: { about, step: 1, needed: 5 } }),
      activated,
    ];
    const receipt = { kind: 'made', evidenceDigest: 'x', at: 1 } as Receipt;
    assert.match(whyItCannotStand(activated, receipt, records, {}) ?? '', /for other evidence/);
  });

  it('by halves of lines in a book', () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `e${index}\n`);
    assert.equal(openBook({ name: 'orders-db-x.jws', lines }, []).findings.length, 20_000);
  });
});
