/** What verification says of one thing that does not hold: a code for machines, a sentence for people, and where it is. */

export const findingCodes = [
  'unreadable', // a line that is none of an audit
  'changed', // a record is not what it was
  'dropped', // a record or a whole chain is missing
  'reordered',
  'inserted', // a record stands twice, or two claim one place
  'cut-off', // the end of a chain, of the seals or of the file is missing
  'bad-seal',
  'bad-evidence', // a signed statement is missing, not of a pinned key, or of something else than its record
  'bad-passkey',
  'bad-receipt',
  'unrecorded', // a connector's book tells of something that no record tells of
  'story', // every line holds, but this cannot have happened in a system that keeps its rules
  'bad-header', // the first line of an export does not fit what follows
  'differs', // Temporal's own history says otherwise
] as const;
export type FindingCode = (typeof findingCodes)[number];

export interface Finding {
  code: FindingCode;
  says: string;
  chain?: string;
  /** Of the first record that this is about. */
  sequence?: number;
  seal?: number;
  /** File of a connector's receipt book; a line is then of that. */
  book?: string;
  /** Line of the file, from 1; of all files together where there are several. */
  line?: number;
}

/** How a record is called in sentences. */
export function named(chain: string, sequence: number): string {
  return `record ${sequence} of ${chain}`;
}
