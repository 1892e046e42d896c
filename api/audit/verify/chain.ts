/** One chain, record by record: names the first that was changed, dropped, reordered or inserted. */
import { digest } from '../../../workflows/domain/digest.js';
import { firstPrevious, type AuditRecord } from '../../../workflows/domain/record.js';
import type { PlacedRecord } from './audit-file.js';
import { named, type Finding } from './finding.js';

export interface ChainOptions {
  /** An export keeps the order; audit files may be joined in any, and tell a record again. */
  ordered: boolean;
  /** The first record that is here, where the export says that older ones are no longer kept. */
  begins: number;
  /** Lines of the file that cannot be read: one may be what is missing here. */
  broken: readonly number[];
}

export interface CheckedChain {
  chain: string;
  /** Without gaps; what can be believed as far as this chain goes. Empty where something was found. */
  records: AuditRecord[];
  finding?: Finding;
}

export function checkChain(chain: string, given: readonly PlacedRecord[], options: ChainOptions): CheckedChain {
  const placed = options.ordered ? given : inOrder(given);
  const finding = firstFault(chain, placed, options);
  return finding ? { chain, records: [], finding } : { chain, records: placed.map(({ record }) => record) };
}

/** By sequence, each once; two that differ both stay, so that they are found. */
function inOrder(given: readonly PlacedRecord[]): PlacedRecord[] {
  const sorted = given.toSorted((a, b) => a.record.sequence - b.record.sequence);
  return sorted.filter(
    ({ record }, index) => index === 0 || JSON.stringify(sorted[index - 1]?.record) !== JSON.stringify(record),
  );
}

function firstFault(chain: string, placed: readonly PlacedRecord[], options: ChainOptions): Finding | undefined {
  let expected = options.begins;
  let before: PlacedRecord | undefined;
  for (const [index, here] of placed.entries()) {
    const { record, line } = here;
    const found = (code: Finding['code'], sequence: number, why: string): Finding => ({
      code,
      chain,
      sequence,
      line,
      says: `${capital(named(chain, sequence))} ${why}`,
    });
    // Whatever stands in it, this is the line that should hold the expected one: its own number may be what was changed.
    if (digestOf(record) !== record.hash) {
      return found('changed', expected, `was changed: line ${line} does not fit its own hash.`);
    }
    if (record.sequence < expected) {
      return found('inserted', record.sequence, `stands twice: line ${line} was inserted, or the one before it.`);
    }
    if (record.sequence > expected)
      return missing(chain, expected, { before, here, rest: placed.slice(index), options });
    const previous = before?.record.hash ?? (expected === 1 ? firstPrevious : record.previous);
    if (record.previous !== previous) return misfit(chain, before, here, placed[index + 1]);
    before = here;
    expected += 1;
  }
  return undefined;
}

interface Gap {
  before?: PlacedRecord;
  here: PlacedRecord;
  rest: readonly PlacedRecord[];
  options: ChainOptions;
}

function missing(chain: string, sequence: number, { before, here, rest, options }: Gap): Finding {
  const what = capital(named(chain, sequence));
  const later = rest.find(({ record }) => record.sequence === sequence);
  const at = { chain, sequence, line: here.line };
  if (later) {
    const says = `${what} was moved: it stands in line ${later.line}, behind record ${here.record.sequence}.`;
    return { ...at, code: 'reordered', says, line: later.line };
  }
  const broken = options.broken.find((line) => line < here.line && line > (before?.line ?? 0));
  if (broken !== undefined) {
    return { ...at, code: 'changed', says: `${what} was changed: line ${broken} is no record any more.`, line: broken };
  }
  const gap = here.record.sequence - sequence;
  const more = gap > 1 ? `, and so are the ${gap - 1} after it` : '';
  const older = before ? '' : ' If older audit files hold it, give them too.';
  return { ...at, code: 'dropped', says: `${what} is missing${more}.${older}` };
}

/** Two neighbours that are whole by themselves and do not fit: whichever the one after them follows is the one that stayed. */
function misfit(chain: string, before: PlacedRecord | undefined, here: PlacedRecord, next?: PlacedRecord): Finding {
  const { sequence } = here.record;
  const hereStayed = before !== undefined && next?.record.previous === here.record.hash;
  const replaced = hereStayed ? before : here;
  const name = named(chain, hereStayed ? sequence - 1 : sequence);
  const says = `${capital(name)} was replaced by another one (line ${replaced.line}): its neighbours do not follow it.`;
  return { code: 'changed', chain, sequence: replaced.record.sequence, line: replaced.line, says };
}

function digestOf(record: AuditRecord): string {
  const { hash: _own, ...unsealed } = record;
  return digest(unsealed);
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
