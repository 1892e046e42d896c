/** The receipt book: nothing is made that it does not hold, and nothing is kept standing because it cannot be written. */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBook, type Book, type Entry } from '../../../activities/connectors/book.js';
import { TargetError } from '../../../activities/connectors/connector.js';
import { createLog } from '../../../activities/platform/log.js';
import type { PrivateJwk } from '../../../activities/platform/keys.js';
import { digest } from '../../../workflows/domain/digest.js';
import { receiptType, type Receipt } from '../../../workflows/domain/receipt.js';
import { firstPrevious } from '../../../workflows/domain/record.js';
import { verified } from '../../../workflows/domain/signature.js';
import { folder } from '../../support/services.js';
import { privateKey } from '../../support/signer.js';

const now = 1_800_000_000_000;
const grantId = '0123456789abcdefghjkmnpqrs';

const made: Entry = {
  kind: 'made',
  grantId,
  account: 'daypass_x',
  endsAt: now + 1,
  evidenceDigest: 'e'.repeat(64),
  targetIdentity: '1',
};
const removed: Entry = {
  kind: 'removed',
  grantId,
  account: 'daypass_x',
  removedAt: now,
  verifiedAt: now,
  wasPresent: true,
  sessionsEnded: 0,
  targetIdentity: '1',
};

describe('the receipt book', () => {
  let key: PrivateJwk;
  let dir: string;
  let levels: string[];
  const books: Book[] = [];
  before(async () => {
    key = await privateKey('Ed25519');
  });
  beforeEach(async () => {
    dir = join(await folder(), 'receipts');
    levels = [];
  });
  afterEach(async () => {
    for (const book of books.splice(0)) await book.close();
  });

  function begin(): Book {
    const log = createLog('test', 'info', (line) => levels.push(String(JSON.parse(line).level)));
    const book = openBook({ installation: 'test', target: 'orders-db', key, dir, log, clock: () => now });
    books.push(book);
    return book;
  }

  function read(jws: string): Receipt {
    const found = verified(jws, receiptType, [{ kid: key.kid ?? '', x: key.x ?? '' }]);
    assert.ok(found, 'signed by the connector, as a receipt');
    return found.payload as Receipt;
  }

  async function lines(): Promise<string[]> {
    const files = await readdir(dir);
    const texts = await Promise.all(files.map((file) => readFile(join(dir, file), 'utf8')));
    return texts.flatMap((text) => text.split('\n')).filter((line) => line !== '');
  }

  /** Nothing can be written there: a file stands where the folder belongs. */
  async function breakDisk(): Promise<void> {
    await writeFile(dir, '');
  }
  async function mendDisk(): Promise<void> {
    await rm(dir);
  }

  const isRefused = (work: Promise<unknown>) =>
    assert.rejects(work, (error) => error instanceof TargetError && error.outcome === 'unknown');

  it('signs what the connector did, with the account of whose book it is', async () => {
    const { book, ...rest } = read(await begin().sign(made));
    assert.match(book, /^[0-9a-f-]{36}$/);
    assert.deepEqual(rest, {
      ...made,
      installation: 'test',
      target: 'orders-db',
      number: 1,
      previous: firstPrevious,
      at: now,
    });
  });

  it('numbers and chains what is signed at once, and holds all of it when the answers leave', async () => {
    const book = begin();
    const signed = await Promise.all(
      Array.from({ length: 50 }, (_, index) => book.sign({ ...made, endsAt: now + index })),
    );
    assert.deepEqual(await lines(), signed);
    const receipts = signed.map(read);
    for (const [index, receipt] of receipts.entries()) {
      const before = receipts[index - 1];
      assert.deepEqual([receipt.number, receipt.previous], [index + 1, before ? digest(before) : firstPrevious]);
    }
  });

  it('has a file that is its own and that others cannot read', async () => {
    const [one, other] = [begin(), begin()];
    const ids = new Set([read(await one.sign(made)).book, read(await other.sign(made)).book]);
    assert.deepEqual(new Set(await readdir(dir)), new Set([...ids].map((id) => `orders-db-${id}.jws`)));
    for (const file of await readdir(dir)) assert.equal((await stat(join(dir, file))).mode & 0o777, 0o600);
  });

  // Who fills the disk must not get accounts that no book knows of.
  it('lets nothing be made while it cannot be written', async () => {
    await breakDisk();
    const book = begin();
    await isRefused(book.ready());
    await isRefused(book.sign(made));
    assert.deepEqual(levels, ['error']);
  });

  // Who fills the disk must not keep accounts standing either.
  it('signs removals all the same, raises the alarm, and writes them once the disk is back', async () => {
    await breakDisk();
    const book = begin();
    const signed = [await book.sign(removed), await book.sign({ ...removed, kind: 'swept' })];
    assert.deepEqual(
      signed.map((it) => read(it).number),
      [1, 2],
    );
    assert.deepEqual(levels, ['error']);
    await mendDisk();
    await book.ready();
    assert.deepEqual(await lines(), signed);
    assert.deepEqual(levels, ['error', 'info']);
  });

  it('leaves no number out for a making that it could not keep', async () => {
    await breakDisk();
    const book = begin();
    await isRefused(book.sign(made));
    await mendDisk();
    await book.sign(made);
    assert.deepEqual(
      (await lines()).map((it) => read(it).number),
      [1, 2],
    );
  });
});
