/** The record of a grant as a story: one sentence for everything that can be in it. */
import type { GrantRecordType } from '../../workflows/domain/record.js';
import type { RecordBody } from '../schemas/answers.js';
import type { GrantBody } from '../schemas/grant.js';
import {
  endingSentences,
  labelOf,
  lasting,
  listed,
  refusalSentence,
  stateLabels,
  type NameOf,
  type Tone,
} from './words.js';

export interface Line {
  at: string;
  title: string;
  tone: Tone;
  /** Who did it, where that was a person or a service. */
  by?: string;
  /** What they wrote. */
  said?: string;
  /** Facts worth a line of their own. */
  notes: string[];
}

type Entry = RecordBody['records'][number];
type Told = Pick<Line, 'title' | 'tone'> & Partial<Pick<Line, 'said' | 'notes'>>;
type Teller = (read: Reader, name: NameOf) => Told;

/** Reads a detail that may be missing, since records are kept longer than code. */
class Reader {
  readonly #detail: Entry['detail'];

  readonly wasActive: boolean;

  constructor(detail: Entry['detail'], wasActive: boolean) {
    this.#detail = detail;
    this.wasActive = wasActive;
  }

  text(key: string): string | undefined {
    const value = this.#detail[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  number(key: string): number | undefined {
    const value = this.#detail[key];
    return typeof value === 'number' ? value : undefined;
  }

  texts(key: string): string[] {
    const value = this.#detail[key];
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  }

  is(key: string): boolean {
    return this.#detail[key] === true;
  }

  get aboutExtension(): boolean {
    const about = this.text('about');
    return about !== undefined && about !== 'request';
  }
}

const told: Record<GrantRecordType, Teller> = {
  requested: (read) => ({
    title: `Asked for ${lasting(read.number('requestedDurationMs')) || 'access'}${read.is('emergency') ? ', as an emergency' : ''}`,
    tone: 'working',
  }),
  assessed: (read) => {
    const notes = [];
    const score = read.number('score');
    if (score !== undefined) notes.push(`Risk ${score} of 100 (${read.text('band') ?? 'unknown'}).`);
    if (read.text('verdict') === 'deny') {
      return { title: 'Checked and refused', tone: 'bad', notes: [...notes, read.text('because') ?? ''] };
    }
    const how = read.is('emergency')
      ? 'an emergency, nobody is waited for'
      : read.is('automatic')
        ? 'no approval needed'
        : `approval needed: ${read.text('flow') ?? 'by its flow'}`;
    return { title: `Checked: ${how}`, tone: 'working', notes };
  },
  'step-opened': (read, name) => ({
    title: `Asked ${listed(read.texts('asked').map(name)) || 'nobody'} to decide${read.aboutExtension ? ' on the extension' : ''}`,
    tone: 'waiting',
    notes: [
      ...((read.number('needed') ?? 1) > 1 ? [`${read.number('needed')} approvals are needed.`] : []),
      ...(read.is('usedFallback') ? ['Nobody else was left who may decide, so the fallback was asked.'] : []),
    ],
  }),
  'step-reminded': () => ({ title: 'Reminded those who are asked', tone: 'waiting' }),
  'step-escalated': (read, name) => ({
    title: `Escalated: ${listed(read.texts('asked').map(name)) || 'more people'} may decide now`,
    tone: 'waiting',
  }),
  'step-expired': () => ({ title: 'Nobody decided in time', tone: 'over' }),
  approved: (read) => ({
    title: read.aboutExtension ? 'Approved the extension' : 'Approved',
    tone: 'active',
    said: read.text('comment'),
    notes: read.number('durationMs') ? [`Shortened to ${lasting(read.number('durationMs'))}.`] : [],
  }),
  'step-completed': () => ({ title: 'This step has all approvals it needs', tone: 'active' }),
  denied: (read) => ({
    title: read.aboutExtension ? 'Denied the extension' : 'Denied',
    tone: 'bad',
    said: read.text('reason'),
  }),
  'decision-refused': (read) => ({
    title: `A decision changed nothing${read.text('action') ? ` (${read.text('action')})` : ''}`,
    tone: 'over',
    notes: [read.text('because') ?? read.text('code') ?? 'It was refused.'],
  }),
  scheduled: () => ({ title: 'Approved, to start later', tone: 'working' }),
  'eligibility-checked': (read) => ({
    title: read.is('eligible') ? 'Still eligible' : 'No longer eligible',
    tone: read.is('eligible') ? 'over' : 'bad',
    notes: read.is('eligible') ? [] : [read.text('because') ?? ''],
  }),
  'activation-started': () => ({ title: 'Setting it up at the target', tone: 'working' }),
  activated: (read) => ({
    title: 'Access is usable',
    tone: 'active',
    notes: read.text('account') ? [`Account at the target: ${read.text('account')}`] : [],
  }),
  'activation-failed': (read) => ({
    title: 'Could not be set up',
    tone: 'bad',
    notes: [read.text('because') ?? 'The target refused.'],
  }),
  'extension-asked': (read) => ({
    title: `Asked for ${lasting(read.number('totalMs')) || 'more time'} in all`,
    tone: 'waiting',
    said: read.text('reason'),
  }),
  'extension-ended': (read) => ({
    title: 'The extension came to nothing',
    tone: 'over',
    notes: [read.text('because') ?? ''],
  }),
  extended: (read) => ({
    title: `Extended to ${lasting(read.number('totalMs')) || 'a later end'} in all`,
    tone: 'active',
  }),
  'credential-collected': () => ({ title: 'Credential handed over, once', tone: 'active' }),
  'renewal-asked': () => ({ title: 'Asked for another credential, since the first was lost', tone: 'waiting' }),
  renewed: () => ({ title: 'Another credential waits; the one before no longer works', tone: 'active' }),
  'renewal-failed': (read) => ({
    title: 'No other credential could be made',
    tone: 'bad',
    notes: [read.text('because') ?? ''],
  }),
  'tombstone-planted': () => ({ title: 'The target will never accept this grant again', tone: 'over' }),
  reviewed: (read) => ({
    title: read.text('verdict') === 'justified' ? 'Reviewed: it was justified' : 'Reviewed: it was not justified',
    tone: read.text('verdict') === 'justified' ? 'active' : 'bad',
    said: read.text('comment'),
  }),
  'review-reminded': () => ({ title: 'Reminded the reviewers', tone: 'waiting' }),
  withdrawn: (read) => ({
    title: read.wasActive ? 'Given back' : 'Request taken back',
    tone: 'leaving',
    said: read.text('reason'),
  }),
  revoked: (read) => ({ title: 'Revoked', tone: 'bad', said: read.text('reason') }),
  'time-up': () => ({ title: 'Time is up', tone: 'leaving' }),
  'removal-started': () => ({ title: 'Removing it at the target', tone: 'leaving' }),
  'removal-failed': (read) => ({
    title: 'A removal attempt failed; the next one follows',
    tone: 'bad',
    notes: [read.text('because') ?? ''],
  }),
  'removal-overdue': () => ({ title: 'Removal is overdue; the operators were alarmed', tone: 'bad' }),
  removed: (read) => ({
    title: read.is('wasPresent') ? 'Removed, and read back at the target' : 'Nothing stood at the target, read back',
    tone: 'active',
    notes: [
      ...(read.number('sessionsEnded') ? [`Live connections that were cut: ${read.number('sessionsEnded')}`] : []),
      ...read.texts('remarks'),
    ],
  }),
  'externally-modified': (read) => ({
    title:
      read.text('what') === 'missing'
        ? 'The account was missing at the target'
        : 'The account was changed at the target',
    tone: 'bad',
  }),
  closed: (read) => ({
    title: `Closed: ${closedAs(read)}`,
    tone: 'over',
  }),
};

