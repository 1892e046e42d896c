/**
 * What may stand in the journal: lines that the API signed, and strays that carry a receipt of their target's connector.
 * Reading never throws: whoever can signal can send anything, and it then becomes a sentence that says what was wrong.
 */
import { SYSTEM, type Ref } from './actor.js';
import { isShallow } from './depth.js';
import { digest } from './digest.js';
import { statementType } from './evidence.js';
import type { JournalRecordType } from './record.js';
import { receiptType, type ReceiptKey } from './receipt.js';
import { keyIdOf, verified, type VerificationKey } from './signature.js';
import type { Instant } from './time.js';

/** Whose signatures count. */
export interface Believed {
  installation: string;
  api: (VerificationKey & { until?: Instant })[];
  receipts: ReceiptKey[];
}

/** A line as it goes into the chain. One `noteId` counts once. */
export interface Line {
  noteId: string;
  type: JournalRecordType;
  by: Ref;
  detail: { [key: string]: unknown };
  /** When the API signed it. A stray has no such time: a connector's clock says nothing of what the API may say. */
  issuedAt?: Instant;
}

export type Read = Line | { because: string; unknownKey?: true };

export function isLine(read: Read): read is Line {
  return 'noteId' in read;
}

/** What the API may say. The rest comes of receipts, or of this file. */
const apiTypes: readonly JournalRecordType[] = [
  'payloads-opened',
  'temporal-changed',
  'temporal-refused',
  'audit-exported',
  'signed-out-everywhere',
];
const detailMax = 10_000;

/** A `NoteStatement`, as the signal `note` carries it. */
export function readNote(message: unknown, believed: Believed, now: Instant): Read {
  const { statement } = fields(message);
  if (typeof statement !== 'string') return { because: 'It was no sealed, readable note.' };
  const signed = verified(statement, statementType, believed.api);
  if (!signed) return unsigned('The API did not sign it.', statement, believed.api);
  const { type, installation, noteId, issuedAt, event, by, detail } = fields(signed.payload);
  const known = apiTypes.find((name) => name === event);
  if (type !== 'note' || installation !== believed.installation || known === undefined) {
    return { because: 'The API signed it for something else.' };
  }
  if (!isText(noteId, 64) || !isText(by, 200) || typeof issuedAt !== 'number' || !isDetail(detail)) {
    return { because: 'The note has wrong fields.' };
  }
  const until = believed.api.find(({ kid }) => kid === signed.kid)?.until;
  // By our clock: who finds an old key can write any date.
  if (until !== undefined && now > until) return { because: 'It was signed with a key that had been retired.' };
  // Ours last: a detail cannot pass for them.
  return { noteId, type: known, by, detail: { ...detail, noteId, evidence: statement }, issuedAt };
}

/** A `StrayFound`: what was removed, or still stands, is what the connector signed. */
export function readStray(message: unknown, believed: Believed): Read {
  const { target, grantId, account, receipt } = fields(message);
  if (!isText(target, 64) || !isText(grantId, 64) || !isText(account, 200) || typeof receipt !== 'string') {
    return { because: 'It was no sealed, readable stray.' };
  }
  const keys = believed.receipts.filter(({ targets }) => targets.includes(target));
  const signed = verified(receipt, receiptType, keys);
  if (!signed) return unsigned(`No connector of ${target} signed it.`, receipt, keys);
  const said = fields(signed.payload);
  if (said['installation'] !== believed.installation || said['target'] !== target) {
    return { because: 'The connector signed it for something else.' };
  }
  const { book, number } = said;
  if (!isText(book, 64) || !Number.isSafeInteger(number)) return { because: 'The receipt has wrong fields.' };
  const detail = { target, grantId, account, receipt };
  if (said['kind'] === 'listed') {
    // Every pass finds it again; once is enough.
    return { noteId: `stands ${digest({ target, grantId })}`, type: 'stray-stands', by: SYSTEM, detail };
  }
  if ((said['kind'] !== 'removed' && said['kind'] !== 'swept') || said['grantId'] !== grantId) {
    return { because: 'The connector signed it for something else.' };
  }
  return { noteId: `removed ${digest({ target, book, number })}`, type: 'stray-removed', by: SYSTEM, detail };
}

/** A key that is not known may have been pinned since. */
function unsigned(because: string, jws: string, keys: readonly VerificationKey[]): Read {
  const kid = keyIdOf(jws);
  const isKnown = kid === undefined || keys.some((key) => key.kid === kid);
  return isKnown ? { because } : { because, unknownKey: true };
}

/** As the activity answered, or undefined where it makes no sense. */
export function readBelieved(answer: unknown): Believed | undefined {
  const { installation, api, receipts } = fields(answer);
  if (!isShallow(answer)) return undefined;
  if (typeof installation !== 'string' || !Array.isArray(api) || !Array.isArray(receipts)) return undefined;
  const isKey = (key: unknown): boolean => isText(fields(key)['kid'], 200) && isText(fields(key)['x'], 64);
  if (!api.every(isKey) || !receipts.every((key) => isKey(key) && Array.isArray(fields(key)['targets'])))
    return undefined;
  return { installation, api: api as Believed['api'], receipts: receipts as ReceiptKey[] };
}

function fields(value: unknown): { [key: string]: unknown } {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function isText(value: unknown, charactersMax: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= charactersMax;
}

function isDetail(value: unknown): value is { [key: string]: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    isShallow(value) &&
    JSON.stringify(value).length <= detailMax
  );
}
