/**
 * The journal of the installation: its own audit chain, for what concerns no grant and no person. It begins when the first line
 * comes, and never ends.
 *
 * 1. A line counts with its signature, which is checked here: what another worker says of it does not matter.
 * 2. What nobody signed is recorded as such, a few times a run, and counted. It can neither stop nor flood the chain.
 * 3. What was recorded is published before it is let go; a run that has grown long hands its head on to the next.
 */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  log,
  setHandler,
  sleep,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { ChangedAt } from './attributes.js';
import { ask, resume } from './audit-calls.js';
import { tell } from './calls.js';
import { isContinued } from './continued.js';
import { SYSTEM } from './domain/actor.js';
import { isLine, readBelieved, readNote, readStray, type Believed, type Line, type Read } from './domain/note.js';
import { following, noHead, pageOf, type AuditRecord, type Head, type JournalRecordType } from './domain/record.js';
import type { Instant, Ms } from './domain/time.js';
import { journalId } from './ids.js';
import * as messages from './messages.js';

/** What one run hands to the next. */
export interface HandedOn {
  head: Head;
  /** Notes that were recorded, newest last, so that sending one again changes nothing. */
  noted: Noted[];
  /** The same of strays. One that was forgotten may be recorded again. */
  strays: string[];
  /** What was signed before this instant may have been recorded and forgotten: it is not taken any more. */
  forgottenBefore: Instant;
}

interface Noted {
  noteId: string;
  issuedAt: Instant;
}

interface Message {
  from: 'note' | 'stray';
  message: unknown;
  /** It was held once. */
  again?: true;
}

/** Of one publication, and of one answer. */
const recordBytesMax = 40_000;
/** Each is verified, linked and told, and the server's patience with one turn ends after a few seconds. */
const turnMax = 20;
/** The server takes some 500 signals a run, so that a run ends long before. */
const signalsMax = 100;
const notedMax = 400;
const refusalsShown = 5;
/** How far a sender's clock may be behind ours at the very first line. */
const startTolerance: Ms = 10 * 60_000;
/** Somebody may invent key ids: keys are asked for once in so long. */
const keysEvery: Ms = 5_000;

export async function journal(handed?: unknown): Promise<void> {
  if (workflowInfo().workflowId !== journalId) {
    throw ApplicationFailure.nonRetryable(`The id of the journal is ${journalId}.`, 'invalid');
  }
  const book = new Journal();
  // There is nothing here that a cancellation could end.
  const next = await CancellationScope.nonCancellable(() => book.kept(isContinued() ? handedOn(handed) : undefined));
  await continueAsNew<typeof journal>(next);
}

class Journal {
  private head = noHead;
  private noted: Noted[] = [];
  private strays: string[] = [];
  private forgottenBefore: Instant = 0;
  private readonly records: AuditRecord[] = [];
  private readonly inbox: Message[] = [];
  /** Signed with a key that is not known: looked at once more when the keys were asked for anew. */
  private readonly held: Message[] = [];
  private signals = 0;
  private refused = 0;
  private published = 0;
  private believed: Believed | undefined;
  private believedAt: Instant = 0;

  constructor() {
    const take = (from: 'note' | 'stray') => (message: unknown) => {
      this.signals += 1;
      this.inbox.push({ from, message });
    };
    setHandler(messages.note, take('note'));
    setHandler(messages.strayFound, take('stray'));
    setHandler(messages.record, (after) => {
      const from = typeof after === 'number' ? after : 0;
      return pageOf(
        this.records.filter(({ sequence }) => sequence > from),
        recordBytesMax,
      );
    });
  }

  /** Takes lines until the run has grown long and everything is published; answers with what the next one needs. */
  async kept(handed: HandedOn | undefined): Promise<HandedOn> {
    await this.begin(handed);
    void this.keepPublishing();
    for (;;) {
      await this.something();
      const before = this.head;
      if (this.held.length > 0 && Date.now() >= this.keysDue()) await this.askAgain();
      for (const message of this.inbox.splice(0, turnMax)) this.take(message);
      const isOver = this.isLong() && this.inbox.length === 0 && this.held.length === 0 && this.isPublished();
      if (isOver && !this.mentionRefusals()) break;
      if (this.head !== before) this.show();
      if (this.inbox.length > 0) await sleep(1, { summary: 'the next lines' });
    }
    return { head: this.head, noted: this.noted, strays: this.strays, forgottenBefore: this.forgottenBefore };
  }

  /** Resolves when there is something to do. */
  private async something(): Promise<void> {
    const isDue = (): boolean =>
      this.inbox.length > 0 || (this.isLong() && this.held.length === 0 && this.isPublished());
    if (this.held.length === 0) await condition(isDue);
    else await condition(() => this.inbox.length > 0, Math.max(1, this.keysDue() - Date.now()));
  }

