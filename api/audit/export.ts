/**
 * An export of the audit: whole chains with the seals over them as JSON Lines, for verification; or the records that are meant, as
 * CSV, for reading.
 *
 * 1. It is all there before its first byte leaves: no worker, no Temporal or a chain that went on too long is a refusal, and
 *    never half a file.
 * 2. Seals are asked for before the chains are, so that no seal in it knows more than its chains.
 * 3. That it was made is in the journal before its first byte leaves.
 */
import { createHash } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signAs } from '../../activities/platform/jws.js';
import type { PrivateJwk } from '../../activities/platform/keys.js';
import { digest } from '../../workflows/domain/digest.js';
import type { AuditRecord } from '../../workflows/domain/record.js';
import type { Seal } from '../../workflows/domain/seal.js';
import { claimed } from '../../workflows/domain/signature.js';
import type { Instant } from '../../workflows/domain/time.js';
import { grantWorkflowId, journalId, personWorkflowId } from '../../workflows/ids.js';
import { all, aliveFrom, is } from '../filter.js';
import type { Actor } from '../identity/actor.js';
import type { Journal } from '../journal.js';
import { Problem } from '../problem.js';
import type { Chains, Run } from './chains.js';
import { csvHeader, csvRow } from './csv.js';
import { filterOf, filterShown, isMeant, rangeOf, type Range } from './range.js';
import type { ExportAudit } from './schemas.js';
import type { ExportHeader } from './verify/audit-file.js';
import { exportType } from './verify/verify.js';

export interface ExportDeps {
  chains: Chains;
  journal: Journal;
  /** The API's signing key: the first line of an export says by it what is in the rest. */
  key: PrivateJwk;
  installation: string;
  portalUrl: string;
  now: () => Instant;
}

export interface Exported {
  name: string;
  type: string;
  /** Sent before the content. */
  firstLine: string;
  content: ReadStream;
  /** Removes what was kept for it. */
  done: () => Promise<void>;
}

const runsAtOnce = 200;
const askedAtOnce = 8;
/** Some 200,000 records: whoever wants more asks in parts. */
const chainsMost = 20_000;
/** Of the whole process: each asks the workers for a good deal. */
const exportsAtOnce = 2;

interface ReadChain {
  chain: string;
  records: AuditRecord[];
  /** False where a run of it could not answer. */
  isWhole: boolean;
}

