/** A real receipt book for tests, with the key that it is verified by and what stands in it. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBook, type Book } from '../../activities/connectors/book.js';
import { createLog } from '../../activities/platform/log.js';
import { receiptType, type Receipt, type ReceiptKey } from '../../workflows/domain/receipt.js';
import { verified } from '../../workflows/domain/signature.js';
import { folder } from './services.js';
import { privateKey } from './signer.js';

export interface TestBook {
  book: Book;
  /** Where its file is. */
  dir: string;
  key: ReceiptKey;
  /** What a receipt says. Throws unless this book's key signed it. */
  read(jws: string): Receipt;
  /** Everything that was signed and kept, in order. */
  kept(): Promise<Receipt[]>;
}

export async function receiptBook(installation: string, target: string): Promise<TestBook> {
  const key = await privateKey('Ed25519');
  const dir = join(await folder(), 'receipts');
  const pinned = { kid: key.kid ?? '', x: key.x ?? '', targets: [target] };
  const read = (jws: string): Receipt => {
    const found = verified(jws, receiptType, [pinned]);
    assert.ok(found, 'a receipt that the connector signed');
    return found.payload as Receipt;
  };
  return {
    book: openBook({ installation, target, key, dir, log: createLog('test', 'fatal') }),
    dir,
    key: pinned,
    read,
    async kept() {
      const files = await readdir(dir);
      const texts = await Promise.all(files.map((file) => readFile(join(dir, file), 'utf8')));
      return texts
        .flatMap((text) => text.split('\n'))
        .filter((line) => line !== '')
        .map(read);
    },
  };
}
