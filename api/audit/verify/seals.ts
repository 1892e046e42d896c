/**
 * Seals: their signatures, their own chain, and every head that they name. A record that a seal names cannot be changed, dropped
 * or cut off without the seal key; a whole grant cannot vanish.
 */
import { z } from 'zod';
import { digest } from '../../../workflows/domain/digest.js';
import { firstPrevious } from '../../../workflows/domain/record.js';
import type { Seal } from '../../../workflows/domain/seal.js';
import { verified, type VerificationKey } from '../../../workflows/domain/signature.js';
import type { ExportHeader, PlacedSeal } from './audit-file.js';
import { capital } from './chain.js';
import type { CheckedChain } from './chain.js';
import { named, type Finding } from './finding.js';
import { instant } from './read.js';

const sealShape = z.strictObject({
  installation: z.string(),
  number: z.int().positive(),
  previous: z.string(),
  at: instant,
  heads: z.array(z.strictObject({ chain: z.string(), sequence: z.int().nonnegative(), hash: z.string() })),
});

export const sealType = 'daypass-seal+jws';

interface OpenedSeal {
  seal: Seal;
  digest: string;
  line: number;
}

export interface CheckedSeals {
  /** Oldest first. A number may stand twice: a seal is signed again when its first answer was lost. */
  seals: OpenedSeal[];
  findings: Finding[];
}

export function checkSeals(
  placed: readonly PlacedSeal[],
  keys: readonly VerificationKey[],
  header: ExportHeader | undefined,
): CheckedSeals {
  const findings: Finding[] = [];
  const opened: OpenedSeal[] = [];
  for (const { jws, line } of placed) {
    const seal = openSeal(jws, keys);
    if (seal) opened.push({ seal, digest: digest(seal), line });
    else
      findings.push({ code: 'bad-seal', line, says: `The seal in line ${line} is not signed by a pinned seal key.` });
  }
  if (header) findings.push(...outOfOrder(opened));
  const once = [...new Map(opened.map((it) => [it.digest, it])).values()];
  const seals = once.toSorted((a, b) => a.seal.number - b.seal.number);
  const all = findings.concat(brokenLinks(seals), header ? cutOff(seals, header) : []);
  return { seals, findings: all };
}

function openSeal(jws: string, keys: readonly VerificationKey[]): Seal | undefined {
  const found = sealShape.safeParse(verified(jws, sealType, keys)?.payload);
  return found.success ? found.data : undefined;
}

function outOfOrder(opened: readonly OpenedSeal[]): Finding[] {
  const moved = opened.find(({ seal }, index) => seal.number <= (opened[index - 1]?.seal.number ?? 0));
  if (!moved) return [];
  const { number } = moved.seal;
  const says = `Seal ${number} was moved or stands twice: line ${moved.line} is not its place.`;
  return [{ code: 'reordered', seal: number, line: moved.line, says }];
}

function brokenLinks(seals: readonly OpenedSeal[]): Finding[] {
  const findings: Finding[] = [];
  const byNumber = new Map<number, OpenedSeal[]>();
  for (const it of seals) byNumber.set(it.seal.number, [...(byNumber.get(it.seal.number) ?? []), it]);
  let last: number | undefined;
  for (const [number, same] of byNumber) {
    if (last !== undefined && number > last + 1) {
      const many = number - last === 2 ? `Seal ${last + 1} is` : `Seals ${last + 1} to ${number - 1} are`;
      findings.push({ code: 'dropped', seal: last + 1, line: same[0]?.line, says: `${many} missing.` });
    } else {
      const before = last === undefined ? undefined : byNumber.get(last);
      const follows = ({ seal }: OpenedSeal): boolean =>
        before ? before.some((it) => it.digest === seal.previous) : number > 1 || seal.previous === firstPrevious;
      const stray = same.find((it) => !follows(it));
      if (stray) {
        const says = `Seal ${number} does not follow the one before it: one of the two was replaced.`;
        findings.push({ code: 'bad-seal', seal: number, line: stray.line, says });
      }
    }
    const other = same.find(({ seal }) => seal.previous !== same[0]?.seal.previous);
    // Seals that nobody follows may stand beside another; a chain goes on from one of them alone.
    if (other && findings.every(({ seal }) => seal !== number)) {
      const says = `Seal ${number} stands twice and follows two different seals: the chain was forked or begun anew.`;
      findings.push({ code: 'bad-seal', seal: number, line: other.line, says });
    }
    last = number;
  }
  return findings;
}

