/**
 * Looks for records, page by page: chains are found by visibility, the newest first, and only those of this page are asked.
 * A page may hold less than was asked for, and still not be the last: a sparse filter is followed for a bounded while.
 */
import type { AuditRecord } from '../../workflows/domain/record.js';
import { digest } from '../../workflows/domain/digest.js';
import type { Instant, Ms } from '../../workflows/domain/time.js';
import type { Sealer } from '../identity/seal.js';
import { Problem } from '../problem.js';
import { recordLine } from '../schemas/answers.js';
import type { Chains } from './chains.js';
import { filterOf, filterShown, isMeant, rangeOf, type Range } from './range.js';
import type { AuditPage, Narrowing, SearchAudit } from './schemas.js';

const cursorLifetimeMs: Ms = 3_600_000;
/** Chains of one page of visibility: so many are asked at once. */
const runsAtOnce = 10;
/** Pages of visibility that one call follows, so that it ends. */
const pagesMost = 10;

/** Where a page ended: a page of visibility, a run of it, and a record of that. */
interface Place {
  token?: string;
  run: number;
  after: number;
}

export interface SearchDeps {
  chains: Chains;
  sealer: Sealer;
  now: () => Instant;
}

export function createSearch({ chains, sealer, now }: SearchDeps) {
  async function open(cursor: string, of: string): Promise<Place & Range> {
    const { place, of: made, range } = (await sealer.open('cursor', cursor)) ?? {};
    if (place !== undefined && made === of) return { ...(place as Place), ...(range as Range) };
    const detail = 'This cursor is not of this search, or is too old; start from the first page.';
    throw new Problem('invalid', detail, { errors: [{ parameter: 'cursor', detail }] });
  }

  return async ({ cursor, limit, ...asked }: SearchAudit): Promise<AuditPage> => {
    const of = digest({ audit: { ...filterShown(asked), from: asked.from, to: asked.to } });
    const opened = cursor === undefined ? { run: 0, after: 0, ...rangeOf(asked, now()) } : await open(cursor, of);
    // The first page fixes the range, so that the next ones are pages of the same list.
    const range: Range = { from: opened.from, to: opened.to };
    let place: Place = { token: opened.token, run: opened.run, after: opened.after };
    const found: AuditRecord[] = [];
    const unreadable: string[] = [];
    let next: Place | undefined;
    for (let pages = 0; ; pages += 1) {
      if (pages === pagesMost || (pages > 0 && found.length >= limit)) {
        next = place;
        break;
      }
      const { runs, token } = await chains.runs(filterOf(asked, range), { limit: runsAtOnce, token: place.token });
      const read = await Promise.all(runs.slice(place.run).map(chains.records));
      const full = take(read, { asked, range, place, room: limit - found.length });
      found.push(...full.records);
      unreadable.push(...runs.slice(place.run).flatMap(({ chain }, index) => (read[index] ? [] : [chain])));
      if (full.stopped) {
        next = { token: place.token, ...full.stopped };
        break;
      }
      if (token === undefined) break;
      place = { token, run: 0, after: 0 };
    }
    return {
      records: found.map(recordLine),
      unreadable: [...new Set(unreadable)],
      next: next && (await sealer.seal('cursor', { place: next, of, range }, cursorLifetimeMs)),
    };
  };
}

interface Taking {
  asked: Narrowing;
  range: Range;
  place: Place;
  room: number;
}

/** What is meant of these chains, and where it had to stop for lack of room. */
function take(read: readonly (AuditRecord[] | undefined)[], { asked, range, place, room }: Taking) {
  const records: AuditRecord[] = [];
  for (const [index, chain] of read.entries()) {
    const after = index === 0 ? place.after : 0;
    for (const record of chain ?? []) {
      if (record.sequence <= after || !isMeant(record, asked, range)) continue;
      if (records.length >= room) {
        return { records, stopped: { run: place.run + index, after: record.sequence - 1 } };
      }
      records.push(record);
    }
  }
  return { records, stopped: undefined };
}