function closedAs(read: Reader): string {
  const state = read.text('state');
  return state !== undefined && state in stateLabels
    ? labelOf(state as keyof typeof stateLabels, read.wasActive).text.toLowerCase()
    : 'over';
}

/** The whole story, oldest first. */
export function timeline(records: RecordBody['records'], name: NameOf): Line[] {
  const activated = records.find(({ type }) => type === 'activated')?.sequence ?? Infinity;
  return records.map((entry) => {
    const tell = (told as Partial<Record<string, Teller>>)[entry.type];
    const known = tell?.(new Reader(entry.detail, activated < entry.sequence), name) ?? {
      title: entry.type.replaceAll('-', ' '),
      tone: 'over' as const,
    };
    return {
      at: entry.time,
      title: known.title,
      tone: known.tone,
      by: isSomebody(entry.by) ? name(entry.by) : undefined,
      said: known.said,
      notes: (known.notes ?? []).filter((note) => note !== ''),
    };
  });
}

/** What the grant's memo alone can tell, for when no worker answers. */
export function shortTimeline(grant: GrantBody, name: NameOf): Line[] {
  const lines: (Line | undefined)[] = [
    line(grant.requestTime, `Asked for ${lasting(grant.requestedDuration)}`, 'working', name(grant.requester)),
    ...grant.outcomes.map((outcome) => outcomeLine(outcome, name)),
    grant.accessGrantTime === undefined ? undefined : line(grant.accessGrantTime, 'Access is usable', 'active'),
    grant.ending &&
      line(
        grant.ending.time,
        grant.ending.code === 'withdrawn' && grant.accessGrantTime === undefined
          ? 'Request taken back'
          : endingSentences[grant.ending.code],
        'leaving',
        isSomebody(grant.ending.by) ? name(grant.ending.by) : undefined,
      ),
    grant.removalVerifiedTime === undefined
      ? undefined
      : line(grant.removalVerifiedTime, 'Removed, and read back at the target', 'active'),
  ];
  return lines.filter((item) => item !== undefined).toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** Endings have their own line; they are left out here. */
function outcomeLine({ action, at, by, result }: GrantBody['outcomes'][number], name: NameOf): Line | undefined {
  if (action !== 'approve' && action !== 'deny' && action !== 'extend') return undefined;
  if (result !== 'applied') return line(at, 'A decision changed nothing', 'over', name(by), refusalSentence(result));
  if (action === 'extend') return line(at, 'Asked for an extension', 'waiting', name(by));
  return action === 'deny' ? line(at, 'Denied', 'bad', name(by)) : line(at, 'Approved', 'active', name(by));
}

function line(at: string, title: string, tone: Tone, by?: string, note?: string): Line {
  return { at, title, tone, by, notes: note === undefined ? [] : [note] };
}

function isSomebody(ref: string): boolean {
  return ref.startsWith('person:') || ref.startsWith('service:');
}
