/** The connectors' books against the records: what was made and kept out of the record shows, and so does a line taken out of a book. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAudit } from '../../../api/audit/verify/audit-file.js';
import { readBooks, type BookFile } from '../../../api/audit/verify/books.js';
import type { Finding } from '../../../api/audit/verify/finding.js';
import { reportText } from '../../../api/audit/verify/report.js';
import { verifyAudit, type Report } from '../../../api/audit/verify/verify.js';
import { signAs } from '../../../activities/platform/jws.js';
import { receiptType } from '../../../workflows/domain/receipt.js';
import type { AuditRecord } from '../../../workflows/domain/record.js';
import { claimed } from '../../../workflows/domain/signature.js';
import { auditWorld, exported, type AuditWorld } from '../../support/audit-world.js';

const name = 'orders-db-book-1.jws';
const unknown = '00000000000000000000000009';
const [first, second] = ['00000000000000000000000001', '00000000000000000000000002'];
const minute = 60_000;
const start = Date.parse('2026-11-02T09:00:00Z');
const at = start + 30 * minute;

describe('the receipt books of connectors', () => {
  let world: AuditWorld;
  let lines: string[];
  beforeEach(async () => {
    world = await auditWorld();
    lines = await world.export();
  });

  const book = (bookLines: readonly string[] = world.book): BookFile[] => [{ name, lines: [...bookLines] }];

  async function verify(text: readonly string[] = lines, books: BookFile[] = book()): Promise<Report> {
    return verifyAudit(await readAudit(text), { keys: world.keys, portal: 'http://localhost:7300', books });
  }

  async function caught(text?: readonly string[], books?: BookFile[]): Promise<Finding> {
    const { holds, findings } = await verify(text, books);
    const [found] = findings;
    assert.ok(found && !holds);
    assert.match(found.says, /^[A-Z].*\.$/);
    return found;
  }

  const without = (chain: string): AuditRecord[] =>
    [...world.chains].flatMap(([it, records]) => (it === chain ? [] : records));

  it('hold with the records, and are counted', async () => {
    const report = await verify();
    assert.deepEqual([report.holds, report.findings], [true, []]);
    assert.deepEqual(report.checked.receiptBooks, {
      books: 1,
      receipts: { made: 2, 'end-moved': 1, removed: 2 },
      told: 5,
      repeated: 0,
      unanswered: 0,
      idle: 0,
      outside: 0,
      elsewhere: 0,
      torn: 0,
    });
    assert.match(reportText(report), /5 lines of 1 connector's book \(made 2, .*5 told by a record/);
  });

  it('name the grant whose chain, with every seal and the header, was made away with', async () => {
    const from = start - minute;
    const text = await exported(without(`grant/${second}`), [], world.private.api, { from });
    assert.equal((await verifyAudit(await readAudit(text), { keys: world.keys })).holds, true);
    const found = await caught(text);
    assert.equal(found.code, 'unrecorded');
    assert.ok(found.says.startsWith(`An account was made for grant ${second} that no record tells of`), found.says);
  });

  it('name it in audit files as well, which have no header', async () => {
    const text = await exported(without(`grant/${second}`), [], world.private.api);
    assert.equal((await caught(text.slice(1))).code, 'unrecorded');
  });

  it('name an account of a grant that nobody ever recorded', async () => {
    await world.receipt({ kind: 'made', at, grantId: unknown });
    const found = await caught();
    assert.deepEqual([found.code, found.chain, found.book], ['unrecorded', `grant/${unknown}`, name]);
  });

  it('name a second account, an end moved and a removal that the chain of a grant does not tell', async () => {
    await world.receipt({ kind: 'made', at, grantId: second, more: { account: 'daypass_other' } });
    await world.receipt({ kind: 'end-moved', at, grantId: second });
    const { findings } = await verify();
    assert.deepEqual(
      findings.map(({ code, says }) => [code, says.split(' for grant')[0]]),
      [
        ['unrecorded', 'An account was made'],
        ['unrecorded', 'The end of an account was moved'],
      ],
    );
    await world.receipt({ kind: 'removed', at, grantId: unknown });
    assert.equal((await verify()).findings.length, 3);
  });

  it('take what a repeated attempt left, and what the sweep did', async () => {
    await world.receipt({ kind: 'made', at, grantId: first });
    await world.receipt({ kind: 'removed', at, grantId: first });
    await world.receipt({ kind: 'swept', at, grantId: unknown });
    const { holds, checked, unseen } = await verify();
    assert.deepEqual([holds, checked.receiptBooks?.repeated, checked.receiptBooks?.receipts.swept], [true, 2, 1]);
    assert.ok(unseen.some((sentence) => sentence.startsWith('1 accounts were removed by a connector alone')));
  });

  it('take an answer to an order that is on record, while its record does not tell it yet', async () => {
    const chain = world.chains.get(`grant/${second}`) ?? [];
    const records = [...without(`grant/${second}`), ...chain.slice(0, 3)];
    const { findings, checked } = await verify(
      await exported(records, [], world.private.api),
      book(world.book.slice(0, -1)),
    );
    assert.deepEqual([findings, checked.receiptBooks?.unanswered], [[], 1]);
  });

  it('count what lies outside the range or the filter of an export, or is newer', async () => {
    const text = async (change: object) =>
      exported(without(`grant/${second}`), [], world.private.api, change as { from: number });
    for (const change of [
      { from: start + 200 * minute },
      { filter: { grant: first } },
      { filter: { target: 'other-db' } },
      { unreadable: [`grant/${second}`] },
    ]) {
      const { findings, checked } = await verify(await text(change));
      assert.deepEqual([findings, checked.receiptBooks?.outside], [[], 2], JSON.stringify(change));
    }
    assert.equal((await caught(await text({ filter: { target: 'orders-db' } }))).code, 'unrecorded');
    await world.receipt({ kind: 'made', at: start + 301 * minute, grantId: unknown });
    assert.equal((await verify()).checked.receiptBooks?.outside, 1);
  });

  describe('name a line that was', () => {
    it('dropped, also the last one', async () => {
      assert.match((await caught(lines, book(world.book.toSpliced(1, 1)))).says, /^Receipt 2 is missing in the book/);
      const found = await caught(lines, book(world.book.slice(0, -1)));
      assert.deepEqual([found.code, found.chain, found.sequence], ['dropped', `grant/${second}`, 7]);
    });

    it('changed, signed by a key that is not pinned for its target, or put into another book', async () => {
      const bent = world.book.with(1, (world.book[1] ?? '').replace(/.\n$/, '!\n'));
      const found = await caught(lines, book(bent));
      assert.deepEqual([found.code, found.book, found.line], ['bad-receipt', name, 2]);
      assert.equal((await caught(lines, [{ name: 'orders-db-book-2.jws', lines: world.book }])).code, 'bad-receipt');
      world.keys.receipts = world.keys.receipts.map((key) => ({ ...key, targets: ['other-db'] }));
      assert.ok((await verify()).findings.some(({ book: of, line }) => of === name && line === 1));
    });

    it('replaced by another one that its key signed, or stands beside it', async () => {
      const line = world.book[1] ?? '';
      const other = `${await signAs(receiptType, { ...claimed(line.trim()), account: 'other' }, world.private.receipts)}\n`;
      assert.match(
        (await caught(lines, book(world.book.with(1, other)))).says,
        /^Receipt 3 of the book .* does not follow/,
      );
      const found = await caught(lines, book([...world.book, other]));
      assert.deepEqual([found.code, found.book], ['inserted', name]);
    });
  });

  it('take what a failed write leaves: half a line, a line that stands twice, an empty one; and nothing else', async () => {
    const half = (world.book[2] ?? '').slice(0, 90);
    const torn = [...world.book.slice(0, 2), `${half}\n`, '\n', ...world.book.slice(1), half];
    const { findings, checked } = await verify(lines, book(torn));
    assert.deepEqual([findings, checked.receiptBooks?.torn], [[], 2]);
    const died = await verify(lines, book([...world.book, 'eyJ']));
    assert.deepEqual([died.holds, died.checked.receiptBooks?.torn], [true, 1]);
    assert.equal((await caught(lines, book([...world.book, 'no line\n']))).code, 'bad-receipt');
  });

  it('say which receipts are of books that are not there', async () => {
    const { holds, unseen } = await verify(lines, []);
    assert.equal(holds, true);
    assert.ok(
      unseen.some((sentence) => sentence.startsWith('5 receipts here are of books that are not in the folder')),
    );
  });

  it('are read from their folder, and a folder without any is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'daypass-books-'));
    try {
      await assert.rejects(readBooks(join(folder, 'none')), /cannot be read. Give the folder/);
      await assert.rejects(readBooks(folder), /There is no receipt book/);
      await writeFile(join(folder, name), world.book.join(''));
      assert.deepEqual(await readBooks(folder), book());
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
