/** What a verification cannot see, said before anybody believes that it did. */
import type { ExportHeader } from './audit-file.js';
import type { CheckedChain } from './chain.js';
import type { HeadsChecked } from './seals.js';
import type { BookCounts } from './told.js';

/** What was found out on the way, for `unseen`. */
export interface Seen {
  header?: ExportHeader;
  chains: CheckedChain[];
  heads: HeadsChecked;
  seals: { first?: number; last?: { number: number; at: number } };
  passkeysUnknown: number;
  receiptsElsewhere: number;
  receiptBooks?: BookCounts;
  portal?: string;
}

const when = (at: number): string => new Date(at).toISOString();

export function unseen(seen: Seen): string[] {
  return [...ofSeals(seen), ...ofExport(seen), ...ofChains(seen), ...ofBooks(seen), ...ofProofs(seen)];
}

function ofSeals({ seals: { first, last }, heads, chains }: Seen): string[] {
  if (!last) return ['There is no seal here: whole chains, and the ends of chains, could have been cut off.'];
  const open = chains.filter(
    ({ chain, records }) => (records.at(-1)?.sequence ?? 0) > (heads.sealedTo.get(chain) ?? 0),
  );
  const sentences = [
    `After the last seal (${last.number}, ${when(last.at)}) whole chains and ends of chains could have been cut off. ` +
      'Compare its number with the newest in the sink outside.',
  ];
  if (open.length > 0) {
    const records = open.reduce(
      (sum, { chain, records: all }) =>
        sum + all.filter(({ sequence }) => sequence > (heads.sealedTo.get(chain) ?? 0)).length,
      0,
    );
    sentences.push(`${records} records of ${open.length} chains are newer than every seal here that names them.`);
  }
  if ((first ?? 1) > 1)
    sentences.push(`Seals before ${first} are not here, so the first one's own place is not proved.`);
  if (heads.elsewhere > 0) {
    sentences.push(`Seals name ${heads.elsewhere} heads that lie outside what this export was asked for.`);
  }
  return sentences;
}

function ofExport({ header }: Seen): string[] {
  if (!header) return [];
  const { filter, from, to, unreadable } = header;
  const narrowed = Object.entries(filter).map(([name, value]) => `${name} ${value}`);
  const which = `Only chains that changed from ${when(from)} to ${when(to)}`;
  return [
    narrowed.length === 0
      ? `${which} are here.`
      : `${which}, with ${narrowed.join(', ')}, are here: that others are missing cannot be seen.`,
    ...(unreadable.length > 0 ? [`Could not be read when this was exported: ${unreadable.join(', ')}.`] : []),
  ];
}

function ofChains({ chains }: Seen): string[] {
  return chains.flatMap(({ chain, records }) => {
    const first = records[0]?.sequence ?? 1;
    return first > 1 ? [`The records before ${first} of ${chain} are not here; older audit files hold them.`] : [];
  });
}

function ofBooks({ receiptBooks, receiptsElsewhere }: Seen): string[] {
  if (!receiptBooks) {
    if (receiptsElsewhere === 0) return [];
    const others = 'of lists, refusals and other grants; --receipts <folder> compares the books themselves';
    return [`${receiptsElsewhere} numbers in the connectors' books lie between the receipts here: ${others}.`];
  }
  const { elsewhere, outside, unanswered, torn, receipts } = receiptBooks;
  const { swept = 0 } = receipts;
  const sentences: [number, string][] = [
    [elsewhere, 'receipts here are of books that are not in the folder, so nothing of these books was compared.'],
    [
      outside,
      'receipts in the books are of grants that this was not asked for, or are newer: no record could tell here.',
    ],
    [
      unanswered,
      'receipts in the books answer an order that is on record, whose answer is not: it failed, or is under way.',
    ],
    [swept, 'accounts were removed by a connector alone (swept); no record has to tell of that.'],
    [torn, 'lines of the books are halves that a failed write left.'],
  ];
  return [
    ...sentences.filter(([count]) => count > 0).map(([count, sentence]) => `${count} ${sentence}`),
    'Whole books, and the ends of books, that are missing in the folder and in the records alike cannot be seen.',
  ];
}

function ofProofs({ passkeysUnknown, portal }: Seen): string[] {
  const sentences: string[] = [];
  if (passkeysUnknown > 0) {
    const way = portal === undefined ? 'give --portal <url>' : 'give the zone file with --zone';
    sentences.push(`${passkeysUnknown} proofs of passkeys could not be checked by their enrolment: ${way}.`);
  }
  sentences.push('What happened and was never recorded, by whoever owns the target itself, is in no record.');
  return sentences;
}