export function createExporter({ chains, journal, key, installation, portalUrl, now }: ExportDeps) {
  let running = 0;

  /** The chains that may hold what is meant. */
  async function chainsOf(asked: ExportAudit, range: Range, gone: AbortSignal): Promise<Set<string>> {
    const found = new Set<string>();
    let token: string | undefined;
    do {
      gone.throwIfAborted();
      const page = await chains.runs(filterOf(asked, range), { limit: runsAtOnce, token });
      for (const { chain } of page.runs) found.add(chain);
      if (found.size > chainsMost) throw tooMany();
      token = page.token;
    } while (token !== undefined);
    return found;
  }

  /** All runs of one chain. The journal never ends, so of that only those of the range. */
  async function runsOf(chain: string, range: Range): Promise<Run[]> {
    const filter = all(is('WorkflowId', chain), aliveFrom(chain === journalId ? range.from : 0));
    return (await chains.runs(filter, { limit: runsAtOnce })).runs;
  }

  async function readChain(chain: string, range: Range): Promise<ReadChain> {
    const runs = await runsOf(chain, range);
    const read = await Promise.all(runs.map(chains.records));
    return { chain, records: united(read.flatMap((records) => records ?? [])), isWhole: !read.includes(undefined) };
  }

  /** A chain asked for by its name begins where it begins: seals from before that say nothing of it. */
  async function rangeFor(asked: ExportAudit, at: Instant): Promise<Range> {
    const range = rangeOf(asked, at);
    if (range.from > 0) return range;
    const chain = asked.grant === undefined ? asked.chain : grantWorkflowId(asked.grant);
    const { records } = await readChain(chain ?? journalId, range);
    return { ...range, from: records[0]?.at ?? range.to };
  }

  /** Everything that goes into one file, chain by chain. */
  async function write(asked: ExportAudit, actor: Actor, file: string, gone: AbortSignal): Promise<ExportHeader> {
    const at = now();
    const range = await rangeFor(asked, at);
    const filter = filterShown(asked);
    const asJson = asked.format === 'jsonl';
    const seals = asJson ? await chains.seals(range.from) : [];
    // What a seal of this range names must be here, also where nothing of it happened in the range.
    const named = new Set(Object.keys(filter).length > 0 ? [] : namedBy(seals, range));
    const found = new Set([...(await chainsOf(asked, range, gone)), ...named]);

    const content = createHash('sha256');
    const begins: Record<string, number> = {};
    const unreadable: string[] = [];
    const count = { chains: 0, records: 0 };
    const handle = await open(file, 'wx', 0o600);
    const put = async (text: string): Promise<void> => {
      content.update(text);
      await handle.appendFile(text);
    };
    const putChains = async (all: readonly string[], isWanted: (chain: ReadChain) => boolean): Promise<void> => {
      for (const some of inParts(all, askedAtOnce)) {
        gone.throwIfAborted();
        for (const read of await Promise.all(some.map((chain) => readChain(chain, range)))) {
          const { chain, records, isWhole } = read;
          if (!isWhole) unreadable.push(chain);
          const wanted = asJson
            ? records.filter(() => isWanted(read))
            : records.filter((record) => isMeant(record, asked, range));
          const [first] = wanted;
          if (!first) continue;
          count.chains += 1;
          count.records += wanted.length;
          if (first.sequence > 1) begins[chain] = first.sequence;
          for (const person of asJson ? proversIn(wanted) : []) provers.add(person);
          await put(wanted.map(asJson ? jsonLine : csvRow).join(''));
        }
      }
    };
    const provers = new Set<string>();
    try {
      // A part of a chain proves nothing, so the whole of it goes where any of it is meant.
      await putChains(
        [...found],
        ({ chain, records }) => named.has(chain) || records.some((record) => isMeant(record, asked, range)),
      );
      // Without the enrolment of a passkey, what it proved cannot be checked.
      await putChains(
        [...provers].filter((chain) => !found.has(chain)),
        () => true,
      );
      for (const seal of seals) await put(jsonLine({ seal }));
    } finally {
      await handle.close();
    }
    const numbers = seals.map((seal) => Number(claimed(seal)['number']));
    return {
      version: 1,
      installation,
      portal: new URL(portalUrl).origin,
      by: actor.ref,
      at,
      ...range,
      filter,
      ...count,
      seals: seals.length,
      ...(numbers.length > 0 ? { firstSeal: numbers[0], lastSeal: numbers.at(-1) } : {}),
      begins,
      unreadable,
      content: content.digest('hex'),
    };
  }

  /** `gone` when nobody waits for it any more. */
  return async (asked: ExportAudit, actor: Actor, gone: AbortSignal): Promise<Exported> => {
    if (running >= exportsAtOnce) {
      const because = 'Other exports are being made just now; ask again in a moment.';
      throw new Problem('rate-limited', because, { retryAfterSeconds: 20 });
    }
    running += 1;
    const folder = await mkdtemp(join(tmpdir(), 'daypass-export-'));
    const done = () => rm(folder, { recursive: true, force: true });
    try {
      const file = join(folder, 'content');
      const header = await write(asked, actor, file, gone);
      const { chains: chainCount, records, from, to, filter } = header;
      const counted = { format: asked.format, from, to, filter, chains: chainCount, records };
      await journal.note('audit-exported', actor.ref, counted);
      const isJson = asked.format === 'jsonl';
      const signature = isJson ? await signAs(exportType, { digest: digest(header) }, key) : '';
      return {
        name: `daypass-audit-${new Date(header.at).toISOString().replace(/[:.]/g, '-')}.${asked.format}`,
        type: isJson ? 'application/jsonl' : 'text/csv; charset=utf-8; header=present',
        firstLine: isJson ? jsonLine({ export: header, signature }) : csvHeader,
        content: createReadStream(file),
        done,
      };
    } catch (error) {
      await done();
      throw error;
    } finally {
      running -= 1;
    }
  };
}

/** What several runs of a chain tell, once each and in order; two that differ both stay. */
function united(records: readonly AuditRecord[]): AuditRecord[] {
  const once = new Map(records.map((record) => [`${record.sequence} ${digest(record)}`, record]));
  return [...once.values()].toSorted((a, b) => a.sequence - b.sequence);
}

function namedBy(seals: readonly string[], { from, to }: Range): string[] {
  const said = seals.map((seal) => claimed(seal) as unknown as Seal).filter(({ at }) => at >= from && at <= to);
  return [...new Set(said.flatMap(({ heads }) => heads.map(({ chain }) => chain)))];
}

/** The chains of people whose passkeys proved something here. */
function proversIn(records: readonly AuditRecord[]): string[] {
  return records.flatMap(({ by, detail: { evidence } }) =>
    typeof evidence === 'string' && 'assertion' in claimed(evidence) && by.startsWith('person:')
      ? [personWorkflowId(by.slice('person:'.length))]
      : [],
  );
}

function jsonLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function* inParts<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size);
}

function tooMany(): Problem {
  const because = `More than ${chainsMost} chains changed in that time; ask for a shorter one.`;
  return new Problem('too-large', because);
}
