/**
 * Seals the audit: every minute the heads of the chains that changed are signed and handed to every sink.
 *
 * 1. Seals are numbered and chained. Only what the activity answered is handed out, so no number is given twice.
 * 2. It goes on where the run before it was, and after an end by force from the newest seal that can be found.
 * 3. While seals cannot be written it soon makes no more: what changed meanwhile is sealed when they can.
 */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  log,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { LastSeal, SealAnswer } from '../activities/contract.js';
import { ask, resume } from './audit-calls.js';
import { tell } from './calls.js';
import { isContinued } from './continued.js';
import { firstPrevious } from './domain/record.js';
import type { Instant, Ms } from './domain/time.js';
import { sealsId } from './ids.js';
import * as messages from './messages.js';

const every: Ms = 60_000;
const runMax: Ms = 3_600_000;
const historyBytesMax = 10_000_000;
/** Visibility is late by some milliseconds as a rule, and by a few seconds when it is busy. */
const overlap: Ms = 30_000;
/** At the first look of a run, in case it was late by more than that, or away. */
const wideOverlap: Ms = 2 * 3_600_000;
const answerCharactersMax = 48_000;
/** Seals that wait to be written. */
const unwrittenMax = 10;

/** What one run hands to the next. */
interface HandedOn extends LastSeal {
  /** A look that was too long for one run goes on here. */
  look?: Look;
}

/** One look at what changed, in pages. */
interface Look {
  since: Instant;
  /** When it began; everything before that is sealed when it ends. */
  until?: Instant;
  page?: string;
}

export async function seals(handed?: unknown): Promise<void> {
  if (workflowInfo().workflowId !== sealsId) {
    throw ApplicationFailure.nonRetryable(`The id of this workflow is ${sealsId}.`, 'invalid');
  }
  const sealer = new Sealer();
  // There is nothing here that a cancellation could end.
  const last = await CancellationScope.nonCancellable(() => sealer.work(isContinued() ? handedOn(handed) : undefined));
  await continueAsNew<typeof seals>(last);
}

class Sealer {
  private last: LastSeal = { number: 0, digest: firstPrevious, since: 0 };
  private readonly made: { number: number; jws: string }[] = [];
  private written = 0;

  constructor() {
    setHandler(messages.seals, (after) => {
      const from = typeof after === 'number' ? after : 0;
      return fitting(this.made.filter(({ number }) => number > from).map(({ jws }) => jws));
    });
  }

  /** An hour of minutes; answers with where the next run goes on. */
  async work(handed: HandedOn | undefined): Promise<HandedOn> {
    const { look, ...last }: HandedOn = further(handed, handedOn(await resume.lastSeal())) ?? this.last;
    this.last = last;
    void this.keepWriting();
    const begun = Date.now();
    let wide = true;
    let under = look;
    while (under || (Date.now() - begun < runMax && !this.isLong())) {
      under = await this.go(under ?? { since: this.last.since - (wide ? wideOverlap : overlap) }, wide);
      if (under && this.isLong()) break;
      wide &&= under !== undefined;
      await sleep(every, { summary: 'until the next seal' });
      await condition(() => this.made.length - this.written < unwrittenMax);
    }
    await condition(() => this.written === this.made.length);
    return { ...this.last, ...(under && { look: under }) };
  }

  private isLong(): boolean {
    return workflowInfo().historySize >= historyBytesMax;
  }

  /** What is left of the look: undefined when everything that changed before it is sealed. */
  private async go(look: Look, always: boolean): Promise<Look | undefined> {
    let { until, page } = look;
    do {
      const { number, digest } = this.last;
      const since = Math.max(0, look.since);
      const question = { number: number + 1, previous: digest, since, page, always: always && page === undefined };
      const answer = await ask.seal(question).catch(() => undefined);
      if (!isAnswer(answer)) {
        log.error('the heads of the audit chains could not be sealed; it is tried again in a minute');
        // From its first page: what a page's name says may be forgotten by now.
        return { since: look.since };
      }
      until ??= answer.until;
      page = answer.next;
      this.keep(answer);
    } while (page !== undefined && !this.isLong());
    if (page !== undefined) return { ...look, until, page };
    this.last = { ...this.last, since: until };
    this.show();
    return undefined;
  }

  private keep({ seal, digest }: SealAnswer): void {
    if (seal === undefined || digest === undefined) return;
    const number = this.last.number + 1;
    this.last = { ...this.last, number, digest };
    this.made.push({ number, jws: seal });
    this.show();
  }

  private show(): void {
    upsertMemo({ view: this.last });
    setCurrentDetails(`Seal ${this.last.number}, up to ${new Date(this.last.since).toISOString()}`);
  }

  /** In their order, each when the one before it is in every file. */
  private async keepWriting(): Promise<void> {
    for (;;) {
      await condition(() => this.written < this.made.length);
      const next = this.made[this.written];
      if (!next) continue;
      try {
        const input = { records: [], seals: [next.jws] };
        await tell.publish.executeWithOptions({ summary: `hand out seal ${next.number}` }, [input]);
        this.written += 1;
      } catch {
        // A day of attempts has failed: it stays in this run, and is tried again.
        await sleep('5m');
      }
    }
  }
}

function fitting(all: string[]): string[] {
  let characters = 0;
  const end = all.findIndex((jws, index) => (characters += jws.length) > answerCharactersMax && index > 0);
  return end < 0 ? all : all.slice(0, end);
}

function isAnswer(answer: SealAnswer | undefined): answer is SealAnswer {
  if (typeof answer?.until !== 'number') return false;
  const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';
  return isText(answer.seal) && isText(answer.digest) && isText(answer.next);
}

/** No number is given twice, also where somebody set a run back. */
function further(handed: HandedOn | undefined, found: HandedOn | undefined): HandedOn | undefined {
  return handed && found && found.number > handed.number ? found : (handed ?? found);
}

/** Undefined where it is not what a run of ours hands on, or our activity answers. */
function handedOn(said: unknown): HandedOn | undefined {
  const { number, digest, since, look } = { ...(said as Partial<HandedOn>) };
  if (typeof number !== 'number' || typeof digest !== 'string' || typeof since !== 'number') return undefined;
  return { number, digest, since, ...(typeof look?.since === 'number' && { look }) };
}