function cutOff(seals: readonly OpenedSeal[], { firstSeal, lastSeal, seals: count }: ExportHeader): Finding[] {
  const [first, last] = [seals.at(0)?.seal.number, seals.at(-1)?.seal.number];
  if (first === firstSeal && last === lastSeal && seals.length === count) return [];
  const range = (from?: number, to?: number) => (from === undefined ? 'none' : `${from} to ${to}`);
  const says = `The export was made with seals ${range(firstSeal, lastSeal)}, and ${range(first, last)} are here.`;
  return [{ code: 'cut-off', seal: first === firstSeal ? (last ?? 0) + 1 : firstSeal, says }];
}

export interface HeadsChecked {
  findings: Finding[];
  checked: number;
  /** Heads of chains or beginnings that this file does not hold, for a reason that the file states. */
  elsewhere: number;
  /** By chain: up to which record a seal names what is here. */
  sealedTo: Map<string, number>;
}

/** Every head that a seal names, against the chain that is here. */
export function checkHeads(
  seals: readonly OpenedSeal[],
  chains: ReadonlyMap<string, CheckedChain>,
  header: ExportHeader | undefined,
): HeadsChecked {
  const result: HeadsChecked = { findings: [], checked: 0, elsewhere: 0, sealedTo: new Map() };
  const told = new Set<string>();
  for (const { seal } of seals) {
    for (const head of seal.heads.filter(({ sequence }) => sequence > 0)) {
      const chain = chains.get(head.chain);
      const finding = chain
        ? headFault(chain, head, seal, result)
        : mustBeHere(seal, header)
          ? wholeChainMissing(head.chain, seal)
          : undefined;
      if (!chain && !finding) result.elsewhere += 1;
      // The first of each chain says it; the later seals would only repeat it.
      if (finding && !told.has(head.chain)) result.findings.push(finding);
      if (finding) told.add(head.chain);
    }
  }
  return result;
}

/** Audit files hold everything; an export everything that changed in its range, unless it was narrowed. */
function mustBeHere(seal: Seal, header: ExportHeader | undefined): boolean {
  if (!header) return true;
  return Object.keys(header.filter).length === 0 && seal.at >= header.from && seal.at <= header.to;
}

function wholeChainMissing(chain: string, { number }: Seal): Finding {
  const says = `${capital(chain)} is missing as a whole: seal ${number} names it.`;
  return { code: 'dropped', chain, sequence: 1, seal: number, says };
}

function headFault(
  { chain, records, finding }: CheckedChain,
  head: Seal['heads'][number],
  { number }: Seal,
  result: HeadsChecked,
): Finding | undefined {
  // What is broken already is said already.
  if (finding) return undefined;
  const first = records[0]?.sequence ?? 1;
  const last = records.at(-1)?.sequence ?? 0;
  if (head.sequence < first) {
    result.elsewhere += 1;
    return undefined;
  }
  const at = { chain, seal: number };
  if (head.sequence > last) {
    const says = `${capital(chain)} was cut off after record ${last}: seal ${number} knows record ${head.sequence}.`;
    return { ...at, code: 'cut-off', sequence: last + 1, says };
  }
  result.checked += 1;
  const sealedTo = result.sealedTo.get(chain) ?? first - 1;
  if (records[head.sequence - first]?.hash === head.hash) {
    result.sealedTo.set(chain, Math.max(sealedTo, head.sequence));
    return undefined;
  }
  const from = Math.min(sealedTo + 1, head.sequence);
  const where = from === head.sequence ? '' : `, or one before it down to record ${from}`;
  const says = `${capital(named(chain, head.sequence))}${where}, was changed and its chain made anew: seal ${number} knows another hash.`;
  return { ...at, code: 'changed', sequence: from, says };
}
