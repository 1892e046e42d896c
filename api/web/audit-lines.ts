/** Records of every chain as sentences: grants tell their timeline, people and the journal have sentences of their own. */
import type { JournalRecordType, PersonRecordType } from '../../workflows/domain/record.js';
import type { AuditPage } from '../audit/schemas.js';
import { timeline, type Line } from './timeline.js';
import { counted, refusalSentence, type NameOf, type Tone } from './words.js';
import { failureCodes } from '../../workflows/domain/failure.js';

type Entry = AuditPage['records'][number];
type Told = { title: string; tone: Tone; notes?: (string | undefined)[] };
type Teller = (detail: Entry['detail'], name: NameOf) => Told;

/** Records of one chain that follow each other in the answer. */
export interface Chapter {
  chain: string;
  title: string;
  /** The grant's page. */
  href?: string;
  lines: (Line & { sequence: number })[];
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

const uses: Record<string, string> = {
  'step-up': 'to confirm who they are',
  approve: 'for an approval',
  request: 'for a request',
};

const told: Record<PersonRecordType | JournalRecordType, Teller> = {
  'passkey-enrolled': ({ name, fingerprint }) => ({
    title: `Added the passkey “${text(name) ?? 'without a name'}”`,
    tone: 'active',
    notes: [text(fingerprint) && `Fingerprint: ${text(fingerprint)}`],
  }),
  'passkey-renamed': ({ name }) => ({ title: `Renamed a passkey to “${text(name) ?? ''}”`, tone: 'over' }),
  'passkey-removed': () => ({ title: 'Removed a passkey', tone: 'leaving' }),
  'passkey-used': (detail) => ({
    title: `Proved a passkey ${uses[text(detail['for']) ?? ''] ?? ''}`.trim(),
    tone: 'active',
  }),
  'passkey-refused': ({ code }) => ({ title: 'A passkey’s proof did not count', tone: 'bad', notes: [because(code)] }),
  'payloads-opened': ({ payloads, workflows }) => ({
    title: `Read ${counted(Number(payloads) || 0, 'sealed value')} in the Temporal UI`,
    tone: 'waiting',
    notes: [list(workflows)],
  }),
  'temporal-changed': ({ method, call, workflow }) => ({
    title: 'Changed a workflow by hand, in the Temporal UI',
    tone: 'bad',
    notes: [[method, call, workflow].map(text).filter(Boolean).join(' ')],
  }),
  'temporal-refused': ({ method, call }) => ({
    title: 'Was refused a change in the Temporal UI',
    tone: 'bad',
    notes: [[method, call].map(text).filter(Boolean).join(' ')],
  }),
  'audit-exported': ({ format, records, filter }) => ({
    title: `Exported ${counted(Number(records) || 0, 'record')} of the audit (${text(format) ?? 'unknown form'})`,
    tone: 'working',
    notes: [pairs(filter)],
  }),
  'signed-out-everywhere': ({ person }, name) => ({
    title: `Signed ${text(person) ? name(text(person) ?? '') : 'somebody'} out everywhere`,
    tone: 'leaving',
  }),
  'stray-removed': ({ target, account }) => ({
    title: `Removed an account that no grant explains, at ${text(target) ?? 'a target'}`,
    tone: 'bad',
    notes: [text(account) && `Account at the target: ${text(account)}`],
  }),
  'stray-stands': ({ target, account }) => ({
    title: `Found an account that no grant explains, at ${text(target) ?? 'a target'}`,
    tone: 'bad',
    notes: [text(account) && `Account at the target: ${text(account)}`],
  }),
  'note-refused': ({ because: why, count }) => ({
    title: `Refused ${counted(Number(count) || 1, 'line')} that did not belong into the journal`,
    tone: 'bad',
    notes: [text(why)],
  }),
};

function because(code: unknown): string | undefined {
  const known = failureCodes.find((it) => it === code);
  return known && refusalSentence(known);
}

function list(value: unknown): string | undefined {
  return Array.isArray(value) ? value.filter((it) => typeof it === 'string').join(', ') : text(value);
}

function pairs(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const said = Object.entries(value).map(([key, it]) => `${key}: ${text(it) ?? ''}`);
  return said.length > 0 ? said.join(', ') : 'Everything of its range.';
}

/** Chapters in the order of the records; within each the newest first, as on the page of a grant. */
export function chapters(records: readonly Entry[], name: NameOf): Chapter[] {
  const byChain = new Map<string, Entry[]>();
  for (const record of records) byChain.set(record.chain, [...(byChain.get(record.chain) ?? []), record]);
  return [...byChain].map(([chain, entries]) => {
    const lines = chain.startsWith('grant/') ? grantLines(entries, name) : entries.map((entry) => lineOf(entry, name));
    const numbered = lines.map((line, index) => ({ ...line, sequence: entries[index]?.sequence ?? 0 }));
    return { chain, ...headingOf(chain, name), lines: numbered.toReversed() };
  });
}

/** A part of a record does not say whether access was usable before it; then the sentence does not either. */
function grantLines(entries: readonly Entry[], name: NameOf): Line[] {
  const isFromStart = entries[0]?.sequence === 1 || entries.some(({ type }) => type === 'activated');
  const lines = timeline([...entries], name);
  return lines.map((line, index) =>
    !isFromStart && entries[index]?.type === 'withdrawn' ? { ...line, title: 'Withdrawn' } : line,
  );
}

function lineOf({ type, detail, time, by }: Entry, name: NameOf): Line {
  const tell = (told as Partial<Record<string, Teller>>)[type];
  const {
    title,
    tone,
    notes = [],
  } = tell?.(detail, name) ?? { title: type.replaceAll('-', ' '), tone: 'over' as const };
  const isSomebody = by.startsWith('person:') || by.startsWith('service:');
  return {
    at: time,
    title,
    tone,
    by: isSomebody ? name(by) : undefined,
    notes: notes.filter((note): note is string => note !== undefined && note !== ''),
  };
}

function headingOf(chain: string, name: NameOf): { title: string; href?: string } {
  const [kind, id = ''] = chain.split('/');
  if (kind === 'grant') return { title: `Grant ${id}`, href: `/grants/${id}` };
  if (kind === 'person') return { title: `Passkeys of ${name(`person:${id}`)}` };
  return { title: 'Journal of the installation' };
}