  private async begin(handed: HandedOn | undefined): Promise<void> {
    if (handed) {
      this.head = handed.head;
      this.noted = handed.noted;
      this.strays = handed.strays;
      this.forgottenBefore = Math.min(handed.forgottenBefore, Date.now());
    } else {
      // The first run of all, or the one after somebody ended the last by force: the chain goes on where it was.
      this.head = headOf(await resume.lastHead({ workflowId: journalId })) ?? noHead;
      this.forgottenBefore = workflowInfo().startTime.getTime() - startTolerance;
    }
    if (this.head.sequence > 0) this.show();
    await this.askKeys();
  }

  private isLong(): boolean {
    return this.signals >= signalsMax || workflowInfo().continueAsNewSuggested;
  }

  private isPublished(): boolean {
    return this.published === this.records.length;
  }

  private take(message: Message): void {
    const found = this.look(message);
    if (isLine(found)) this.enter(found);
    else if (found.unknownKey && !message.again) this.held.push({ ...message, again: true });
    else this.refuse(found.because);
  }

  private look({ from, message }: Message): Read {
    const { believed } = this;
    if (!believed) return { because: 'It could not be checked: no keys are known.', unknownKey: true };
    return from === 'note' ? readNote(message, believed, Date.now()) : readStray(message, believed);
  }

  /** A new key may have signed what is held: it is looked at once more, with the keys of now. */
  private async askAgain(): Promise<void> {
    await this.askKeys();
    this.inbox.unshift(...this.held.splice(0));
  }

  private keysDue(): Instant {
    return this.believedAt + keysEvery;
  }

  private enter(line: Line): void {
    const { noteId, type, by, detail, issuedAt } = line;
    if (this.has(line)) return;
    if (issuedAt === undefined) {
      this.append(type, detail, by);
      this.strays = [...this.strays, noteId].slice(-notedMax);
      return;
    }
    if (issuedAt <= this.forgottenBefore) {
      // The API did sign it: who did what stays on record.
      this.refuse('It was signed too long ago to tell whether it is here already.', detail);
      return;
    }
    this.append(type, detail, by);
    this.noted.push({ noteId, issuedAt });
    const forgotten = this.noted.length > notedMax ? this.noted.shift() : undefined;
    const before = Math.max(this.forgottenBefore, forgotten?.issuedAt ?? 0);
    // A signer's clock may be ahead; what is signed from now on is always taken.
    this.forgottenBefore = Math.min(before, Date.now());
  }

  private has({ noteId }: Line): boolean {
    return this.strays.includes(noteId) || this.noted.some((noted) => noted.noteId === noteId);
  }

  private refuse(because: string, { evidence }: AuditRecord['detail'] = {}): void {
    this.refused += 1;
    log.warn('something was sent to the journal that does not belong there', { because });
    if (this.refused <= refusalsShown) {
      this.append('note-refused', { because, count: 1, ...(evidence !== undefined && { evidence }) });
    }
  }

  /** Those that were only counted, at the end of the run. Were there any? */
  private mentionRefusals(): boolean {
    const count = this.refused - refusalsShown;
    this.refused = 0;
    if (count > 0) this.append('note-refused', { because: 'More of the same, in this run.', count });
    return count > 0;
  }

  private append(type: JournalRecordType, detail: AuditRecord['detail'], by = SYSTEM): void {
    const record = following(this.head, { chain: journalId, at: Date.now(), type, by, detail });
    this.records.push(record);
    this.head = { sequence: record.sequence, hash: record.hash };
  }

  private show(): void {
    upsertMemo({ view: { head: this.head } });
    upsertSearchAttributes([{ key: ChangedAt, value: new Date() }]);
  }

  private async keepPublishing(): Promise<void> {
    for (;;) {
      await condition(() => !this.isPublished());
      const records = pageOf(this.records.slice(this.published), recordBytesMax);
      try {
        await tell.publish.executeWithOptions({ summary: `publish ${records.length}` }, [{ records }]);
        this.published += records.length;
      } catch {
        // A day of attempts has failed. The records stay in this run, and are tried again.
        await sleep('5m');
      }
    }
  }

  /** Keeps those that it has where no better answer comes. */
  private async askKeys(): Promise<void> {
    this.believedAt = Date.now();
    const answer = await ask.believed().catch(() => undefined);
    this.believed = readBelieved(answer) ?? this.believed;
  }
}

/** Undefined where it is not what a run of ours hands on. */
function handedOn(handed: unknown): HandedOn | undefined {
  const { head: said, noted, strays, forgottenBefore } = { ...(handed as Partial<HandedOn>) };
  const head = headOf(said);
  if (!head || !Array.isArray(noted) || !Array.isArray(strays) || typeof forgottenBefore !== 'number') return undefined;
  return { head, noted, strays, forgottenBefore };
}

function headOf(said: Head | undefined): Head | undefined {
  return typeof said?.sequence === 'number' && typeof said.hash === 'string' ? said : undefined;
}
